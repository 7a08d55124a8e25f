//! Generated responses for the unit tests of this module: valid ones with an error, and arbitrary ones.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// Generates any JSON, small and of every type.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|n| json!(n)),
        any::<u64>().prop_map(|n| json!(n)),
        any::<f64>().prop_map(|n| json!(n)),
        any::<String>().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[a-zA-Z_]{0,12}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Generates bodies: these with another value in one place, cut, or with wrong bytes; and arbitrary ones.
pub(crate) fn bodies(good: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let replaced = (select(good), any::<Index>(), any_json()).prop_map(|(text, at, with)| {
        let mut response: Value = serde_json::from_str(text).unwrap();
        let mut places = Vec::new();
        pointers(&response, String::new(), &mut places);
        if let Some(place) = response.pointer_mut(at.get::<String>(&places)) {
            *place = with;
        }
        response.to_string().into_bytes()
    });
    let cut = (select(good), any::<Index>()).prop_map(|(text, at)| text.as_bytes()[..at.index(text.len())].to_vec());
    let corrupt = (select(good), any::<Index>(), any::<u8>()).prop_map(|(text, at, byte)| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at.index(text.len())] = byte;
        bytes
    });
    let odd =
        select(vec!["", "null", "[]", "{}", "1e999", "{\"a\":1e999}", "{\"a\":1,\"a\":2}", "<html>", "\u{feff}{}"]);
    prop_oneof![
        5 => replaced,
        2 => cut,
        3 => corrupt,
        1 => odd.prop_map(|text| text.as_bytes().to_vec()),
        1 => Just("[{\"a\":".repeat(50_000).into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..80),
        1 => any_json().prop_map(|value| value.to_string().into_bytes()),
    ]
}

fn pointers(value: &Value, path: String, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| pointers(value, format!("{path}/{key}"), into)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| pointers(value, format!("{path}/{at}"), into));
        }
        _ => {}
    }
    into.push(path);
}
