//! The shipped roles taken apart: one grant for each verb on each resource and name.

use super::apiserver_proxy::Asked;
use crate::support::rbac;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};

/// Where a grant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Within {
    Cluster,
    OwnNamespace,
    TenantNamespace,
}

/// One thing that may be done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    within: Within,
    verb: String,
    group: String,
    resource: String,
    /// The only object; any without it.
    name: Option<String>,
}

/// Everything that the manifests grant.
pub fn shipped() -> Vec<Grant> {
    let cluster: ClusterRole = rbac::only(rbac::OWN, "ClusterRole");
    let own: Role = rbac::only(rbac::OWN, "Role");
    let tenant: Role = rbac::only(rbac::TENANT, "Role");
    let rules =
        [(Within::Cluster, cluster.rules), (Within::OwnNamespace, own.rules), (Within::TenantNamespace, tenant.rules)];
    rules.into_iter().flat_map(|(within, rules)| take_apart(within, &rules.unwrap_or_default())).collect()
}

/// The grants of these rules.
pub fn take_apart(within: Within, rules: &[PolicyRule]) -> Vec<Grant> {
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
    /// Whether it is about this resource.
    pub fn is_about(&self, resource: &str) -> bool {
        self.resource == resource
    }

    /// Whether this grant permits that request, where these are the two namespaces.
    pub fn permits(&self, asked: &Asked, own: &str, tenant: &str) -> bool {
        let there = match self.within {
            Within::Cluster => true,
            Within::OwnNamespace => asked.namespace.as_deref() == Some(own),
            Within::TenantNamespace => asked.namespace.as_deref() == Some(tenant),
        };
        there
            && self.verb == asked.verb
            && self.group == asked.group
            && self.resource == asked.resource
            && self.name.as_ref().is_none_or(|name| asked.name.as_ref() == Some(name))
    }
}

#[test]
fn nothing_is_granted_by_a_star_and_no_secret_in_the_whole_cluster() {
    for grant in shipped() {
        for word in [&grant.verb, &grant.group, &grant.resource] {
            assert!(!word.contains('*'), "{grant:?}");
        }
        assert!(grant.within != Within::Cluster || grant.resource != "secrets", "{grant:?}");
        assert!(!["delete", "deletecollection", "impersonate", "escalate", "bind"].contains(&grant.verb.as_str()));
    }
}
