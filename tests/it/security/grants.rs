//! Splits the shipped roles into grants: one for each verb on each resource and name.

use super::apiserver_proxy::Asked;
use crate::support::rbac;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};

/// The scope of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Within {
    Cluster,
    OwnNamespace,
    TenantNamespace,
}

/// One permission.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    within: Within,
    verb: String,
    group: String,
    resource: String,
    /// The only object that the grant is for. Without it, every object.
    name: Option<String>,
}

/// Returns all grants of the manifests.
pub fn shipped() -> Vec<Grant> {
    let cluster: ClusterRole = rbac::only(rbac::OWN, "ClusterRole");
    let own: Role = rbac::only(rbac::OWN, "Role");
    let tenant: Role = rbac::only(rbac::TENANT, "Role");
    let rules =
        [(Within::Cluster, cluster.rules), (Within::OwnNamespace, own.rules), (Within::TenantNamespace, tenant.rules)];
    rules.into_iter().flat_map(|(within, rules)| split_rules(within, &rules.unwrap_or_default())).collect()
}

/// Splits rules into grants.
pub fn split_rules(within: Within, rules: &[PolicyRule]) -> Vec<Grant> {
    let mut grants = Vec::new();
    for rule in rules {
        let PolicyRule { api_groups, non_resource_urls, resource_names, resources, verbs } = rule;
        assert!(non_resource_urls.is_none(), "{rule:?}");
        let names: Vec<_> = match resource_names {
            Some(names) => names.iter().cloned().map(Some).collect(),
            None => vec![None],
        };
        for group in api_groups.iter().flatten() {
            for resource in resources.iter().flatten() {
                for (verb, name) in verbs.iter().flat_map(|verb| names.iter().map(move |name| (verb, name))) {
                    let (verb, group, resource) = (verb.clone(), group.clone(), resource.clone());
                    grants.push(Grant { within, verb, group, resource, name: name.clone() });
                }
            }
        }
    }
    grants
}

impl Grant {
    /// Returns whether the grant is for this resource.
    pub fn is_about(&self, resource: &str) -> bool {
        self.resource == resource
    }

    /// Returns whether the grant permits a request. The arguments name the two namespaces.
    pub fn permits(&self, asked: &Asked, own: &str, tenant: &str) -> bool {
        let is_in_scope = match self.within {
            Within::Cluster => true,
            Within::OwnNamespace => asked.namespace.as_deref() == Some(own),
            Within::TenantNamespace => asked.namespace.as_deref() == Some(tenant),
        };
        is_in_scope
            && self.verb == asked.verb
            && self.group == asked.group
            && self.resource == asked.resource
            && self.name.as_ref().is_none_or(|name| asked.name.as_ref() == Some(name))
    }
}

#[test]
fn shipped_roles_have_no_wildcard_and_no_cluster_secrets() {
    for grant in shipped() {
        for word in [&grant.verb, &grant.group, &grant.resource] {
            assert!(!word.contains('*'), "{grant:?}");
        }
        assert!(grant.within != Within::Cluster || grant.resource != "secrets", "{grant:?}");
        assert!(!["delete", "deletecollection", "impersonate", "escalate", "bind"].contains(&grant.verb.as_str()));
    }
}
