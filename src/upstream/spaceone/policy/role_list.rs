//! The list of roles that deletions share: one list tells who uses every policy.

use crate::engine::{Result, User};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The roles that use each policy, by the id of the policy.
pub(super) type UsedBy = BTreeMap<String, Vec<User>>;

/// One list of all roles.
pub(super) struct RoleList {
    begun: Instant,
    ended: Instant,
    used_by: Result<UsedBy>,
}

/// How long a failed list serves: those who waited for it share the failure, and a later attempt lists again.
const FAILURE_SERVES: Duration = Duration::from_secs(1);

impl RoleList {
    /// Keeps the result of a list that began at `begun` and ends now.
    pub(super) fn new(begun: Instant, used_by: Result<UsedBy>) -> Self {
        Self { begun, ended: Instant::now(), used_by }
    }

    /// Returns whether the list serves a question that needs one which began at `not_before` or later.
    pub(super) fn serves(&self, not_before: Instant) -> bool {
        self.begun >= not_before && (self.used_by.is_ok() || self.ended.elapsed() < FAILURE_SERVES)
    }

    /// Returns the roles that use the policy.
    pub(super) fn of(&self, policy_id: &str) -> Result<Vec<User>> {
        let used_by = self.used_by.as_ref().map_err(Clone::clone)?;
        Ok(used_by.get(policy_id).cloned().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ErrorKind, UpstreamError, UserKind};

    #[test]
    fn list_serves_questions_that_were_asked_before_it() {
        let (before, begun) = (Instant::now(), Instant::now());
        let role = User { kind: UserKind::Role, shown: "role r".to_owned() };
        let list = RoleList::new(begun, Ok(UsedBy::from([("p".to_owned(), vec![role.clone()])])));
        assert!(list.serves(before) && list.serves(begun) && !list.serves(Instant::now()));
        assert_eq!((list.of("p").unwrap(), list.of("q").unwrap()), (vec![role], Vec::new()));
    }

    #[test]
    fn failed_list_serves_only_waiting_questions() {
        let begun = Instant::now();
        let failed = RoleList::new(begun, Err(UpstreamError::new(ErrorKind::Unavailable, "list roles", "down")));
        assert!(failed.serves(begun) && failed.of("p").is_err());
        let long_ago = RoleList { ended: begun.checked_sub(FAILURE_SERVES).unwrap(), ..failed };
        assert!(!long_ago.serves(begun));
    }
}
