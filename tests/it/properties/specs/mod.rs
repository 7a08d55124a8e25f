//! Generators of valid specs, as JSON: the blocks below `spec` of the three upstream objects.
//!
//! Most specs are small, but the generators reach every limit of the schema: the longest texts, as many members
//! as a test can afford, and every optional field present and absent.

pub mod json;
pub mod ncloud;
pub mod network;
pub mod spaceone;
pub mod text;

use proptest::prelude::*;
use serde_json::{Map, Value};

/// Returns a block with the fields that are set.
fn block(fields: Vec<(&str, Option<Value>)>) -> Value {
    let set = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(set.collect::<Map<_, _>>())
}

/// Generates no value one time in three.
fn sometimes<S: Strategy>(values: S) -> impl Strategy<Value = Option<S::Value>>
where
    S::Value: Clone,
{
    prop::option::weighted(0.66, values)
}

/// Generates different members in any order.
fn members<S>(values: S, size: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<Value>>
where
    S: Strategy<Value = String>,
{
    prop::collection::btree_set(values, size)
        .prop_map(|set| set.into_iter().map(Value::String).collect::<Vec<_>>())
        .prop_shuffle()
}
