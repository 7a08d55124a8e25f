//! Free-form JSON, in every form that the upstream's database stores.

use super::text;
use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

/// Generates a key without the characters that the database refuses (`.`, a leading `$`, NUL) or that a
/// simulator takes for the end of a key.
pub fn key() -> impl Strategy<Value = String> {
    let odd = text::free(1..=40).prop_map(|text| text.replace(['.', '$', '/', '~'], "_"));
    prop_oneof![3 => "[a-z][a-z0-9_-]{0,8}", 1 => odd]
}

/// Generates a number that a double holds: a whole one of at most 2^53, or one with a fraction.
fn number() -> impl Strategy<Value = Value> {
    const MOST: i64 = 1 << 53;
    prop_oneof![
        (-9i64..100).prop_map(|n| json!(n)),
        (-MOST..=MOST).prop_map(|n| json!(n)),
        prop::sample::select(vec![MOST, -MOST, MOST - 1]).prop_map(|n| json!(n)),
        prop::sample::select(vec![0.1, -0.0, 1.0, 1e15, 1e-7, 2.5e-300, 5e-324, f64::MIN_POSITIVE, 1.0 / 3.0])
            .prop_map(|n| json!(n)),
        any::<f64>().prop_map(|n| n % 9e15).prop_filter_map("finite", |n| Number::from_f64(n).map(Value::Number)),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number(),
        text::free(0..=60).prop_map(Value::String),
    ]
}

/// Generates a value with up to five levels.
pub fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(key(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Generates an object with any values.
pub fn object() -> impl Strategy<Value = Value> {
    let most = prop::collection::btree_map("[a-z]{1,3}[0-9]{1,2}", leaf(), 100);
    let some = prop::collection::btree_map(key(), value(), 0..5);
    prop_oneof![15 => some, 1 => most].prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>()))
}

/// Generates metadata that the upstream can process: texts, objects without `name` in their keys, and lists of
/// these.
pub fn metadata() -> impl Strategy<Value = Value> {
    let plain = "[a-km-z]{0,8}";
    let object = prop::collection::btree_map("[a-ln-z]{1,6}", leaf(), 0..3)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
        .boxed();
    let value = prop_oneof![
        plain.prop_map(Value::String),
        object.clone(),
        prop::collection::vec(prop_oneof!["[a-ln-z]{0,6}".prop_map(Value::String), object], 0..3)
            .prop_map(Value::Array),
    ];
    prop::collection::btree_map("[a-ln-z]{1,6}", value, 0..4)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
        .prop_filter("`view` has its own schema", |metadata| metadata.get("view").is_none())
}
