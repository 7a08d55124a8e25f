//! The names and paths of network policies in SpaceONE's API.

use crate::upstream::spaceone::resource::{ResourceApi, Scope, Verb};

/// Network policies in SpaceONE's API.
pub(in crate::upstream::spaceone) const NETWORK_POLICY: &ResourceApi = &ResourceApi {
    system: "spaceone/networkpolicy",
    service: "inventory",
    singular: "network-policy",
    plural: "network-policies",
    rest_get: "network-policy",
    rest_change: "network-policy",
    // `delete` deletes several objects.
    console_delete: "delete-single",
    id_field: "network_policy_id",
    operations: &[
        (Verb::Create, "create network policy"),
        (Verb::Update, "update network policy"),
        (Verb::PinData, "pin fields"),
        (Verb::Delete, "delete network policy"),
        (Verb::Get, "get network policy"),
        (Verb::List, "list network policies"),
        (Verb::Stat, "count"),
    ],
    absence_code: None,
    offered_by: Some("only servers until June 2020 offer network policies"),
    scope: Scope::Domain,
    queries_with_lists: false,
    always_has_stat: true,
};
