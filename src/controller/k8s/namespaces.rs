//! Which namespaces are looked after: all, or some with rights in these alone.

use crate::controller::Settings;
use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Client, Resource};

/// One entry for each namespace in scope, or one `None` for all.
pub fn scopes(settings: &Settings) -> Vec<Option<&str>> {
    if settings.scope.is_empty() { vec![None] } else { settings.scope.iter().map(|name| Some(name.as_str())).collect() }
}

/// The API of one such entry.
pub fn scoped<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    namespace.map_or_else(|| Api::all(client.clone()), |name| Api::namespaced(client.clone(), name))
}
