//! NAVER Cloud policies that the upstream accepts.

use super::{block, members, sometimes, text};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const PRODUCTS: &[&str] = &["Server", "VPCServer", "VPC", "ObjectStorage", "KMS", "IAM", "GlobalDNS", "AiTEMS"];
const OPERATORS: &[&str] =
    &["StringEquals", "StringNotEquals", "StringLike", "StringNotLikeIfExists", "StringEqualsIfExists", "Null"];

/// Generates the block `spec.ncloud` with a name from `name`.
pub fn policy(name: impl Strategy<Value = String>) -> impl Strategy<Value = Value> {
    let permissions = prop_oneof![
        30 => prop::collection::vec(permission(), 1..4),
        1 => prop::collection::vec(small_permission(), 100),
    ];
    (name, sometimes(text::of_bytes(300)), permissions, sometimes(tags())).prop_map(
        |(name, description, permissions, tags)| {
            block(vec![
                ("policyName", Some(json!(name))),
                ("description", description.map(|text| json!(text))),
                ("permissions", Some(json!(permissions))),
                ("tags", tags),
            ])
        },
    )
}

fn permission() -> impl Strategy<Value = Value> {
    (effect(), prop::collection::vec(target(), 1..4), sometimes(condition())).prop_map(
        |(effect, targets, condition)| {
            block(vec![("effect", Some(json!(effect))), ("targets", Some(json!(targets))), ("condition", condition)])
        },
    )
}

fn small_permission() -> impl Strategy<Value = Value> {
    (effect(), target()).prop_map(|(effect, target)| json!({ "effect": effect, "targets": [target] }))
}

fn effect() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["Allow", "Deny"])
}

fn target() -> impl Strategy<Value = Value> {
    prop::sample::select(PRODUCTS).prop_flat_map(|product| {
        let action = prop_oneof![
            Just("*".to_owned()),
            Just("View*".to_owned()),
            Just("Change*".to_owned()),
            "(View|Change)/[a-z][A-Za-z]{0,30}\\*?",
            "View/[a-z]{195}",
        ];
        let nrn = prop_oneof![
            2 => Just("*".to_owned()),
            1 => Just(format!("nrn:*:{product}:*::*")),
            4 => "nrn:PUB:[A-Z][A-Za-z]{0,8}:KR:[0-9]{1,7}:[A-Za-z]{1,10}/[A-Za-z0-9_-]{1,40}",
        ];
        (members(action, 1..6), members(nrn, 1..6))
            .prop_map(move |(actions, nrns)| json!({ "product": product, "actions": actions, "resourceNrns": nrns }))
    })
}

fn condition() -> impl Strategy<Value = Value> {
    let key = prop_oneof!["ncp:[a-zA-Z]{1,20}", "[가-힣]{1,5}", "ncp:requestTag/[a-z]{1,6}"];
    let values = members(text::free(0..=40), 1..4);
    let keys = prop::collection::btree_map(key, values, 1..3);
    prop::collection::btree_map(prop::sample::select(OPERATORS), keys, 1..3).prop_map(|map| json!(map))
}

fn tags() -> impl Strategy<Value = Value> {
    let most = prop::collection::btree_map(text::free(1..=128), "[a-z]{1,5}", 19);
    let some = prop::collection::btree_map(text::free(1..=128), text::free(1..=256), 0..4);
    prop_oneof![1 => most, 12 => some].prop_map(|map: BTreeMap<String, String>| json!(map))
}
