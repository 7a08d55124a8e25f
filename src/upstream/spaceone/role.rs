//! The roles of the identity service that hold a policy.
//!
//! Identity keeps a copy of each repository policy in the roles that name it, and goes on with the copy when
//! the policy is deleted. So a deletion does not take access away while a role names the policy.

use super::client::{Fields, Spaceone};
use super::resource::{ResourceApi, Scope, Verb};
use crate::engine::{ErrorKind, Result, UpstreamError};
use crate::upstream::lenient::nullable;
use serde::Deserialize;
use serde_json::Value;

/// Roles.
pub(super) const ROLE: &ResourceApi = &ResourceApi {
    system: "spaceone/role",
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

impl Spaceone {
    /// Returns the roles of the domain that hold the policy, as text for people.
    ///
    /// The operator reads all roles: identity filters by policy, but its filter misses roles that an older release
    /// wrote.
    pub(super) async fn roles_with(&self, policy_id: &str) -> Result<Vec<String>> {
        let roles = self.search(ROLE, &Fields::new()).await.map_err(untold)?;
        let mut held = Vec::new();
        for role in roles {
            let role: ReceivedRole = serde_json::from_value(Value::Object(role)).map_err(|_| unreadable())?;
            let holds = |held: &HeldPolicy| held.policy_type == OF_REPOSITORY && held.policy_id == policy_id;
            if role.policies.iter().any(holds) {
                held.push(self.redactor().clean(&format!("role {} ({})", role.name, role.role_id)));
            }
        }
        held.sort();
        Ok(held)
    }
}

/// Tells a refusal to list roles from other failures. A rejected token concerns the whole connection.
fn untold(error: UpstreamError) -> UpstreamError {
    let about_token = error.code.as_deref().is_some_and(|code| code.starts_with("ERROR_AUTHENTICAT"));
    match error.kind {
        ErrorKind::Unauthorized if about_token => error,
        ErrorKind::Unauthorized | ErrorKind::Unsupported | ErrorKind::Rejected | ErrorKind::InvalidReference => {
            UpstreamError { kind: ErrorKind::UsersUnknown, ..error }
        }
        _ => error,
    }
}

fn unreadable() -> UpstreamError {
    let message = "the list contains a role of an unexpected shape";
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
