//! Reading request dictionaries, and the checks of the document store.

use serde_json::{Map, Value};

use super::errors::ApiError;

type Params = Map<String, Value>;

/// Refuses the first field that is absent.
pub(crate) fn require(params: &Params, fields: &[&str]) -> Result<(), ApiError> {
    match fields.iter().find(|field| !params.contains_key(**field)) {
        Some(field) => Err(ApiError::required(field)),
        None => Ok(()),
    }
}

pub(crate) fn text(params: &Params, field: &str) -> String {
    params.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub(crate) fn texts(params: &Params, field: &str) -> Vec<String> {
    list(params, field).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

pub(crate) fn list(params: &Params, field: &str) -> Vec<Value> {
    params.get(field).and_then(Value::as_array).cloned().unwrap_or_default()
}

pub(crate) fn object(params: &Params, field: &str) -> Option<Params> {
    params.get(field).and_then(Value::as_object).cloned()
}

pub(crate) fn object_or_empty(params: &Params, field: &str) -> Params {
    object(params, field).unwrap_or_default()
}

/// The store refuses text beyond a field's length.
pub(crate) fn check_length(model: &str, shown: &str, field: &str, value: &str, most: usize) -> Result<(), ApiError> {
    if value.chars().count() <= most {
        return Ok(());
    }
    let reason = format!("ValidationError ({model}:{shown}) (String value is too long: ['{field}'])");
    Err(ApiError::database(&reason))
}

/// The store refuses keys that begin with `$` and, in this driver's generation, keys with a dot.
pub(crate) fn check_keys(model: &str, shown: &str, field: &str, values: &Params) -> Result<(), ApiError> {
    if any_key(values, &|key| key.starts_with('$')).is_some() {
        let reason = format!(
            "ValidationError ({model}:{shown}) (Invalid dictionary key name - keys may not startswith \"$\" characters: ['{field}'])"
        );
        return Err(ApiError::database(&reason));
    }
    match any_key(values, &|key| key.contains('.')) {
        Some(key) => Err(ApiError::database(&format!("key '{key}' must not contain '.'"))),
        None => Ok(()),
    }
}

/// The first key, at any depth, that is bad.
fn any_key(values: &Params, bad: &dyn Fn(&str) -> bool) -> Option<String> {
    values.iter().find_map(|(key, value)| {
        if bad(key) {
            return Some(key.clone());
        }
        any_key_within(value, bad)
    })
}

fn any_key_within(value: &Value, bad: &dyn Fn(&str) -> bool) -> Option<String> {
    match value {
        Value::Object(fields) => any_key(fields, bad),
        Value::Array(items) => items.iter().find_map(|item| any_key_within(item, bad)),
        _ => None,
    }
}
