//! Decides which differences of a network policy may let more through than the spec.
//!
//! A route or a name server that the spec does not have reaches further. Fewer name servers do not, and neither do
//! fewer routes, unless a route that is gone lies within another: its traffic then takes another way. The zone, the
//! reference and `data` say which network the policy is about and what applies there. Only collectors and other
//! services know their meaning, so every other value than the desired one counts as reaching further. Names, tags,
//! metadata and pins let nothing through.
//!
//! The reach is the access of a network policy ([`Change`]): wider with routes or name servers beyond the spec, narrower
//! with fewer, unknown where only others know the meaning.

use super::networks::{Route, address};
use crate::api::network_policy::SpaceoneNetworkPolicySpec;
use crate::engine::Diff;
use crate::engine::access::Change;

/// The fields that only describe a network policy.
const DESCRIPTIVE: [&str; 4] =
    ["spec.spaceone.name", "spec.spaceone.tags", "spec.spaceone.metadata", "spec.spaceone.pinnedKeys"];

/// The fields whose meaning is known: routes and name servers.
const LISTS: [&str; 2] = ["spec.spaceone.routingTables", "spec.spaceone.dns"];

/// Marks the differences that may let more through, and says how the reach changes.
pub(super) fn mark(diff: &mut Diff, want: &SpaceoneNetworkPolicySpec, have: &SpaceoneNetworkPolicySpec) {
    let harmless = harmless(want, have);
    let paths: Vec<String> = diff.fields.iter().map(|field| field.path.clone()).collect();
    for path in paths.iter().filter(|path| !harmless.iter().any(|root| is_at(path, root))) {
        diff.mark_widening(path);
    }
    let is_list = |path: &str| LISTS.iter().any(|list| is_at(path, list));
    diff.access = if diff.fields.iter().any(|field| field.widens && !is_list(&field.path)) {
        Change::Unknown
    } else {
        Change::of(diff.widens(), has_fewer(want, have))
    };
}

/// Returns how the reach changes when the network policy appears.
pub(super) fn granted(spec: &SpaceoneNetworkPolicySpec) -> Change {
    if routes(spec).next().is_some() || servers(spec).next().is_some() {
        Change::Wider
    } else if spec.data.is_some() || spec.reference.is_some() {
        Change::Unknown
    } else {
        Change::Equal
    }
}

/// Returns whether a route or a name server of the spec is gone.
fn has_fewer(want: &SpaceoneNetworkPolicySpec, have: &SpaceoneNetworkPolicySpec) -> bool {
    let present: Vec<_> = routes(have).collect();
    let known: Vec<_> = servers(have).collect();
    routes(want).any(|route| !present.contains(&route)) || servers(want).any(|server| !known.contains(&server))
}

fn routes(spec: &SpaceoneNetworkPolicySpec) -> impl Iterator<Item = Route> {
    spec.routing_tables.iter().flatten().map(Route::from)
}

fn servers(spec: &SpaceoneNetworkPolicySpec) -> impl Iterator<Item = String> {
    spec.dns.iter().flatten().map(|text| address(text))
}

/// Returns the fields whose differences let nothing more through.
fn harmless(want: &SpaceoneNetworkPolicySpec, have: &SpaceoneNetworkPolicySpec) -> Vec<&'static str> {
    let (wanted, present): (Vec<_>, Vec<_>) = (routes(want).collect(), routes(have).collect());
    let mut gone = wanted.iter().filter(|route| !present.contains(route));
    let fewer_routes = present.iter().all(|route| wanted.contains(route));
    let same_ways = gone.all(|route| !present.iter().any(|other| route.overlaps(other)));
    let wanted: Vec<_> = servers(want).collect();
    let fewer_servers = servers(have).all(|server| wanted.contains(&server));
    let lists = LISTS.into_iter().zip([fewer_routes && same_ways, fewer_servers]);
    let lists = lists.filter(|(_, fewer)| *fewer).map(|(field, _)| field);
    DESCRIPTIVE.into_iter().chain(lists).collect()
}

fn is_at(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use super::super::document::NetworkPolicyDocument;
    use super::{Change, Diff, SpaceoneNetworkPolicySpec};
    use crate::engine::Document;
    use serde_json::{Value, json};

    fn diff(field: &str, want: &Value, have: &Value) -> Diff {
        let document = |value: &Value| {
            let mut spec = json!({"name": "n", "zoneId": "zone-1"});
            spec[field] = value.clone();
            NetworkPolicyDocument::from(serde_json::from_value::<SpaceoneNetworkPolicySpec>(spec).unwrap())
        };
        let diff = document(want).diff(&document(have));
        assert!(!diff.is_empty(), "{field}: {want} and {have} differ");
        diff
    }

    fn widens(field: &str, want: &Value, have: &Value) -> bool {
        diff(field, want, have).widens()
    }

    fn route(cidr: &str, destination: &str) -> Value {
        json!({"cidr": cidr, "destination": destination})
    }

    #[test]
    fn reach_is_wider_with_routes_and_servers_beyond_the_spec() {
        let want = json!([route("10.0.0.0/16", "10.0.0.1"), route("10.1.0.0/16", "10.0.0.1")]);
        for (have, expected) in [
            (json!([]), false),
            (json!([route("10.0.0.0/16", "10.0.0.1")]), false),
            (json!([route("10.0.4.0/24", "10.0.0.1")]), true),
            (json!([route("10.0.0.0/8", "10.0.0.1")]), true),
            (json!([route("0.0.0.0/0", "10.0.0.1")]), true),
            (json!([route("10.0.0.0/16", "10.0.0.2")]), true),
        ] {
            assert_eq!(widens("routingTables", &want, &have), expected, "{have}");
        }
        let by_firewall = json!([route("10.0.0.0/8", "10.0.0.1"), route("10.1.0.0/16", "10.0.0.9")]);
        assert!(widens("routingTables", &by_firewall, &json!([route("10.0.0.0/8", "10.0.0.1")])), "past the firewall");
        assert!(!widens("dns", &json!(["10.0.0.2", "10.0.0.3"]), &json!(["10.0.0.3"])));
        assert!(widens("dns", &json!(["10.0.0.2"]), &json!(["10.0.0.2", "8.8.8.8"])));
    }

    #[test]
    fn reach_changes_in_both_directions() {
        let (a, b) = (route("10.0.0.0/16", "10.0.0.1"), route("10.9.0.0/16", "10.0.0.1"));
        for (field, want, have, expected) in [
            ("routingTables", json!([a]), json!([a, b]), Change::Wider),
            ("routingTables", json!([a, b]), json!([a]), Change::Narrower),
            ("routingTables", json!([a]), json!([b]), Change::Both),
            ("dns", json!(["10.0.0.2"]), json!(["8.8.8.8"]), Change::Both),
            ("dns", json!(["10.0.0.2", "10.0.0.3"]), json!(["10.0.0.3", "10.0.0.2"]), Change::Equal),
            ("tags", json!({"a": 1}), json!({"a": 2}), Change::Equal),
            ("data", json!({"a": 1}), json!({"a": 2}), Change::Unknown),
            ("zoneId", json!("zone-1"), json!("zone-2"), Change::Unknown),
        ] {
            assert_eq!(diff(field, &want, &have).access, expected, "{field}: {want} and {have}");
        }
    }

    #[test]
    fn reach_of_an_unknown_meaning_counts_as_wider() {
        assert!(widens("zoneId", &json!("zone-1"), &json!("zone-2")));
        assert!(widens("data", &json!({"ranges": ["10.0.0.0/16"]}), &json!({"ranges": ["0.0.0.0/0"]})));
        assert!(widens("data", &json!({"denied": ["10.0.0.0/16"]}), &json!({})));
        assert!(widens("reference", &json!({"resourceId": "a"}), &json!({"resourceId": "b"})));
    }

    #[test]
    fn descriptive_fields_let_nothing_through() {
        assert!(!widens("tags", &json!({"a": 1}), &json!({"a": 2, "b": 3})));
        assert!(!widens("metadata", &json!({"a": 1}), &json!({"a": 2})));
        assert!(!widens("pinnedKeys", &json!(["name"]), &json!(["dns"])));
        assert!(!widens("name", &json!("a"), &json!("b")));
    }
}
