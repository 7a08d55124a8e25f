//! The roles of the identity service.
//!
//! A role holds a copy of each repository policy that it names. The deletion of the policy in the
//! repository changes neither the role nor the copy, so the role keeps its permissions.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Spaceone;
use super::errors::{ApiError, Grpc};
use super::fields::require;
use super::installation::Installation;
use super::options::RoleAccess;
use super::query::{Field, Rules, select, with_filters};
use crate::exchange::{Answer, Reply};

static FIELDS: &[Field] = &[
    Field::Leaf("role_id"),
    Field::Leaf("name"),
    Field::Leaf("role_type"),
    Field::Free("policies"),
    Field::Leaf("policy_id"),
    Field::Leaf("domain_id"),
];

/// A policy that a role names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolePolicy {
    /// `MANAGED` for a policy of the repository, `CUSTOM` for one of the identity service. Both may have the
    /// same id.
    pub policy_type: String,
    /// The id of the policy.
    pub policy_id: String,
}

impl RolePolicy {
    /// Returns a policy of the repository.
    #[must_use]
    pub fn managed(id: &str) -> Self {
        Self { policy_type: "MANAGED".to_owned(), policy_id: id.to_owned() }
    }

    /// Returns a policy of the identity service.
    #[must_use]
    pub fn custom(id: &str) -> Self {
        Self { policy_type: "CUSTOM".to_owned(), policy_id: id.to_owned() }
    }
}

/// A role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoredRole {
    /// The id, chosen by the server.
    pub role_id: String,
    /// The name, unique in the domain.
    pub name: String,
    /// The policies that the role names.
    pub policies: Vec<RolePolicy>,
    /// The domain of the role.
    pub domain_id: String,
    /// Whether an older release wrote the role. A filter by policy does not find it then.
    pub is_old: bool,
}

#[allow(clippy::must_use_candidate, reason = "callers want the change and may ignore the result")]
impl Spaceone {
    /// Creates a role without the API. An empty id or domain gets a default. Returns the role's id.
    pub fn add_role(&self, mut role: StoredRole) -> String {
        self.with(|installation| {
            if role.role_id.is_empty() {
                role.role_id = installation.store.ids.prefixed("role");
            }
            if role.domain_id.is_empty() {
                role.domain_id.clone_from(&installation.store.domain_id);
            }
            let id = role.role_id.clone();
            installation.roles.push(role);
            id
        })
    }

    /// Changes a role without the API. Returns false if there is no role with this id.
    pub fn edit_role(&self, id: &str, change: impl FnOnce(&mut StoredRole)) -> bool {
        self.with(|installation| installation.roles.iter_mut().find(|role| role.role_id == id).map(change).is_some())
    }

    /// Deletes a role without the API. Returns false if there is no role with this id.
    pub fn remove_role(&self, id: &str) -> bool {
        self.with(|installation| {
            let before = installation.roles.len();
            installation.roles.retain(|role| role.role_id != id);
            installation.roles.len() < before
        })
    }

    /// Returns all roles, oldest first.
    #[must_use]
    pub fn roles(&self) -> Vec<StoredRole> {
        self.with(|installation| installation.roles.clone())
    }
}

impl Installation {
    pub(crate) fn list_roles(&self, params: &Map<String, Value>) -> Result<Answer, ApiError> {
        if self.options.switches.roles == RoleAccess::Denied {
            return Err(ApiError::new("ERROR_PERMISSION_DENIED", Grpc::PermissionDenied, "Permission denied."));
        }
        require(params, &["domain_id"])?;
        let query = with_filters(params, &["role_id", "name", "role_type", "domain_id", "policy_id"]);
        let documents: Vec<Value> = self.roles.iter().map(document).collect();
        let rules = Rules {
            fold_case: false,
            exact: &[],
            fields: FIELDS,
            keywords: &["role_id", "name"],
            now: self.options.clock.now(),
            largest_page: self.options.switches.largest_page,
        };
        let (found, total) = select(&documents, &query, &rules)?;
        let results: Vec<Value> = found.into_iter().map(|at| info(&self.roles[at])).collect();
        Ok(Answer::read(Reply::json(200, &self.page_of(&results, total))))
    }
}

/// Returns the role as the store filters it.
fn document(role: &StoredRole) -> Value {
    let ids = role.policies.iter().filter(|_| !role.is_old).map(|policy| policy.policy_id.clone());
    let mut document = info(role);
    document["policy_id"] = ids.collect();
    document
}

/// Returns the role as the server prints it.
fn info(role: &StoredRole) -> Value {
    json!({
        "role_id": role.role_id, "name": role.name, "role_type": "DOMAIN", "policies": role.policies,
        "page_permissions": [], "tags": {}, "domain_id": role.domain_id,
    })
}
