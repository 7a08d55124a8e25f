//! The guardrails of a connection: the upper bound of what its objects may grant.
//!
//! People who may write a connection may write its guardrails. The engine judges an object by them
//! (`engine::access::guardrails`), so this file has only their form.

use super::schema;
use kube::KubeSchema;
use kube::core::Rule;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Requires a product or permissions.
fn product_or_permissions() -> Rule {
    Rule::new("has(self.product) != has(self.permissions)").message(
        "a statement of spec.guardrails must have either product and actions (NAVER Cloud) or permissions (SpaceONE)",
    )
}

/// Requires actions beside a product, and only there.
fn actions_of_product() -> Rule {
    Rule::new("has(self.product) == has(self.actions) && (has(self.product) || !has(self.resourceNrns))").message(
        "a statement of spec.guardrails with product needs actions, such as [\"View*\"]; one with permissions has neither actions nor resourceNrns",
    )
}

/// Requires that statements are of the provider of the connection.
pub(super) fn statements_of_provider() -> Rule {
    let fits = |list: &str| {
        format!(
            "(!has(rule.{list}) || rule.{list}.all(it, has(self.ncloud) ? !has(it.permissions) : !has(it.product)))"
        )
    };
    Rule::new(format!("!has(self.guardrails) || self.guardrails.all(rule, {} && {})", fits("allow"), fits("deny")))
        .message("spec.guardrails must fit the connection: statements with product for spec.ncloud, with permissions for spec.spaceone")
}

/// Requires that only a connection to NAVER Cloud requires conditions.
pub(super) fn conditions_of_ncloud() -> Rule {
    Rule::new("!has(self.guardrails) || has(self.ncloud) || self.guardrails.all(rule, !has(rule.requireConditions))")
        .message("spec.guardrails[].requireConditions must be absent: SpaceONE has no conditions")
}

/// Requires that the guardrails of a `Connection` name no namespaces.
pub(super) fn no_namespaces() -> Rule {
    Rule::new("!has(self.spec.guardrails) || self.spec.guardrails.all(rule, !has(rule.namespaces))")
        .message("spec.guardrails[].namespaces must be absent: a Connection serves only its own namespace")
        .field_path(".spec.guardrails")
}

/// One rule of the upper bound of what objects may grant.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Guardrail {
    /// The namespaces to whose objects the rule applies, such as `{names: [team-a]}`. By default, it
    /// applies to all. Only a `ClusterConnection` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "GuardrailNamespaces")]
    pub namespaces: Option<GuardrailNamespaces>,
    /// What policies may grant: at most 10 statements. The statements of all rules that apply
    /// permit together. If no rule that applies has this field, policies may grant everything that
    /// needs no explicit statement: the products `IAM`, `Organization` and `SSO` of NAVER Cloud and
    /// the service `identity` of SpaceONE always need one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::objects::<GuardrailStatement, 0, 10>")]
    pub allow: Option<Vec<GuardrailStatement>>,
    /// What no policy may grant, whatever `allow` permits: at most 10 statements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::objects::<GuardrailStatement, 0, 10>")]
    pub deny: Option<Vec<GuardrailStatement>>,
    /// NAVER Cloud: the condition keys that each `Allow` statement of a policy must have, such as
    /// `ncp:principalType`: at most 20 of 1 to 128 characters. A condition counts only if it does not
    /// hold for a request without the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "keys")]
    pub require_conditions: Option<Vec<String>>,
    /// How many objects of one namespace may use the connection: 0 to 10000, such as 20. The oldest
    /// objects come first. Objects with `managementPolicy: Observe` do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 0, max = 10000))]
    pub max_policies: Option<i32>,
    /// How the upstream names of objects must begin: 1 to 48 characters, such as `team-a-`. It is about
    /// `policyName` (NAVER Cloud), `policyId` (a SpaceONE policy) and `name` (a network policy).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "prefix")]
    pub name_prefix: Option<String>,
    /// `Enforce` (the default) refuses every write for an object beyond the rule; `Warn` only tells. The
    /// rules that enforce and those that warn are two bounds: neither widens the other.
    #[serde(default)]
    pub enforcement: Enforcement,
}

/// What the operator does about an object beyond a guardrail.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq, Eq, Hash)]
pub enum Enforcement {
    /// The operator writes nothing for it.
    #[default]
    Enforce,
    /// The operator writes, and warns.
    Warn,
}

/// Selects the namespaces of a guardrail.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct GuardrailNamespaces {
    /// The names of the namespaces: 1 to 250, such as `team-a`.
    #[schemars(schema_with = "namespaces")]
    pub names: Vec<String>,
}

/// Access that a guardrail permits or forbids: of NAVER Cloud or of SpaceONE.
#[derive(Clone, Debug, Default, Deserialize, Serialize, KubeSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[x_kube(validation = product_or_permissions())]
#[x_kube(validation = actions_of_product())]
pub struct GuardrailStatement {
    /// NAVER Cloud: the service code of 1 to 100 characters, such as `Server`, or `*` for every product. In `allow`, `*` does
    /// not stand for `IAM`, `Organization` and `SSO`. In `deny`, upper and lower case do not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ncloud_product")]
    pub product: Option<String>,
    /// NAVER Cloud: the actions, in the form of a policy: 1 to 20, such as `View*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "actions")]
    pub actions: Option<Vec<String>>,
    /// NAVER Cloud: the resources, in the form of a policy: 1 to 20, such as
    /// `nrn:PUB:Server:KR:2942:*`. By default, all resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "nrns")]
    pub resource_nrns: Option<Vec<String>>,
    /// SpaceONE: the permissions, in the form of a policy: 1 to 20, such as `inventory.*`. In
    /// `allow`, only one that begins with `identity.` permits something of the service `identity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "permissions")]
    pub permissions: Option<Vec<String>>,
}

/// Describes the namespaces of a guardrail.
fn namespaces(_: &mut SchemaGenerator) -> Schema {
    let message = "namespaces must have names of 1 to 63 lower-case letters, digits and inner hyphens, such as team-a";
    schema::list(1, 250, &schema::text(1, 63, schema::NAMESPACE, message))
}

/// Describes the actions of a guardrail.
fn actions(_: &mut SchemaGenerator) -> Schema {
    let message = "actions must have 1 to 200 characters, such as View*: remove spaces, tabs and line breaks";
    schema::list(1, 20, &schema::text(1, 200, r"^\S+$", message))
}

/// Describes the resources of a guardrail.
fn nrns(_: &mut SchemaGenerator) -> Schema {
    let message =
        "resourceNrns must be * or nrn:<domain>:<product>:<region>:<member>:<resource>, with at most 256 characters";
    schema::list(1, 20, &schema::text(1, 256, schema::NRN, message))
}

/// Describes the permissions of a guardrail.
fn permissions(_: &mut SchemaGenerator) -> Schema {
    let message = "permissions must have 1 to 255 visible ASCII characters, such as inventory.Server.list";
    schema::list(1, 20, &schema::text(1, 255, "^[!-~]+$", message))
}

/// Describes the condition keys of a guardrail.
fn keys(_: &mut SchemaGenerator) -> Schema {
    let message = "requireConditions must have keys of 1 to 128 characters, such as ncp:principalType: remove spaces, tabs and line breaks";
    schema::list(1, 20, &schema::text(1, 128, r"^\S+$", message))
}

/// Describes the beginning of names.
fn prefix(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 48 })
}
