//! Scopes the APIs of namespaced kinds: to all namespaces, or to those that the operator watches.

use crate::controller::Settings;
use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Client, Resource};

/// Returns one entry for each watched namespace, or one `None` for all namespaces.
pub fn scopes(settings: &Settings) -> Vec<Option<&str>> {
    if settings.scope.is_empty() { vec![None] } else { settings.scope.iter().map(|name| Some(name.as_str())).collect() }
}

/// Returns the API for one of these entries.
pub fn scoped<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    namespace.map_or_else(|| Api::all(client.clone()), |name| Api::namespaced(client.clone(), name))
}
