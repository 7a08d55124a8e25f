//! The roles of the identity service that hold a policy.
//!
//! Identity keeps a copy of each repository policy in the roles that name it, and goes on with the copy when
//! the policy is deleted. So a deletion does not take access away while a role names the policy.

use super::role_list::{RoleList, UsedBy};
use super::{POLICY, Policies};
use crate::engine::{ErrorKind, Result, UpstreamError, User, UserKind};
use crate::upstream::lenient::nullable;
use crate::upstream::spaceone::client::Fields;
use crate::upstream::spaceone::resource::{ResourceApi, Scope, Verb};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Instant;
use tokio::sync::Mutex;

/// Roles, as far as this collection reads them.
const ROLE: &ResourceApi = &ResourceApi {
    // The requests go out for this collection. A collection of roles has a name of its own.
    system: POLICY.system,
    service: "identity",
    singular: "role",
    plural: "roles",
    rest_get: "roles",
    rest_change: "roles",
    console_delete: "delete",
    id_field: "role_id",
    operations: &[(Verb::List, "list roles")],
    absence_code: None,
    offered_by: None,
    scope: Scope::Domain,
    queries_with_lists: true,
    always_has_stat: false,
};

/// The type of a policy of the repository. Identity has policies of its own, which may have the same ids.
const OF_REPOSITORY: &str = "MANAGED";

/// What a user does when the server does not list the roles.
const UNTOLD: &str = "the operator cannot tell which roles hold the policy, and a role keeps the permissions of a deleted policy. Permit the token's user to list roles (identity.Role.list)";

/// A role in a response.
#[derive(Debug, Deserialize)]
struct ReceivedRole {
    role_id: String,
    #[serde(default, deserialize_with = "nullable")]
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    policies: Vec<HeldPolicy>,
}

#[derive(Debug, Deserialize)]
struct HeldPolicy {
    #[serde(default, deserialize_with = "nullable")]
    policy_type: String,
    #[serde(default, deserialize_with = "nullable")]
    policy_id: String,
}

/// The last list of roles of an account.
type LastList = Mutex<Option<RoleList>>;

impl Policies {
    /// Returns the roles of the domain that hold the policy, by a list that began at `not_before` or later.
    pub(super) async fn roles_with(&self, policy_id: &str, not_before: Instant) -> Result<Vec<User>> {
        let last = self.client.state.of::<LastList>();
        let mut last = last.lock().await;
        if let Some(last) = last.as_ref().filter(|last| last.serves(not_before)) {
            return last.of(policy_id);
        }
        let begun = Instant::now();
        let used_by = self.used_by().await;
        last.insert(RoleList::new(begun, used_by)).of(policy_id)
    }

    /// Reads all roles: identity filters by policy, but its filter misses roles that an older release wrote.
    async fn used_by(&self) -> Result<UsedBy> {
        let read = |role| serde_json::from_value(Value::Object(role)).map(Some).map_err(|_| unreadable());
        let roles: Vec<ReceivedRole> = self.client.search(ROLE, &Fields::new(), read).await.map_err(untold)?;
        let mut used_by = UsedBy::new();
        for role in roles {
            let shown = self.client.redactor().clean(&format!("role {} ({})", role.name, role.role_id));
            let user = User { kind: UserKind::Role, shown };
            let held = role.policies.into_iter().filter(|held| held.policy_type == OF_REPOSITORY);
            for policy_id in held.map(|held| held.policy_id).collect::<BTreeSet<_>>() {
                used_by.entry(policy_id).or_default().push(user.clone());
            }
        }
        for roles in used_by.values_mut() {
            roles.sort();
        }
        Ok(used_by)
    }
}

/// Tells a refusal to list roles from other failures. A rejected token concerns the whole connection.
fn untold(error: UpstreamError) -> UpstreamError {
    let about_token = error.code.as_deref().is_some_and(|code| code.starts_with("ERROR_AUTHENTICAT"));
    match error.kind {
        ErrorKind::Unauthorized if about_token => error,
        ErrorKind::Unauthorized | ErrorKind::Unsupported | ErrorKind::Rejected | ErrorKind::InvalidReference => {
            let message = format!("{}: {UNTOLD}", error.message.trim_end_matches('.'));
            UpstreamError { kind: ErrorKind::UsersUnknown, message, ..error }
        }
        _ => error,
    }
}

fn unreadable() -> UpstreamError {
    let message = format!("the list contains a role of an unexpected shape: {UNTOLD}");
    UpstreamError::new(ErrorKind::UsersUnknown, ROLE.purpose(Verb::List).operation, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(kind: ErrorKind, code: &str) -> ErrorKind {
        untold(UpstreamError::new(kind, "list roles", "no").with_code(code)).kind
    }

    #[test]
    fn refusal_to_list_roles_leaves_the_users_unknown() {
        assert_eq!(kind(ErrorKind::Unauthorized, "ERROR_PERMISSION_DENIED"), ErrorKind::UsersUnknown);
        assert_eq!(kind(ErrorKind::Unsupported, "ERROR_UNSUPPORTED_API"), ErrorKind::UsersUnknown);
        assert_eq!(kind(ErrorKind::Unauthorized, "ERROR_AUTHENTICATE_FAILURE"), ErrorKind::Unauthorized);
        assert_eq!(kind(ErrorKind::Unavailable, "ERROR_UNKNOWN"), ErrorKind::Unavailable);
    }
}
