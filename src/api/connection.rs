//! `Connection` and `ClusterConnection`: endpoint and credentials of one upstream account.

use super::schema;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Endpoint and credentials of one upstream account, for its own namespace.
#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, KubeSchema, PartialEq)]
#[kube(
    group = "cloudpolicy.dev",
    version = "v1alpha1",
    kind = "Connection",
    plural = "connections",
    namespaced,
    status = "ConnectionStatus",
    derive = "PartialEq",
    category = "cloudpolicy",
    shortname = "cloudconn",
    doc = "Endpoint and credentials of one upstream account, for the namespace it lies in.",
    printcolumn(name = "READY", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "STATUS", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "ENDPOINT", type_ = "string", json_path = ".status.endpoint"),
    printcolumn(name = "DEPENDANTS", type_ = "integer", json_path = ".status.dependants"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "MESSAGE", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.ncloud) != has(self.spaceone)", "exactly one of spec.ncloud and spec.spaceone must be set"))]
#[x_kube(validation = ("has(self.ncloud) == has(oldSelf.ncloud) && has(self.spaceone) == has(oldSelf.spaceone)", "the upstream of a connection is immutable: create another connection"))]
pub struct ConnectionSpec {
    /// NAVER Cloud Platform. Exactly one of `ncloud` and `spaceone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "NcloudConnection")]
    pub ncloud: Option<NcloudConnection>,
    /// SpaceONE (Cloudforet). Exactly one of `ncloud` and `spaceone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SpaceoneConnection")]
    pub spaceone: Option<SpaceoneConnection>,
    /// How many requests the operator may send through this connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RateLimit")]
    pub rate_limit: Option<RateLimit>,
    /// A Secret with the CA certificates (PEM, key `ca.crt`) to trust instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SecretRef")]
    pub ca_bundle_secret_ref: Option<SecretRef>,
}

/// Endpoint and credentials of one upstream account, for the namespaces it lists.
#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, KubeSchema, PartialEq)]
#[kube(
    group = "cloudpolicy.dev",
    version = "v1alpha1",
    kind = "ClusterConnection",
    plural = "clusterconnections",
    status = "ConnectionStatus",
    derive = "PartialEq",
    category = "cloudpolicy",
    shortname = "clustercloudconn",
    doc = "Endpoint and credentials of one upstream account, for the namespaces it lists. Its Secret lies in the operator's namespace.",
    printcolumn(name = "READY", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "STATUS", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "ENDPOINT", type_ = "string", json_path = ".status.endpoint"),
    printcolumn(name = "DEPENDANTS", type_ = "integer", json_path = ".status.dependants"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "MESSAGE", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.ncloud) != has(self.spaceone)", "exactly one of spec.ncloud and spec.spaceone must be set"))]
#[x_kube(validation = ("has(self.ncloud) == has(oldSelf.ncloud) && has(self.spaceone) == has(oldSelf.spaceone)", "the upstream of a connection is immutable: create another connection"))]
pub struct ClusterConnectionSpec {
    /// Endpoint, credentials and limits.
    #[serde(flatten)]
    pub connection: ConnectionSpec,
    /// The namespaces whose objects may use this connection. None by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AllowedNamespaces")]
    pub allowed_namespaces: Option<AllowedNamespaces>,
}

/// Which namespaces may use a `ClusterConnection`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, KubeSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!(has(self.all) && self.all && has(self.names))", "allowedNamespaces takes either all: true or names"))]
pub struct AllowedNamespaces {
    /// `true` allows every namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub all: Option<bool>,
    /// Names of the namespaces that may use it; at most 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::namespace_names")]
    pub names: Option<Vec<String>>,
}

/// A NAVER Cloud Platform account.
#[derive(Clone, Debug, Deserialize, Serialize, KubeSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.zone) != has(self.endpoint)", "exactly one of zone and endpoint must be set"))]
pub struct NcloudConnection {
    /// The zone of the account: `Public`, `Financial` or `Government`. Exactly one of `zone` and `endpoint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "NcloudZone")]
    pub zone: Option<NcloudZone>,
    /// Base URL of the Sub Account API, such as `https://subaccount.apigw.ntruss.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::endpoint")]
    pub endpoint: Option<String>,
    /// The Secret with the keys `accessKey` and `secretKey`.
    pub credentials_secret_ref: SecretRef,
}

/// The zones of NAVER Cloud Platform.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq, Hash)]
pub enum NcloudZone {
    /// `https://subaccount.apigw.ntruss.com`
    Public,
    /// `https://subaccount.apigw.fin-ntruss.com`
    Financial,
    /// `https://subaccount.apigw.gov-ntruss.com`
    Government,
}

/// A SpaceONE domain.
#[derive(Clone, Debug, Deserialize, Serialize, KubeSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SpaceoneConnection {
    /// Base URL of the API, such as `https://spaceone.example.com/api`.
    #[schemars(schema_with = "schema::endpoint")]
    pub endpoint: String,
    /// How the server spells its paths: `Rest` (`POST /repository/v1/policies`), `Verb`
    /// (`POST /repository/v1/policy/create`) or `Console` (`POST /repository/policy/create`).
    #[serde(default)]
    pub api_style: ApiStyle,
    /// Id of the domain, such as `domain-0123456789ab`.
    #[schemars(schema_with = "schema::spaceone_id")]
    pub domain_id: String,
    /// Id of the repository that policies are listed from; without it the local repository is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::spaceone_id")]
    pub repository_id: Option<String>,
    /// The Secret that holds the token (an API key, or an access token).
    pub token_secret_ref: SecretKeyRef,
}

/// How a SpaceONE server spells its paths.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq, Eq, Hash)]
pub enum ApiStyle {
    /// `POST /repository/v1/policies`
    #[default]
    Rest,
    /// `POST /repository/v1/policy/create`
    Verb,
    /// `POST /repository/policy/create`
    Console,
}

/// Names a Secret in the connection's namespace (the operator's, for a `ClusterConnection`).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret.
    #[schemars(schema_with = "schema::object_name")]
    pub name: String,
}

/// Names a key of a Secret.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[schemars(schema_with = "schema::object_name")]
    pub name: String,
    /// Key in the Secret's data, such as `token`.
    #[serde(default = "default_token_key")]
    #[schemars(schema_with = "schema::secret_key")]
    pub key: String,
}

/// How many requests the operator may send.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Requests per second, sustained: 1 to 100.
    #[serde(default = "default_rate")]
    #[schemars(range(min = 1, max = 100))]
    pub requests_per_second: i32,
    /// Requests at once above that rate: 1 to 200.
    #[serde(default = "default_burst")]
    #[schemars(range(min = 1, max = 200))]
    pub burst: i32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { requests_per_second: default_rate(), burst: default_burst() }
    }
}

fn default_rate() -> i32 {
    5
}
fn default_burst() -> i32 {
    10
}
fn default_token_key() -> String {
    "token".to_owned()
}

/// What the operator saw of a connection.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionStatus {
    /// The `metadata.generation` that this status speaks of; -1 until the operator has seen the object.
    #[serde(default = "super::status::unseen")]
    pub observed_generation: i64,
    /// What is true of this connection now, one entry a type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The endpoint in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub endpoint: Option<String>,
    /// The `resourceVersion` of the Secret whose credentials are in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub secret_resource_version: Option<String>,
    /// What the account holds upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Usage")]
    pub usage: Option<Usage>,
    /// How many objects use this connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub dependants: Option<i64>,
    /// Echo of the annotation `cloudpolicy.dev/reconcile-requested-at` once it was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub last_handled_reconcile_at: Option<String>,
}

/// Upstream counts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// How many policies the account holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub policies: Option<i64>,
    /// How many policies the account may hold, where the upstream has a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub policies_limit: Option<i64>,
    /// How many network policies the domain holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub network_policies: Option<i64>,
}
