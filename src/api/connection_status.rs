//! The status of a `Connection` or a `ClusterConnection`.

use super::schema;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The state of a connection as the operator observed it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionStatus {
    /// The `metadata.generation` that this status describes. It is -1 until the operator has
    /// observed the object.
    #[serde(default = "super::status::unobserved_generation")]
    pub observed_generation: i64,
    /// The current conditions, one for each type, such as `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The endpoint that the operator calls, such as `https://subaccount.apigw.ntruss.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub endpoint: Option<String>,
    /// The account behind the credentials, such as `2942`: the member number of NAVER Cloud, or the
    /// domain id of SpaceONE. It is absent while the operator does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub account: Option<String>,
    /// The `resourceVersion` of the Secret that the operator read last, such as `4711`. While the
    /// former key stays in use, it is the version with that key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub secret_resource_version: Option<String>,
    /// The number of objects in the upstream account, by collection, such as
    /// `{policies: 12, policiesLimit: 500}`. `policiesLimit` is the upstream's limit, where it has
    /// one; SpaceONE has `networkPolicies`, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Usage")]
    pub usage: Option<Usage>,
    /// The number of objects that use this connection, such as 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub dependants: Option<i64>,
    /// The number of objects whose upstream object is recorded in another place than the one to
    /// which this connection leads, such as 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub recorded_elsewhere: Option<i64>,
    /// The value of the annotation `cloudpolicy.dev/reconcile-requested-at` that the operator
    /// handled last, such as `2026-11-21T08:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub last_handled_reconcile_at: Option<String>,
}

/// The number of objects in the upstream account and its limit, by collection: `policies`,
/// `policiesLimit` where the upstream has a limit, and `networkPolicies`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(transparent)]
pub struct Usage(BTreeMap<String, i64>);

impl Usage {
    /// Sets the count and the limit of a collection, as far as they are known.
    pub fn set(&mut self, collection: &str, count: Option<u64>, limit: Option<u64>) {
        let known = [(collection.to_owned(), count), (limit_of(collection), limit)];
        let known = known.into_iter().filter_map(|(key, number)| Some((key, number?)));
        self.0.extend(known.map(|(key, number)| (key, i64::try_from(number).unwrap_or(i64::MAX))));
    }

    /// Returns how many objects of a collection the account holds.
    #[must_use]
    pub fn count(&self, collection: &str) -> Option<i64> {
        self.0.get(collection).copied()
    }

    /// Returns how many objects of a collection the account may hold.
    #[must_use]
    pub fn limit(&self, collection: &str) -> Option<i64> {
        self.count(&limit_of(collection))
    }
}

fn limit_of(collection: &str) -> String {
    format!("{collection}Limit")
}
