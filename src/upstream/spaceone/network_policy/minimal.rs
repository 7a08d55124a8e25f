//! The smallest spec that equals a network policy.
//!
//! Collectors write into `data` too. What they wrote stays theirs: a spec with their keys would fight with them.

use super::document::NetworkPolicyDocument;
use super::networks::Route;
use crate::api::JsonObject;
use crate::api::network_policy::{RoutingTable, SpaceoneNetworkPolicySpec};
use crate::upstream::spaceone::tags::filled;

/// Returns the spec of a network policy that was read.
pub(super) fn of(observed: &NetworkPolicyDocument) -> SpaceoneNetworkPolicySpec {
    let spec = &observed.spec;
    let mut by_hand = spec.data.as_ref().map(JsonObject::read).unwrap_or_default();
    by_hand.retain(|key, _| observed.data_by_hand.contains(key));
    let reference = spec.reference.clone();
    SpaceoneNetworkPolicySpec {
        name: spec.name.clone(),
        zone_id: spec.zone_id.clone(),
        routing_tables: spec.routing_tables.clone().map(sorted).filter(|routes| !routes.is_empty()),
        dns: spec.dns.clone().filter(|servers| !servers.is_empty()),
        data: filled(Some(&by_hand.into())),
        metadata: filled(spec.metadata.as_ref()),
        reference: reference.filter(|it| it.resource_id.is_some() || it.external_link.is_some()),
        tags: filled(spec.tags.as_ref()),
        pinned_keys: spec.pinned_keys.clone().map(sorted_names).filter(|keys| !keys.is_empty()),
    }
}

/// Sorts routes as a set: each meaning once.
fn sorted(mut routes: Vec<RoutingTable>) -> Vec<RoutingTable> {
    routes.sort_by(|one, other| {
        let key = |it: &RoutingTable| (it.cidr.clone(), it.destination.clone(), it.interface.clone());
        key(one).cmp(&key(other))
    });
    let mut kept: Vec<RoutingTable> = Vec::new();
    for route in routes {
        if !kept.iter().any(|other| Route::from(other) == Route::from(&route)) {
            kept.push(route);
        }
    }
    kept
}

fn sorted_names(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names.dedup();
    names
}
