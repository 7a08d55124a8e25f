//! `SpaceONE` policies that the upstream accepts.

use super::{block, json as free, members, sometimes, text};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Generates the block `spec.spaceone` of a `Policy` with an id from `id`, without a project: the simulated
/// domain has none.
pub fn policy(id: impl Strategy<Value = String>) -> impl Strategy<Value = Value> {
    let permission = prop_oneof![
        4 => "(inventory|identity|repository|\\*)\\.([A-Z][a-z]{1,8}|\\*)\\.([a-z]{1,8}|\\*)",
        1 => text::visible(255),
    ];
    let permissions = prop_oneof![
        30 => members(permission, 1..6),
        1 => members("inventory\\.[A-Z][a-z]{3}[0-9]{5}\\.[a-z]{4}", 300),
    ];
    let labels = prop_oneof![12 => members(text::free(1..=255), 0..4), 1 => members("[a-z]{6}[0-9]{4}", 100)];
    (id, text::free(1..=255), permissions, sometimes(labels), sometimes(free::object())).prop_map(
        |(id, name, permissions, labels, tags)| {
            block(vec![
                ("policyId", Some(json!(id))),
                ("name", Some(json!(name))),
                ("permissions", Some(json!(permissions))),
                ("labels", labels.map(|labels| json!(labels))),
                ("tags", tags),
            ])
        },
    )
}
