//! `Connection` and `ClusterConnection`: endpoint and credentials of one upstream account.

use super::approval::Approval;
use super::guardrails::Guardrail;
use super::{guardrails, rules, schema};
use kube::core::Rule;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::connection_status::{ConnectionStatus, Usage};

/// The fields of which a spec sets exactly one.
const PROVIDERS: [&str; 2] = ["ncloud", "spaceone"];

/// Requires either the zone or the address of the Sub Account API.
fn zone_or_endpoint() -> Rule {
    Rule::new("has(self.zone) != has(self.endpoint)")
        .message("exactly one of spec.ncloud.zone and spec.ncloud.endpoint must be set")
}

/// Requires either all namespaces or a list of names.
fn all_or_names() -> Rule {
    Rule::new("!(has(self.all) && self.all && has(self.names))")
        .message("spec.allowedNamespaces must have either all: true or names, not both: write all: false to allow only the names")
}

/// Endpoint and credentials of one upstream account, for objects of the same namespace.
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
    doc = "Endpoint and credentials of one upstream account, for objects of the same namespace.",
    validation = guardrails::no_namespaces(),
    printcolumn(name = "READY", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "STATUS", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "ENDPOINT", type_ = "string", json_path = ".status.endpoint"),
    printcolumn(name = "DEPENDANTS", type_ = "integer", json_path = ".status.dependants"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "MESSAGE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::one_of(&PROVIDERS))]
#[x_kube(validation = rules::same_choice(&PROVIDERS))]
#[x_kube(validation = guardrails::statements_of_provider())]
#[x_kube(validation = guardrails::conditions_of_ncloud())]
pub struct ConnectionSpec {
    /// The NAVER Cloud Platform account. Set exactly one of `ncloud` and `spaceone`. The choice is
    /// immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "NcloudConnection")]
    pub ncloud: Option<NcloudConnection>,
    /// The SpaceONE (Cloudforet) domain. Set exactly one of `ncloud` and `spaceone`. The choice is
    /// immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SpaceoneConnection")]
    pub spaceone: Option<SpaceoneConnection>,
    /// Limits the requests that the operator sends through this connection. By default, it sends at
    /// most 5 requests a second and 10 more in a burst.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RateLimit")]
    pub rate_limit: Option<RateLimit>,
    /// Names a Secret with CA certificates (PEM, key `ca.crt`), such as `{name: spaceone-ca}`. The
    /// operator trusts them instead of the system's certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SecretRef")]
    pub ca_bundle_secret_ref: Option<SecretRef>,
    /// The upper bound of what the objects of this connection may grant: at most 100 rules, such as
    /// `[{allow: [{product: Server, actions: ["View*"]}]}]`. By default, there is no bound. With
    /// guardrails, objects of a namespace to which no rule applies may grant nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::objects::<Guardrail, 0, 100>")]
    pub guardrails: Option<Vec<Guardrail>>,
    /// Which changes need an approval, such as `{widening: Required}`. By default, no change needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Approval")]
    pub approval: Option<Approval>,
}

/// Endpoint and credentials of one upstream account, for objects of the namespaces that it lists.
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
    doc = "Endpoint and credentials of one upstream account, for objects of the namespaces that it lists. Its Secrets are in the operator's namespace.",
    printcolumn(name = "READY", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "STATUS", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "ENDPOINT", type_ = "string", json_path = ".status.endpoint"),
    printcolumn(name = "DEPENDANTS", type_ = "integer", json_path = ".status.dependants"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "MESSAGE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterConnectionSpec {
    /// Endpoint, credentials and limits. Their rules are part of this schema, too, because
    /// flattening keeps them. The API server rejects a definition that repeats a rule.
    #[serde(flatten)]
    pub connection: ConnectionSpec,
    /// The namespaces whose objects may use this connection, such as `{names: [team-a]}`. By
    /// default, no namespace may use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AllowedNamespaces")]
    pub allowed_namespaces: Option<AllowedNamespaces>,
}

/// Selects the namespaces whose objects may use a `ClusterConnection`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, KubeSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[x_kube(validation = all_or_names())]
pub struct AllowedNamespaces {
    /// `true` allows every namespace, present and future. It cannot be combined with `names`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub all: Option<bool>,
    /// The namespaces whose objects may use the connection: at most 500 different names, such as
    /// `team-a`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::namespace_names")]
    pub names: Option<Vec<String>>,
}

/// A NAVER Cloud Platform account.
#[derive(Clone, Debug, Deserialize, Serialize, KubeSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[x_kube(validation = zone_or_endpoint())]
pub struct NcloudConnection {
    /// The zone of the account: `Public` (`https://subaccount.apigw.ntruss.com`), `Financial`
    /// (`https://subaccount.apigw.fin-ntruss.com`) or `Government`
    /// (`https://subaccount.apigw.gov-ntruss.com`). Set exactly one of `zone` and `endpoint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "NcloudZone")]
    pub zone: Option<NcloudZone>,
    /// Base URL of the Sub Account API: at most 255 characters, such as
    /// `https://subaccount.apigw.ntruss.com`. Set exactly one of `zone` and `endpoint`. The
    /// operator calls only endpoints that its administrator allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::endpoint")]
    pub endpoint: Option<String>,
    /// Names the Secret with the keys `accessKey` and `secretKey`, such as `{name: ncloud-key}`.
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
    /// Base URL of the API: at most 255 characters, such as `https://spaceone.example.com/api`. The
    /// operator calls only endpoints that its administrator allows.
    #[schemars(schema_with = "schema::endpoint")]
    pub endpoint: String,
    /// The style of the server's paths: `Rest` (the default, `POST /repository/v1/policies`),
    /// `Verb` (`POST /repository/v1/policy/create`) or `Console`
    /// (`POST /repository/policy/create`).
    #[serde(default)]
    pub api_style: ApiStyle,
    /// Id of the domain: 1 to 64 characters, such as `domain-0123456789ab`.
    #[schemars(schema_with = "schema::spaceone_id")]
    pub domain_id: String,
    /// Id of the repository from which the operator lists policies: 1 to 64 characters, such as
    /// `repo-0123456789ab`. By default, the operator uses the local repository of the domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::spaceone_id")]
    pub repository_id: Option<String>,
    /// Names the Secret and the key that hold the token, such as `{name: spaceone-token}`. An API
    /// key does not expire; an access token expires after minutes.
    pub token_secret_ref: SecretKeyRef,
}

/// The style of a SpaceONE server's paths.
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

/// Names a Secret in the namespace of the connection, or in the operator's namespace for a
/// `ClusterConnection`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct SecretRef {
    /// Name of the Secret: at most 253 characters, such as `upstream-key`.
    #[schemars(schema_with = "schema::object_name")]
    pub name: String,
}

/// Names a key of a Secret in the namespace of the connection, or in the operator's namespace for a
/// `ClusterConnection`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret: at most 253 characters, such as `upstream-key`.
    #[schemars(schema_with = "schema::object_name")]
    pub name: String,
    /// Key in the data of the Secret: 1 to 253 characters, such as `token` (the default).
    #[serde(default = "default_token_key")]
    #[schemars(schema_with = "schema::secret_key")]
    pub key: String,
}

/// Limits the requests that the operator sends.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Sustained requests per second: 1 to 1000, such as 5 (the default).
    #[serde(default = "default_rate")]
    #[schemars(range(min = 1, max = 1000))]
    pub requests_per_second: i32,
    /// Additional requests in a burst: 1 to 2000, such as 10 (the default).
    #[serde(default = "default_burst")]
    #[schemars(range(min = 1, max = 2000))]
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
