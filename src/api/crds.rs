//! The `CustomResourceDefinition`s, generated from the types.

use super::{ClusterConnection, Connection, NetworkPolicy, Policy};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps,
};
use kube::CustomResourceExt;
use serde_json::json;

/// Every kind, in the order in which they are documented.
#[must_use]
pub fn all() -> Vec<CustomResourceDefinition> {
    [Policy::crd(), NetworkPolicy::crd(), Connection::crd(), ClusterConnection::crd()]
        .into_iter()
        .map(unseen_until_observed)
        .collect()
}

/// A new object gets `status.observedGeneration: -1`, so that tools which compare it with
/// `metadata.generation` never call an object healthy that nobody has looked at.
fn unseen_until_observed(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        if let Some(status) = status_schema(version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut())) {
            status.default = Some(JSON(json!({ "observedGeneration": super::status::unseen() })));
            status.nullable = None;
        }
    }
    crd
}

fn status_schema(root: Option<&mut JSONSchemaProps>) -> Option<&mut JSONSchemaProps> {
    root?.properties.as_mut()?.get_mut("status")
}
