//! What `cloud-policy lint` says about network policies of SpaceONE, beyond what the operator refuses.

use super::networks::network;
use crate::api::network_policy::{RoutingTable, SpaceoneNetworkPolicySpec};
use crate::engine::finding::Level::Warning;
use crate::engine::finding::{Finding, Rule};
use ipnet::IpNet;

static OVERLAP: Rule = Rule {
    id: "CP130",
    name: "overlapping-routes",
    level: Warning,
    text: "The network of a route lies within that of another one. Routers prefer the narrower network, so the wider route does not hold there. A default route overlaps with nothing. If it is meant, allow the finding.",
    bad: include_str!("examples/CP130.bad.yaml"),
    good: include_str!("examples/CP130.good.yaml"),
};
static DUPLICATE: Rule = Rule {
    id: "CP131",
    name: "duplicate-route",
    level: Warning,
    text: "Two routes have the same network, in whatever spelling. Which one counts is not documented.",
    bad: include_str!("examples/CP131.bad.yaml"),
    good: include_str!("examples/CP131.good.yaml"),
};

/// The rules.
pub(super) static RULES: [&Rule; 2] = [&OVERLAP, &DUPLICATE];

/// Returns what breaks a rule.
pub(super) fn of(spec: &SpaceoneNetworkPolicySpec) -> Vec<Finding> {
    let routes: &[RoutingTable] = spec.routing_tables.as_deref().unwrap_or_default();
    let parsed: Vec<Option<IpNet>> = routes.iter().map(|route| network(&route.cidr)).collect();
    let path = |at: usize| format!("routingTables[{at}]");
    let mut found = Vec::new();
    for (at, own) in parsed.iter().enumerate() {
        let Some(own) = own else { continue };
        let before = parsed[..at].iter().position(|other| other.as_ref() == Some(own));
        let around =
            |other: &Option<IpNet>| other.is_some_and(|it| it != *own && it.prefix_len() > 0 && it.contains(own));
        let (rule, message) = if let Some(before) = before {
            (&DUPLICATE, format!("repeats the network of {}: remove one of the two", path(before)))
        } else if let Some(wider) = parsed.iter().position(around) {
            let wide = &routes[wider].cidr;
            (
                &OVERLAP,
                format!("lies within {wide} of {}: this route holds there, and the wider one does not", path(wider)),
            )
        } else {
            continue;
        };
        found.push(Finding::new(
            rule,
            format!("spec.spaceone.{}.cidr", path(at)),
            format!("`{}` {message}", routes[at].cidr),
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(networks: &[&str]) -> Vec<(&'static str, String)> {
        let routes: Vec<_> =
            networks.iter().map(|cidr| serde_json::json!({ "cidr": cidr, "destination": "10.0.0.1" })).collect();
        let spec = serde_json::json!({ "name": "n", "zoneId": "z", "routingTables": routes });
        of(&serde_json::from_value(spec).unwrap()).into_iter().map(|it| (it.rule.id, it.field)).collect()
    }

    fn at(rule: &'static str, place: usize) -> (&'static str, String) {
        (rule, format!("spec.spaceone.routingTables[{place}].cidr"))
    }

    #[test]
    fn narrower_network_is_reported_wherever_it_stands() {
        assert_eq!(found(&["10.0.0.0/16", "10.0.1.0/24"]), [at("CP130", 1)]);
        assert_eq!(found(&["10.0.1.0/24", "10.0.0.0/16"]), [at("CP130", 0)]);
        assert_eq!(found(&["2001:db8::/32", "2001:DB8:1::/48"]), [at("CP130", 1)]);
        assert_eq!(found(&["10.0.0.0/16", "10.1.0.0/16", "2001:db8::/32"]), []);
        assert_eq!(found(&["0.0.0.0/0", "10.0.0.0/16", "::/0", "2001:db8::/32"]), [], "default routes");
    }

    #[test]
    fn equal_networks_are_duplicates_in_every_spelling() {
        assert_eq!(found(&["10.0.0.0/16", "10.0.0.0/16"]), [at("CP131", 1)]);
        assert_eq!(found(&["10.0.0.1", "10.0.0.1/32"]), [at("CP131", 1)]);
        assert_eq!(found(&["2001:DB8::/32", "2001:db8::/32"]), [at("CP131", 1)]);
        assert_eq!(found(&["0.0.0.0/0", "0.0.0.0/0"]), [at("CP131", 1)]);
        assert_eq!(found(&["nonsense", "nonsense"]), [], "the operator refuses it");
    }
}
