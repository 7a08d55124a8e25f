//! `NetworkPolicy`: a network policy of the SpaceONE inventory. Not the core kind of the same
//! name: say `networkpolicies.cloudpolicy.dev` or `cloudnetpol`.

use super::schema;
use super::shared::CommonSpec;
use super::status::{CommonStatus, UpstreamObject};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A network policy kept upstream as this object says.
#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, KubeSchema, PartialEq)]
#[kube(
    group = "cloudpolicy.dev",
    version = "v1alpha1",
    kind = "NetworkPolicy",
    plural = "networkpolicies",
    namespaced,
    status = "NetworkPolicyStatus",
    derive = "PartialEq",
    category = "cloudpolicy",
    shortname = "cloudnetpol",
    doc = "A network policy of the SpaceONE inventory, kept upstream as this object says. Not the networking.k8s.io kind of the same name.",
    printcolumn(name = "READY", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "STATUS", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "ID", type_ = "string", json_path = ".status.networkPolicyId"),
    printcolumn(name = "CONNECTION", type_ = "string", json_path = ".spec.connectionRef.name"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "SYSTEM", type_ = "string", json_path = ".status.upstream.system", priority = 1),
    printcolumn(name = "DRIFT", type_ = "string", json_path = ".status.drift.fields[*].path", priority = 1),
    printcolumn(name = "MESSAGE", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.connectionRef == oldSelf.connectionRef", "spec.connectionRef is immutable: another connection is another account"))]
#[x_kube(validation = ("!has(oldSelf.externalId) || (has(self.externalId) && self.externalId == oldSelf.externalId)", "spec.externalId is immutable once set"))]
pub struct NetworkPolicySpec {
    /// What every kind shares.
    #[serde(flatten)]
    pub common: CommonSpec,
    /// The network policy, in the words of SpaceONE's inventory API.
    pub spaceone: SpaceoneNetworkPolicySpec,
}

/// A SpaceONE inventory network policy (`spaceone.api.inventory.v1.NetworkPolicy`).
#[derive(Clone, Debug, Deserialize, Serialize, KubeSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SpaceoneNetworkPolicySpec {
    /// Name: 1 to 255 characters, not unique upstream.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// Zone of the policy, such as `zone-0123456789ab`. The upstream cannot change it: a change
    /// needs `recreatePolicy: WhenRequired`.
    #[schemars(schema_with = "schema::spaceone_id")]
    pub zone_id: String,
    /// Routes: at most 200. An emptied list needs `recreatePolicy: WhenRequired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::routing_tables")]
    pub routing_tables: Option<Vec<RoutingTable>>,
    /// IP addresses of name servers, such as `10.0.0.2`; at most 20. An emptied list needs
    /// `recreatePolicy: WhenRequired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::dns")]
    pub dns: Option<Vec<String>>,
    /// Free data, merged upstream by top-level key; keys without `.` and without a leading `$`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::json_object")]
    pub data: Option<Map<String, Value>>,
    /// Free metadata, merged upstream by top-level key; keys without `.` and without a leading `$`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::json_object")]
    pub metadata: Option<Map<String, Value>>,
    /// The cloud resource that this policy stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SpaceoneReference")]
    pub reference: Option<SpaceoneReference>,
    /// Tags: any JSON values; keys without `.` and without a leading `$`. One more key,
    /// `cloudpolicy_owner`, is the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::json_object")]
    pub tags: Option<Map<String, Value>>,
    /// Fields that collectors must not overwrite (`pin_data`), such as `name`, `dns`,
    /// `routing_tables`, `tags`, `reference` or `data.<key>`; at most 50. The upstream cannot
    /// unpin everything: an emptied list needs `recreatePolicy: WhenRequired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::pinned_keys")]
    pub pinned_keys: Option<Vec<String>>,
}

/// One route.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RoutingTable {
    /// Destination network without host bits, such as `10.0.0.0/16`.
    #[schemars(schema_with = "schema::cidr")]
    pub cidr: String,
    /// IP address of the next hop, such as `10.0.0.1`.
    #[schemars(schema_with = "schema::ip")]
    pub destination: String,
    /// Interface: at most 40 characters, such as `eth0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::interface")]
    pub interface: Option<String>,
}

/// The cloud resource that a network policy stands for.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SpaceoneReference {
    /// Id of the cloud resource: at most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::short_text")]
    pub resource_id: Option<String>,
    /// Link to the cloud resource: at most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::short_text")]
    pub external_link: Option<String>,
}

/// What the operator saw of a `NetworkPolicy`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicyStatus {
    /// What every kind shares.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The upstream's id of the network policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub network_policy_id: Option<String>,
    /// The region, as the upstream describes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::upstream_object")]
    pub region_info: Option<UpstreamObject>,
    /// The zone, as the upstream describes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::upstream_object")]
    pub zone_info: Option<UpstreamObject>,
    /// When the upstream says it was created, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub created_at: Option<String>,
}
