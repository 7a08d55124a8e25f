//! The oracle: what an upstream should hold when a spec is in force, in one spelling.
//!
//! Written from the documented meaning, without a line of the operator's comparison.

use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// Numbers by value, and `null` as absent.
pub fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64().expect("a number is a double upstream") + 0.0),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(map) => {
            let set = map.iter().filter(|(_, value)| !value.is_null());
            set.map(|(key, value)| (key.clone(), plain(value))).collect()
        }
        other => other.clone(),
    }
}

/// Equality of plain values; a number that went through texts may be off by its last digit.
pub fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().expect("a double"), b.as_f64().expect("a double"));
            (a - b).abs() <= (1e-14 * a.abs()).max(1e-300)
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| alike(a, b)))
        }
        _ => a == b,
    }
}

/// Asserts that two values mean the same.
pub fn assert_alike(a: &Value, b: &Value, what: &str) {
    let (a, b) = (plain(a), plain(b));
    assert!(alike(&a, &b), "{what}: {a} is not {b}");
}

/// A list as a set: in one order, without repetitions.
pub fn set(items: impl IntoIterator<Item = Value>) -> Value {
    let mut items: Vec<Value> = items.into_iter().collect();
    items.sort_by_cached_key(Value::to_string);
    items.dedup();
    Value::Array(items)
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// The permissions of a NAVER Cloud policy.
pub fn permissions(permissions: &Value) -> Value {
    set(list(permissions).iter().map(permission))
}

fn permission(permission: &Value) -> Value {
    let values = |keys: &Value| -> Map<String, Value> {
        keys.as_object().into_iter().flatten().map(|(key, values)| (key.clone(), set(list(values)))).collect()
    };
    let condition: Map<String, Value> = permission["condition"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(operator, keys)| (operator.clone(), Value::Object(values(keys))))
        .collect();
    json!({
        "effect": permission["effect"],
        "targets": set(list(&permission["targets"]).iter().map(target)),
        "condition": condition,
    })
}

fn target(target: &Value) -> Value {
    let everything = format!("nrn:*:{}:*::*", target["product"].as_str().expect("a product"));
    let names = |field: &str| {
        let names =
            list(&target[field]).into_iter().map(|name| if name == json!(everything) { json!("*") } else { name });
        let names = set(names);
        if list(&names).contains(&json!("*")) { json!(["*"]) } else { names }
    };
    json!({ "product": target["product"], "actions": names("actions"), "resourceNrns": names("resourceNrns") })
}

/// One spelling of an address, or of a network with its prefix.
pub fn address(text: &str) -> String {
    text.parse::<IpAddr>().expect("an address").to_string()
}

fn network(text: &str) -> String {
    match text.split_once('/') {
        Some((base, prefix)) => format!("{}/{prefix}", address(base)),
        None => format!("{}/{}", address(text), if text.contains(':') { 128 } else { 32 }),
    }
}

/// The routes of a network policy, of a spec or as stored.
pub fn routes(routes: &Value) -> Value {
    set(list(routes).iter().map(|route| {
        let text = |field: &str| route[field].as_str().unwrap_or_default();
        json!([network(text("cidr")), address(text("destination")), text("interface")])
    }))
}

/// The name servers, in their order.
pub fn dns(servers: &Value) -> Value {
    list(servers).iter().map(|server| json!(address(server.as_str().expect("an address")))).collect()
}

/// What a network policy refers to, in the upstream's words.
pub fn reference(id: Option<&Value>, link: Option<&Value>) -> Value {
    json!([id.and_then(Value::as_str).unwrap_or_default(), link.and_then(Value::as_str).unwrap_or_default()])
}
