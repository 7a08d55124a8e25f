//! `NetworkPolicy`: a network policy of the SpaceONE inventory. `networking.k8s.io` has a kind of the
//! same name, so kubectl needs `networkpolicies.cloudpolicy.dev` or `cloudnetpol`.

use super::JsonObject;
use super::shared::CommonSpec;
use super::status::CommonStatus;
use super::{rules, schema};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The desired state of a network policy, its connection, and the policies by which the operator manages it.
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
    doc = "A network policy of the SpaceONE inventory. The operator keeps the upstream network policy equal to `spec`. This is not the networking.k8s.io kind of the same name.",
    validation = rules::same_connection(),
    validation = rules::same_external_id(),
    selectable = ".spec.connectionRef.name",
    selectable = ".spec.connectionRef.kind",
    selectable = ".status.networkPolicyId",
    printcolumn(name = "READY", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "STATUS", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "ID", type_ = "string", json_path = ".status.networkPolicyId"),
    printcolumn(name = "CONNECTION", type_ = "string", json_path = ".spec.connectionRef.name"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "SYSTEM", type_ = "string", json_path = ".status.upstream.system", priority = 1),
    printcolumn(name = "DRIFT", type_ = "string", json_path = ".status.drift.fields[*].path", priority = 1),
    printcolumn(
        name = "MESSAGE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicySpec {
    /// The fields of every managed kind.
    #[serde(flatten)]
    pub common: CommonSpec,
    /// The network policy, with the fields of SpaceONE's inventory API.
    pub spaceone: SpaceoneNetworkPolicySpec,
}

/// A network policy of the SpaceONE inventory (`spaceone.api.inventory.v1.NetworkPolicy`).
#[derive(Clone, Debug, Deserialize, Serialize, KubeSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SpaceoneNetworkPolicySpec {
    /// Name: 1 to 255 characters, such as `seoul-vpc`. It is not unique upstream.
    #[schemars(schema_with = "schema::short_text")]
    pub name: String,
    /// Id of the zone: 1 to 64 characters, such as `zone-0123456789ab`. To change it, set
    /// `recreatePolicy: WhenRequired`, because SpaceONE cannot change it in place.
    #[schemars(schema_with = "schema::spaceone_id")]
    pub zone_id: String,
    /// Routes: at most 200, such as `{cidr: 10.0.0.0/16, destination: 10.0.0.1}`. Their order has
    /// no meaning. To empty the list, set `recreatePolicy: WhenRequired`, because SpaceONE ignores
    /// an empty list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::objects::<RoutingTable, 0, 200>")]
    pub routing_tables: Option<Vec<RoutingTable>>,
    /// IP addresses of name servers, in the order of use: at most 20, such as `10.0.0.2`. To empty
    /// the list, set `recreatePolicy: WhenRequired`, because SpaceONE ignores an empty list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::dns")]
    pub dns: Option<Vec<String>>,
    /// Free data: at most 100 keys with any JSON values, such as `vpc: {id: vpc-1}`. SpaceONE
    /// merges it by top-level key and never removes a key. SpaceONE cannot store a key that
    /// contains `.` or begins with `$`. The API server cannot check this, so the operator reports
    /// `InvalidSpec`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::json_object")]
    pub data: Option<JsonObject>,
    /// Free metadata: at most 100 keys, such as `view: {layout: table}`. As with `data`, SpaceONE
    /// merges it by top-level key, and a key cannot contain `.` or begin with `$`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::json_object")]
    pub metadata: Option<JsonObject>,
    /// The cloud resource that this policy represents, such as `{resourceId: vpc-0123}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SpaceoneReference")]
    pub reference: Option<SpaceoneReference>,
    /// Tags: at most 100 keys with any JSON values, such as `team: network`. SpaceONE cannot store
    /// a key that contains `.` or begins with `$`. The API server cannot check this, so the
    /// operator reports `InvalidSpec`. The key `cloudpolicy_owner` is reserved for the owner tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::spaceone_tags")]
    pub tags: Option<JsonObject>,
    /// Fields that collectors must not overwrite (`pin_data`), such as `tags`: at most 50 different
    /// ones of `name`, `dns`, `routing_tables`, `tags`, `reference`, `zone_id` and `data.<key>`, as
    /// SpaceONE spells them. To empty the list, set `recreatePolicy: WhenRequired`, because SpaceONE ignores an
    /// empty list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::pinned_keys")]
    pub pinned_keys: Option<Vec<String>>,
}

/// One route.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RoutingTable {
    /// Destination network without host bits, or a single address: at most 43 characters, such as
    /// `10.0.0.0/16` or `2001:db8::/32`.
    #[schemars(schema_with = "schema::cidr")]
    pub cidr: String,
    /// IP address of the next hop: at most 39 characters, such as `10.0.0.1`.
    #[schemars(schema_with = "schema::ip")]
    pub destination: String,
    /// Interface: 1 to 40 characters without spaces, such as `eth0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::interface")]
    pub interface: Option<String>,
}

/// The cloud resource that a network policy represents.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct SpaceoneReference {
    /// Id of the cloud resource: 1 to 255 characters, such as `vpc-0123`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::resource_id")]
    pub resource_id: Option<String>,
    /// Link to the cloud resource: 1 to 255 characters, such as
    /// `https://console.example.com/vpc/vpc-0123`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::link")]
    pub external_link: Option<String>,
}

/// The state of a `NetworkPolicy` as the operator observed it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicyStatus {
    /// The fields of every managed kind.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The id of the network policy in SpaceONE, such as `npolicy-0123456789ab`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub network_policy_id: Option<String>,
    /// The keys of `spec.spaceone.data` that this object declared and SpaceONE still holds, such as `subnets`. SpaceONE
    /// merges `data`, so a key that the spec drops stays until the network policy is created again.
    /// A key that is not in this list belongs to another writer.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub declared_data_keys: BTreeSet<String>,
    /// The fields that only the upstream sets.
    #[serde(flatten)]
    pub details: NetworkPolicyDetails,
}

/// The fields of a `NetworkPolicy` that only the upstream sets.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicyDetails {
    /// The region as SpaceONE describes it, such as `{"region_id": "region-0123456789ab"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::upstream_object")]
    pub region_info: Option<JsonObject>,
    /// The zone as SpaceONE describes it, such as `{"zone_id": "zone-0123456789ab"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::upstream_object")]
    pub zone_info: Option<JsonObject>,
    /// When SpaceONE created the network policy, RFC 3339, such as `2026-11-21T08:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub created_at: Option<String>,
}
