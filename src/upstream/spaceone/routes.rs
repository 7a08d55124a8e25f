//! The path of each call in each API style.
//!
//! `Rest` follows the annotations of the servers up to 2023, including their irregularities (a policy is
//! read under the plural and changed under the singular). `Verb` and `Console` send every call as `POST`
//! to one pattern of paths, with and without the version.

use super::resource::{ResourceApi, Verb};
use crate::api::connection::ApiStyle;
use reqwest::Method;

/// Method and path of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route<'a> {
    pub(super) method: Method,
    pub(super) path: Vec<&'a str>,
    /// Whether the path contains the id; if not, the body must.
    pub(super) names_object: bool,
}

/// Returns the route of a call for the object `id`, which is empty in calls for several objects.
pub(super) fn route<'a>(style: ApiStyle, resource: &ResourceApi, verb: Verb, id: &'a str) -> Route<'a> {
    match style {
        ApiStyle::Rest => restful(resource, verb, id),
        ApiStyle::Verb => posted(vec![resource.service, "v1", resource.singular, verb.path_segment()]),
        ApiStyle::Console if verb == Verb::Delete => {
            posted(vec![resource.service, resource.singular, resource.console_delete])
        }
        ApiStyle::Console => posted(vec![resource.service, resource.singular, verb.path_segment()]),
    }
}

fn posted(path: Vec<&str>) -> Route<'_> {
    Route { method: Method::POST, path, names_object: false }
}

fn restful<'a>(resource: &ResourceApi, verb: Verb, id: &'a str) -> Route<'a> {
    let (many, one) = (resource.plural, resource.rest_change);
    let (method, rest) = match verb {
        Verb::Create => (Method::POST, vec![many]),
        Verb::Update => (Method::PUT, vec![one, id]),
        Verb::Delete => (Method::DELETE, vec![one, id]),
        Verb::Get => (Method::GET, vec![resource.rest_get, id]),
        Verb::List => (Method::POST, vec![many, "search"]),
        Verb::Stat => (Method::POST, vec![many, "stat"]),
        Verb::PinData => (Method::PUT, vec![one, id, "pin-data"]),
    };
    let names_object = matches!(verb, Verb::Update | Verb::Delete | Verb::Get | Verb::PinData);
    Route { method, path: [vec![resource.service, "v1"], rest].concat(), names_object }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::spaceone::network_policy::NETWORK_POLICY;
    use crate::upstream::spaceone::policy::POLICY;
    use crate::upstream::spaceone::repository::REPOSITORY;

    fn shown(style: ApiStyle, resource: &ResourceApi, verb: Verb) -> String {
        let route = super::route(style, resource, verb, "ID");
        assert_eq!(route.names_object, route.path.contains(&"ID"));
        format!("{} /{}", route.method, route.path.join("/"))
    }

    #[test]
    fn rest_routes_follow_the_annotations() {
        for (resource, verb, expected) in [
            (POLICY, Verb::Create, "POST /repository/v1/policies"),
            (POLICY, Verb::Update, "PUT /repository/v1/policy/ID"),
            (POLICY, Verb::Delete, "DELETE /repository/v1/policy/ID"),
            (POLICY, Verb::Get, "GET /repository/v1/policies/ID"),
            (POLICY, Verb::List, "POST /repository/v1/policies/search"),
            (POLICY, Verb::Stat, "POST /repository/v1/policies/stat"),
            (NETWORK_POLICY, Verb::Create, "POST /inventory/v1/network-policies"),
            (NETWORK_POLICY, Verb::Update, "PUT /inventory/v1/network-policy/ID"),
            (NETWORK_POLICY, Verb::PinData, "PUT /inventory/v1/network-policy/ID/pin-data"),
            (NETWORK_POLICY, Verb::Delete, "DELETE /inventory/v1/network-policy/ID"),
            (NETWORK_POLICY, Verb::Get, "GET /inventory/v1/network-policy/ID"),
            (NETWORK_POLICY, Verb::List, "POST /inventory/v1/network-policies/search"),
            (NETWORK_POLICY, Verb::Stat, "POST /inventory/v1/network-policies/stat"),
            (REPOSITORY, Verb::List, "POST /repository/v1/repositories/search"),
        ] {
            assert_eq!(shown(ApiStyle::Rest, resource, verb), expected);
        }
    }

    #[test]
    fn other_routes_post_to_the_name_of_the_call() {
        for (style, resource, verb, expected) in [
            (ApiStyle::Verb, POLICY, Verb::Update, "POST /repository/v1/policy/update"),
            (ApiStyle::Verb, REPOSITORY, Verb::List, "POST /repository/v1/repository/list"),
            (ApiStyle::Verb, NETWORK_POLICY, Verb::Delete, "POST /inventory/v1/network-policy/delete"),
            (ApiStyle::Console, POLICY, Verb::Get, "POST /repository/policy/get"),
            (ApiStyle::Console, POLICY, Verb::Delete, "POST /repository/policy/delete"),
            (ApiStyle::Console, NETWORK_POLICY, Verb::PinData, "POST /inventory/network-policy/pin-data"),
            (ApiStyle::Console, NETWORK_POLICY, Verb::Delete, "POST /inventory/network-policy/delete-single"),
        ] {
            assert_eq!(shown(style, resource, verb), expected);
        }
    }
}
