//! Helpers to read objects: the namespaced kinds, and the parts of their status.

use cloud_policy::api::status::CommonStatus;
use cloud_policy::controller::kinds::managed::Managed;
use serde_json::Value;

/// A namespaced kind that tests read.
pub trait Kind:
    kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
    + Clone
    + std::fmt::Debug
    + serde::Serialize
    + serde::de::DeserializeOwned
    + Send
    + Sync
    + 'static
{
}

impl<K> Kind for K where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::Serialize
        + serde::de::DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// Returns the part of status that the policy kinds share.
pub fn common<K: Managed>(object: &K) -> CommonStatus {
    object.status_draft().common
}

/// Returns one condition.
pub fn condition<'a>(
    status: &'a CommonStatus,
    kind: &str,
) -> Option<&'a k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition> {
    status.conditions.iter().find(|c| c.type_ == kind)
}

/// Returns one condition of a status of any kind.
pub fn shown_condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    status["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

/// Returns the upstream id in status.
pub fn upstream_id<K: Managed>(object: &K) -> String {
    common(object).upstream.and_then(|u| u.id).expect("status.upstream.id")
}
