//! The oracle: the expected content upstream for a spec, in one spelling. Written from the documented meaning,
//! without code of the operator's comparison.

use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// Normalizes a value: numbers by value, `null` as absent.
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

/// Returns whether two normalized values are equal. The last digit of a number may differ, because the upstream
/// stores numbers as text.
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

/// Asserts that two values have the same meaning.
pub fn assert_alike(a: &Value, b: &Value, what: &str) {
    let (a, b) = (plain(a), plain(b));
    assert!(alike(&a, &b), "{what}: {a} is not {b}");
}

/// Turns a list into a set: sorted, without repetitions.
pub fn set(items: impl IntoIterator<Item = Value>) -> Value {
    let mut items: Vec<Value> = items.into_iter().collect();
    items.sort_by_cached_key(Value::to_string);
    items.dedup();
    Value::Array(items)
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// Normalizes the permissions of a NAVER Cloud policy.
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

/// Normalizes an address.
pub fn address(text: &str) -> String {
    text.parse::<IpAddr>().expect("an address").to_string()
}

fn network(text: &str) -> String {
    match text.split_once('/') {
        Some((base, prefix)) => format!("{}/{prefix}", address(base)),
        None => format!("{}/{}", address(text), if text.contains(':') { 128 } else { 32 }),
    }
}

/// Normalizes the routes of a network policy, from a spec or as stored.
pub fn routes(routes: &Value) -> Value {
    set(list(routes).iter().map(|route| {
        let text = |field: &str| route[field].as_str().unwrap_or_default();
        json!([network(text("cidr")), address(text("destination")), text("interface")])
    }))
}

/// Normalizes the name servers. Their order matters.
pub fn dns(servers: &Value) -> Value {
    list(servers).iter().map(|server| json!(address(server.as_str().expect("an address")))).collect()
}

/// Normalizes the reference of a network policy.
pub fn reference(id: Option<&Value>, link: Option<&Value>) -> Value {
    json!([id.and_then(Value::as_str).unwrap_or_default(), link.and_then(Value::as_str).unwrap_or_default()])
}
