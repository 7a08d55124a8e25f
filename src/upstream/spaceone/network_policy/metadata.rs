//! Metadata that the upstream can live with.
//!
//! The servers walk through the stored metadata before every update and stumble over what they do
//! not expect: they accept a number, and from then on refuse every change of the object with an
//! error that names no field. So it is refused here.

use serde_json::Value;

/// Why the upstream would fail on this value of a metadata key.
pub(super) fn objection(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            Some("is a number, a boolean or null, after which the upstream refuses every update: write it as a text")
        }
        Value::Object(object) if object.keys().any(|key| key.contains("name")) => {
            Some("has a key with `name` in it, after which the upstream refuses every update: choose another key")
        }
        Value::String(_) | Value::Object(_) => None,
        Value::Array(items) => items.iter().find_map(item),
    }
}

fn item(value: &Value) -> Option<&'static str> {
    let stumbles = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.contains("name"),
        Value::Object(object) => object.get("name").is_some_and(|name| !name.is_string()),
        Value::Array(items) => items.iter().any(|item| item == "name"),
    };
    stumbles.then_some(
        "has an item that is neither an object (with a text as `name`) nor a text without `name` in it, after which \
         the upstream refuses every update: write it otherwise",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_upstream_can_walk_through_is_fine() {
        for value in
            [json!("text with name"), json!({"k": 1}), json!([]), json!([{"name": "n", "v": 1}, "text", {"v": 1}, [1]])]
        {
            assert_eq!(objection(&value), None, "{value}");
        }
    }

    #[test]
    fn what_the_upstream_stumbles_over_is_refused() {
        for value in [
            json!(1),
            json!(true),
            json!(null),
            json!([1]),
            json!([true]),
            json!([null]),
            json!({"hostname": "h"}),
            json!(["hostname"]),
            json!([{"name": 1}]),
            json!([["name"]]),
        ] {
            assert!(objection(&value).is_some(), "{value}");
        }
    }
}
