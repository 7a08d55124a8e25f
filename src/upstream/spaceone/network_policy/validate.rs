//! The rules of SpaceONE network policies that are checked before anything is sent: the upstream returns
//! errors without a field for most of them.

use super::metadata;
use super::networks::network;
use crate::api::JsonObject;
use crate::api::network_policy::{RoutingTable, SpaceoneNetworkPolicySpec};
use crate::engine::Problem;
use crate::engine::diff::child;
use crate::upstream::spaceone::tags;
use std::net::IpAddr;

/// The fields that can be pinned besides `data.<key>`.
const PINNABLE: &[&str] = &["name", "dns", "routing_tables", "tags", "reference", "zone_id"];

/// Returns every broken rule.
pub(super) fn of(spec: &SpaceoneNetworkPolicySpec) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !(1..=255).contains(&spec.name.chars().count()) {
        problems.push(Problem::quoting("spec.spaceone.name", &spec.name, "must have 1 to 255 characters"));
    }
    if spec.zone_id.is_empty() {
        problems.push(problem("spec.spaceone.zoneId", "must name a zone, such as `zone-0123456789ab`"));
    }
    for (index, route) in spec.routing_tables.iter().flatten().enumerate() {
        route_problems(route, &format!("spec.spaceone.routingTables[{index}]"), &mut problems);
    }
    for (index, server) in spec.dns.iter().flatten().enumerate() {
        if server.parse::<IpAddr>().is_err() {
            let message = "must be an IP address, such as `10.0.0.2`";
            problems.push(Problem::quoting(format!("spec.spaceone.dns[{index}]"), server, message));
        }
    }
    objects(spec, &mut problems);
    pins(spec, &mut problems);
    problems
}

fn route_problems(route: &RoutingTable, path: &str, problems: &mut Vec<Problem>) {
    if network(&route.cidr).is_none() {
        let message = "must be a network without host bits, such as `10.0.0.0/16`";
        problems.push(Problem::quoting(format!("{path}.cidr"), &route.cidr, message));
    }
    if route.destination.parse::<IpAddr>().is_err() {
        let message = "must be the IP address of the next hop, such as `10.0.0.1`";
        problems.push(Problem::quoting(format!("{path}.destination"), &route.destination, message));
    }
    if let Some(interface) = route.interface.as_ref().filter(|interface| interface.chars().count() > 40) {
        problems.push(Problem::quoting(format!("{path}.interface"), interface, "must have at most 40 characters"));
    }
}

fn objects(spec: &SpaceoneNetworkPolicySpec, problems: &mut Vec<Problem>) {
    tags::validate("spec.spaceone.tags", spec.tags.as_ref(), problems);
    for (path, object) in [("spec.spaceone.data", &spec.data), ("spec.spaceone.metadata", &spec.metadata)] {
        if let Some(object) = object {
            tags::keys(path, &object.read(), problems);
        }
    }
    for (key, value) in spec.metadata.iter().flat_map(JsonObject::read) {
        if let Some(objection) = metadata::objection(&value) {
            problems.push(problem(child("spec.spaceone.metadata", &key), objection));
        }
    }
}

fn pins(spec: &SpaceoneNetworkPolicySpec, problems: &mut Vec<Problem>) {
    for (index, key) in spec.pinned_keys.iter().flatten().enumerate() {
        let data = key.strip_prefix("data.").is_some_and(|inner| !inner.is_empty());
        if !data && !PINNABLE.contains(&key.as_str()) {
            let message = format!("`{key}` cannot be pinned: use {} or data.<key>", PINNABLE.join(", "));
            problems.push(problem(format!("spec.spaceone.pinnedKeys[{index}]"), message));
        }
    }
}

/// Returns every pin of a field that a new object does not have. The upstream pins only fields that were set.
pub(super) fn of_new(spec: &SpaceoneNetworkPolicySpec) -> Vec<Problem> {
    let data = spec.data.as_ref().map(JsonObject::read).unwrap_or_default();
    let is_set = |key: &str| match key {
        "dns" => spec.dns.iter().flatten().next().is_some(),
        "routing_tables" => spec.routing_tables.iter().flatten().next().is_some(),
        "reference" => spec.reference.is_some(),
        key => key.strip_prefix("data.").is_none_or(|inner| data.contains_key(inner)),
    };
    let pins = spec.pinned_keys.iter().flatten().enumerate().filter(|(_, key)| !is_set(key));
    pins.map(|(index, key)| {
        let message =
            format!("`{key}` cannot be pinned, because the spec does not set it: set the field, or leave it out");
        problem(format!("spec.spaceone.pinnedKeys[{index}]"), message)
    })
    .collect()
}

fn problem(field: impl Into<String>, message: impl Into<String>) -> Problem {
    Problem { field: field.into(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn fields(field: &str, value: Value) -> Vec<String> {
        let mut spec = json!({"name": "n", "zoneId": "zone-1"});
        spec[field] = value;
        of(&serde_json::from_value(spec).unwrap()).into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn valid_spec_passes_validation() {
        for (field, value) in [
            (
                "routingTables",
                json!([{"cidr": "10.0.0.0/16", "destination": "10.0.0.1", "interface": "eth0"}, {"cidr": "::/0", "destination": "::1"}]),
            ),
            ("dns", json!(["10.0.0.2", "2001:db8::1"])),
            ("data", json!({"a": {"b": [1, null]}})),
            ("metadata", json!({"a": "text", "b": {"k": 1}})),
            ("pinnedKeys", json!(["name", "dns", "routing_tables", "tags", "reference", "zone_id", "data.a"])),
        ] {
            assert!(fields(field, value.clone()).is_empty(), "{field} {value}");
        }
    }

    #[test]
    fn every_broken_rule_names_its_field() {
        let route = |cidr: &str, destination: &str, interface: &str| json!([{"cidr": cidr, "destination": destination, "interface": interface}]);
        for (field, value, path) in [
            ("name", json!(""), "name"),
            ("name", json!("n".repeat(256)), "name"),
            ("zoneId", json!(""), "zoneId"),
            ("routingTables", route("10.0.0.1/16", "10.0.0.1", "eth0"), "routingTables[0].cidr"),
            ("routingTables", route("10.0.0.0/16", "igw-1", "eth0"), "routingTables[0].destination"),
            ("routingTables", route("10.0.0.0/16", "10.0.0.1", &"e".repeat(41)), "routingTables[0].interface"),
            ("dns", json!(["10.0.0.2", "ns.example"]), "dns[1]"),
            ("data", json!({"a": {"b.c": 1}}), "data.a['b.c']"),
            ("metadata", json!({"$a": "b"}), "metadata['$a']"),
            ("metadata", json!({"a": 1}), "metadata.a"),
            ("tags", json!({"cloudpolicy_owner": "x"}), "tags.cloudpolicy_owner"),
            ("pinnedKeys", json!(["name", "metadata"]), "pinnedKeys[1]"),
            ("pinnedKeys", json!(["data."]), "pinnedKeys[0]"),
        ] {
            assert_eq!(fields(field, value), [format!("spec.spaceone.{path}")]);
        }
    }
}
