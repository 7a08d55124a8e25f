//! Policies as the simulator stores them and as requests carry them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `{operator: {key: [values]}}`.
pub type Condition = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Who made a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PolicyType {
    /// NAVER Cloud; nobody else can change it.
    SystemManaged,
    /// The account.
    UserCreated,
}

/// One statement of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// `Allow` or `Deny`.
    #[serde(default)]
    pub effect: String,
    /// What is allowed or denied.
    #[serde(default)]
    pub targets: Vec<Target>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

/// Actions on resources of one product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Service code.
    #[serde(default)]
    pub product: String,
    /// `View/...`, `Change/...`, `View*`, `Change*` or `*`.
    #[serde(default)]
    pub actions: Vec<String>,
    /// Resource names, or `*`.
    #[serde(default)]
    pub resource_nrns: Vec<String>,
}

/// What kind of principal holds a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HolderType {
    /// A sub account.
    SubAccount,
    /// A group of sub accounts.
    Group,
    /// A role.
    Role,
}

/// A principal that holds a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assignee {
    /// Its kind.
    pub resource_type: HolderType,
    /// Its id.
    pub resource_id: String,
    /// Its name.
    pub resource_name: String,
}

/// A policy as the account holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredPolicy {
    /// Made by the server.
    pub policy_id: String,
    /// Unique among user-created policies, as far as is known.
    pub policy_name: String,
    /// Who made it.
    pub policy_type: PolicyType,
    /// Absent when never given or cleared.
    pub description: Option<String>,
    /// What it grants.
    pub permissions: Vec<Permission>,
    /// Tags by key.
    pub tags: BTreeMap<String, String>,
    /// Who holds it.
    pub assignees: Vec<Assignee>,
    /// Resource name.
    pub nrn: String,
}

/// A policy that someone else makes behind the API; everything not given is made up by the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NewPolicy {
    /// Its name.
    pub policy_name: String,
    /// Its description.
    pub description: Option<String>,
    /// What it grants.
    pub permissions: Vec<Permission>,
    /// Tags by key.
    pub tags: BTreeMap<String, String>,
}

/// Body of create, edit and validate. Unknown fields are ignored.
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
