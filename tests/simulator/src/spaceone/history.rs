//! The update history of the inventory of 2020, and pinning, which depends on it, with the old bugs.

use serde_json::{Map, Value, json};

use super::errors::{ApiError, Grpc};
use super::store::{StoredNetworkPolicy, Update};

type Fields = Map<String, Value>;

/// The fields with an update history, in the order in which the request message declares them.
const TRACKED: &[&str] = &["name", "routing_tables", "dns", "data", "metadata", "reference", "tags", "zone_id"];

/// Returns the history of a new object.
pub(crate) fn new_history(params: &Fields, now: i64) -> Result<Vec<Update>, ApiError> {
    let keys = set_keys(params, true)?;
    Ok(keys.into_iter().map(|key| Update { key, updated_at: now }).collect())
}

/// Records the fields whose value changes. They can be pinned from then on.
///
/// The server iterates over the values of the stored metadata and crashes on values that are not
/// iterable. An object with a number or a boolean in its metadata can therefore not be updated.
pub(crate) fn record_changes(params: &Fields, policy: &mut StoredNetworkPolicy, now: i64) -> Result<(), ApiError> {
    for value in policy.metadata.values() {
        check_value(value).map_err(ApiError::unknown)?;
    }
    let before = json!(policy);
    for key in set_keys(params, false)? {
        let path = format!("/{}", key.replacen('.', "/", 1));
        if before.pointer(&path) == json!(params).pointer(&path) {
            continue;
        }
        match policy.update_history.iter_mut().find(|update| update.key == key) {
            Some(update) => update.updated_at = now,
            None => policy.update_history.push(Update { key, updated_at: now }),
        }
    }
    Ok(())
}

/// Returns the fields that a request sets. `data` counts key by key, `metadata` only as the layouts of a
/// new object.
fn set_keys(params: &Fields, new: bool) -> Result<Vec<String>, ApiError> {
    let mut keys = Vec::new();
    for field in TRACKED {
        match (*field, params.get(*field)) {
            ("data", Some(Value::Object(data))) => keys.extend(data.keys().map(|key| format!("data.{key}"))),
            ("metadata", Some(metadata)) if new => keys.extend(layouts(metadata)?),
            ("metadata", _) | (_, None) => {}
            (field, Some(_)) => keys.push(field.to_owned()),
        }
    }
    Ok(keys)
}

/// Returns the names of the layouts in `metadata.view`, or an error if it has another shape.
fn layouts(metadata: &Value) -> Result<Vec<String>, ApiError> {
    let Some(view) = metadata.get("view") else { return Ok(Vec::new()) };
    let invalid = |code, message: &str| Err(ApiError::new(code, Grpc::InvalidArgument, message));
    let named = |layout: &Value, place: &str| Some(format!("{place}.{}", layout.get("name")?.as_str()?.trim()));
    if !view.is_object() {
        let message = "Parameter type is invalid. (key = metadata.view, type = dict)";
        return invalid("ERROR_INVALID_PARAMETER_TYPE", message);
    }
    if let Some(table) = view.get("table") {
        let place = "metadata.view.table.layout";
        return match table.get("layout") {
            Some(layout @ Value::Object(_)) => Ok(named(layout, place).into_iter().collect()),
            _ => invalid("ERROR_METADATA_DICT_TYPE", &format!("The value of metadata's {place} must be a dict type.")),
        };
    }
    let Some(sub_data) = view.get("sub_data") else { return Ok(Vec::new()) };
    let place = "metadata.view.sub_data.layouts";
    match sub_data.get("layouts") {
        Some(Value::Array(layouts)) => Ok(layouts.iter().filter_map(|layout| named(layout, place)).collect()),
        _ => {
            invalid("ERROR_METADATA_LIST_VALUE_TYPE", &format!("The value of metadata's {place} must be a list type."))
        }
    }
}

/// Returns the exceptions of Python's `for item in value: if 'name' in item: item['name'].strip()`.
fn check_value(value: &Value) -> Result<(), String> {
    match value {
        Value::String(_) => Ok(()),
        // Python iterates over the keys of a dictionary, which are text.
        Value::Object(fields) => fields.keys().try_for_each(|key| check_text(key)),
        Value::Array(items) => items.iter().try_for_each(check_item),
        Value::Null => Err("'NoneType' object is not iterable".to_owned()),
        Value::Bool(_) => Err("'bool' object is not iterable".to_owned()),
        Value::Number(_) => Err("'float' object is not iterable".to_owned()),
    }
}

fn check_item(item: &Value) -> Result<(), String> {
    let unstrippable = |kind: &str| Err(format!("'{kind}' object has no attribute 'strip'"));
    match item {
        Value::String(text) => check_text(text),
        Value::Array(items) if items.iter().any(|item| item == "name") => {
            Err("list indices must be integers or slices, not str".to_owned())
        }
        Value::Array(_) => Ok(()),
        Value::Object(fields) => match fields.get("name") {
            None | Some(Value::String(_)) => Ok(()),
            Some(Value::Null) => unstrippable("NoneType"),
            Some(Value::Bool(_)) => unstrippable("bool"),
            Some(Value::Number(_)) => unstrippable("float"),
            Some(Value::Array(_)) => unstrippable("list"),
            Some(Value::Object(_)) => unstrippable("dict"),
        },
        Value::Null => Err("argument of type 'NoneType' is not iterable".to_owned()),
        Value::Bool(_) => Err("argument of type 'bool' is not iterable".to_owned()),
        Value::Number(_) => Err("argument of type 'float' is not iterable".to_owned()),
    }
}

fn check_text(text: &str) -> Result<(), String> {
    if text.contains("name") { Err("string indices must be integers, not 'str'".to_owned()) } else { Ok(()) }
}

/// Removes the pinned fields from an update, as the server does without an error.
pub(crate) fn without_pinned(mut params: Fields, pinned: &[String]) -> Fields {
    for key in pinned {
        match key.strip_prefix("data.") {
            // The server checks only the second part of the key.
            Some(rest) => {
                if let Some(data) = params.get_mut("data").and_then(Value::as_object_mut) {
                    data.remove(rest.split('.').next().unwrap_or(rest));
                }
            }
            None => {
                params.remove(key);
            }
        }
    }
    params
}

/// Returns the keys of a pin request if all of them were set before.
pub(crate) fn pinnable(keys: Vec<String>, policy: &StoredNetworkPolicy) -> Result<Vec<String>, ApiError> {
    let ever_set = |key: &String| policy.update_history.iter().any(|update| update.key == *key);
    match keys.iter().find(|key| !ever_set(key)) {
        None => Ok(keys),
        Some(key) => {
            let message = format!("Pinning keys not allowed. (key={key})");
            Err(ApiError::new("ERROR_NOT_ALLOW_PINNING_KEYS", Grpc::InvalidArgument, message))
        }
    }
}

/// Returns the history in the form in which objects contain it.
pub(crate) fn collection_info(policy: &StoredNetworkPolicy) -> Value {
    let update = |update: &Update| {
        json!({
            "key": update.key, "updated_by": "MANUAL", "updated_at": as_double(update.updated_at),
            "service_account_id": null, "secret_id": null,
        })
    };
    json!({
        "state": "MANUAL", "collectors": [], "service_accounts": [], "secrets": [],
        "update_history": policy.update_history.iter().map(update).collect::<Vec<_>>(),
        "pinned_keys": policy.pinned_keys,
    })
}

/// Converts seconds since 1970 to a double, without loss.
#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
fn as_double(seconds: i64) -> f64 {
    seconds as f64
}
