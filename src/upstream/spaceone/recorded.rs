//! The objects in the recorded responses of the real servers, for tests.

use super::client::Fields;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Returns every object in a recorded response that has all of these fields.
pub(super) fn objects(fields: &[&str]) -> Vec<Fields> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spaceone/recorded");
    let mut found = Vec::new();
    for era in ["rest", "verb"] {
        let text = fs::read_to_string(folder.join(format!("{era}.json"))).unwrap();
        let recorded: Value = serde_json::from_str(&text).unwrap();
        for exchange in recorded["exchanges"].as_array().unwrap() {
            collect(&exchange["response"]["body"], fields, &mut found);
        }
    }
    found
}

fn collect(value: &Value, fields: &[&str], found: &mut Vec<Fields>) {
    match value {
        Value::Object(map) if fields.iter().all(|field| map.contains_key(*field)) => found.push(map.clone()),
        Value::Object(map) => map.values().for_each(|inner| collect(inner, fields, found)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, fields, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
