//! How each API style spells the calls: the only place that knows a path of SpaceONE.
//!
//! `Rest` follows the annotations of the servers up to 2023, quirks included (a policy is read
//! under the plural and changed under the singular). `Verb` and `Console` spell every call as
//! `POST` of one pattern, with and without the version.

use crate::api::connection::ApiStyle;
use reqwest::Method;

/// A collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    /// Policies of a repository.
    Policy,
    /// Network policies of the inventory.
    NetworkPolicy,
    /// Repositories.
    Repository,
}

/// What is asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Makes an object.
    Create,
    /// Changes one.
    Update,
    /// Removes one.
    Delete,
    /// Reads one.
    Get,
    /// Reads many.
    List,
    /// Counts.
    Stat,
    /// Protects fields of a network policy from everybody's updates.
    PinData,
}

impl Resource {
    /// The field of requests and answers that holds its id.
    pub(crate) fn id_field(self) -> &'static str {
        match self {
            Self::Policy => "policy_id",
            Self::NetworkPolicy => "network_policy_id",
            Self::Repository => "repository_id",
        }
    }

    fn service(self) -> &'static str {
        match self {
            Self::Policy | Self::Repository => "repository",
            Self::NetworkPolicy => "inventory",
        }
    }

    fn singular(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::NetworkPolicy => "network-policy",
            Self::Repository => "repository",
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::Policy => "policies",
            Self::NetworkPolicy => "network-policies",
            Self::Repository => "repositories",
        }
    }
}

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route<'a> {
    pub(crate) method: Method,
    pub(crate) path: Vec<&'a str>,
    /// Whether the path names the object; the body must, where it does not.
    pub(crate) names_object: bool,
}

/// The route of a call about the object `id`, which is empty for calls about a collection.
pub(crate) fn route(style: ApiStyle, resource: Resource, verb: Verb, id: &str) -> Route<'_> {
    match style {
        ApiStyle::Rest => restful(resource, verb, id),
        ApiStyle::Verb => posted(vec![resource.service(), "v1", resource.singular(), spelled(verb)]),
        // The console deletes one object by another name; by this one it means many.
        ApiStyle::Console if (resource, verb) == (Resource::NetworkPolicy, Verb::Delete) => {
            posted(vec![resource.service(), resource.singular(), "delete-single"])
        }
        ApiStyle::Console => posted(vec![resource.service(), resource.singular(), spelled(verb)]),
    }
}

fn posted(path: Vec<&str>) -> Route<'_> {
    Route { method: Method::POST, path, names_object: false }
}

fn spelled(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "create",
        Verb::Update => "update",
        Verb::Delete => "delete",
        Verb::Get => "get",
        Verb::List => "list",
        Verb::Stat => "stat",
        Verb::PinData => "pin-data",
    }
}

fn restful(resource: Resource, verb: Verb, id: &str) -> Route<'_> {
    let (many, one) = (resource.plural(), resource.singular());
    let read = if resource == Resource::NetworkPolicy { one } else { many };
    let (method, rest) = match verb {
        Verb::Create => (Method::POST, vec![many]),
        Verb::Update => (Method::PUT, vec![one, id]),
        Verb::Delete => (Method::DELETE, vec![one, id]),
        Verb::Get => (Method::GET, vec![read, id]),
        Verb::List => (Method::POST, vec![many, "search"]),
        Verb::Stat => (Method::POST, vec![many, "stat"]),
        Verb::PinData => (Method::PUT, vec![one, id, "pin-data"]),
    };
    let names_object = matches!(verb, Verb::Update | Verb::Delete | Verb::Get | Verb::PinData);
    Route { method, path: [vec![resource.service(), "v1"], rest].concat(), names_object }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Resource::{NetworkPolicy, Policy, Repository};

    fn spelling(style: ApiStyle, resource: Resource, verb: Verb) -> String {
        let route = route(style, resource, verb, "ID");
        assert_eq!(route.names_object, route.path.contains(&"ID"));
        format!("{} /{}", route.method, route.path.join("/"))
    }

    #[test]
    fn the_restful_spelling_is_that_of_the_annotations() {
        for (resource, verb, expected) in [
            (Policy, Verb::Create, "POST /repository/v1/policies"),
            (Policy, Verb::Update, "PUT /repository/v1/policy/ID"),
            (Policy, Verb::Delete, "DELETE /repository/v1/policy/ID"),
            (Policy, Verb::Get, "GET /repository/v1/policies/ID"),
            (Policy, Verb::List, "POST /repository/v1/policies/search"),
            (Policy, Verb::Stat, "POST /repository/v1/policies/stat"),
            (NetworkPolicy, Verb::Create, "POST /inventory/v1/network-policies"),
            (NetworkPolicy, Verb::Update, "PUT /inventory/v1/network-policy/ID"),
            (NetworkPolicy, Verb::PinData, "PUT /inventory/v1/network-policy/ID/pin-data"),
            (NetworkPolicy, Verb::Delete, "DELETE /inventory/v1/network-policy/ID"),
            (NetworkPolicy, Verb::Get, "GET /inventory/v1/network-policy/ID"),
            (NetworkPolicy, Verb::List, "POST /inventory/v1/network-policies/search"),
            (NetworkPolicy, Verb::Stat, "POST /inventory/v1/network-policies/stat"),
            (Repository, Verb::List, "POST /repository/v1/repositories/search"),
        ] {
            assert_eq!(spelling(ApiStyle::Rest, resource, verb), expected);
        }
    }

    #[test]
    fn the_other_spellings_post_to_the_name_of_the_call() {
        for (style, resource, verb, expected) in [
            (ApiStyle::Verb, Policy, Verb::Update, "POST /repository/v1/policy/update"),
            (ApiStyle::Verb, Repository, Verb::List, "POST /repository/v1/repository/list"),
            (ApiStyle::Verb, NetworkPolicy, Verb::Delete, "POST /inventory/v1/network-policy/delete"),
            (ApiStyle::Console, Policy, Verb::Get, "POST /repository/policy/get"),
            (ApiStyle::Console, Policy, Verb::Delete, "POST /repository/policy/delete"),
            (ApiStyle::Console, NetworkPolicy, Verb::PinData, "POST /inventory/network-policy/pin-data"),
            (ApiStyle::Console, NetworkPolicy, Verb::Delete, "POST /inventory/network-policy/delete-single"),
        ] {
            assert_eq!(spelling(style, resource, verb), expected);
        }
    }
}
