//! Validation of metadata.
//!
//! Before every update the servers walk through the stored metadata, and fail at values that they do not
//! expect: they accept a number, and then reject every change of the object with an error that names no
//! field. So the operator rejects such values itself.

use serde_json::Value;

/// Returns the reason why the upstream would fail at this value of a metadata key.
pub(super) fn objection(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            Some("is a number, a boolean or null, after which the upstream rejects every update: write it as a string")
        }
        Value::Object(object) if object.keys().any(|key| key.contains("name")) => {
            Some("has a key that contains `name`, after which the upstream rejects every update: choose another key")
        }
        Value::String(_) | Value::Object(_) => None,
        Value::Array(items) => items.iter().find_map(item),
    }
}

fn item(value: &Value) -> Option<&'static str> {
    let fails = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.contains("name"),
        Value::Object(object) => object.get("name").is_some_and(|name| !name.is_string()),
        Value::Array(items) => items.iter().any(|item| item == "name"),
    };
    fails.then_some(
        "has an item that is neither an object (with a string as `name`) nor a string without `name` in it, after which \
         the upstream rejects every update: change the item",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn valid_metadata_is_accepted() {
        for value in
            [json!("text with name"), json!({"k": 1}), json!([]), json!([{"name": "n", "v": 1}, "text", {"v": 1}, [1]])]
        {
            assert_eq!(objection(&value), None, "{value}");
        }
    }

    #[test]
    fn metadata_that_breaks_updates_is_rejected() {
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
