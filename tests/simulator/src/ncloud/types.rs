//! Policies in the store and in requests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A condition: `{operator: {key: [values]}}`.
pub type Condition = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Who manages a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PolicyType {
    /// NAVER Cloud manages the policy. The account cannot change it.
    SystemManaged,
    /// The account created the policy.
    UserCreated,
}

/// One statement of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// `Allow` or `Deny`.
    #[serde(default)]
    pub effect: String,
    /// The targets that are allowed or denied.
    #[serde(default)]
    pub targets: Vec<Target>,
    /// The condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

/// Actions on resources of one product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The service code.
    #[serde(default)]
    pub product: String,
    /// `View/...`, `Change/...`, `View*`, `Change*` or `*`.
    #[serde(default)]
    pub actions: Vec<String>,
    /// Resource names, or `*`.
    #[serde(default)]
    pub resource_nrns: Vec<String>,
}

/// The type of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrincipalType {
    /// A sub account.
    SubAccount,
    /// A group of sub accounts.
    Group,
    /// A role.
    Role,
}

/// A principal that a policy is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assignee {
    /// The type of the principal.
    pub resource_type: PrincipalType,
    /// The id of the principal.
    pub resource_id: String,
    /// The name of the principal.
    pub resource_name: String,
}

/// A policy in the account's store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredPolicy {
    /// The id, chosen by the server.
    pub policy_id: String,
    /// The name, unique among user-created policies as far as is known.
    pub policy_name: String,
    /// Who manages the policy.
    pub policy_type: PolicyType,
    /// The description; absent if it was never set or was cleared.
    pub description: Option<String>,
    /// The permissions.
    pub permissions: Vec<Permission>,
    /// Tags by key.
    pub tags: BTreeMap<String, String>,
    /// The principals that the policy is attached to.
    pub assignees: Vec<Assignee>,
    /// The resource name.
    pub nrn: String,
}

/// A policy that a test creates without the API. The server chooses the remaining fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NewPolicy {
    /// The name.
    pub policy_name: String,
    /// The description.
    pub description: Option<String>,
    /// The permissions.
    pub permissions: Vec<Permission>,
    /// Tags by key.
    pub tags: BTreeMap<String, String>,
}

/// The body of create, edit and validate. Unknown fields are ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyBody {
    pub(crate) policy_name: Option<String>,
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) permissions: Vec<Permission>,
    pub(crate) tags: Option<BTreeMap<String, String>>,
}

/// One finding of the server's validation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Detail {
    #[serde(rename = "type")]
    pub(crate) severity: &'static str,
    pub(crate) code: &'static str,
    pub(crate) location: String,
    pub(crate) message: String,
}
