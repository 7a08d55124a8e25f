//! Merges partial JSON into a typed value.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Applies a merge patch (RFC 7386). The result must be a `T`, and `T` must have each field of the patch.
pub(crate) fn merge_into<T: Serialize + DeserializeOwned>(target: &mut T, patch: &Value) -> Result<(), String> {
    let mut value = serde_json::to_value(&*target).map_err(|error| error.to_string())?;
    if let Some(unknown) = patch.as_object().and_then(|fields| fields.keys().find(|key| value.get(*key).is_none())) {
        return Err(format!("no such field: {unknown}"));
    }
    merge_patch(&mut value, patch);
    *target = serde_json::from_value(value).map_err(|error| error.to_string())?;
    Ok(())
}

fn merge_patch(target: &mut Value, patch: &Value) {
    let (Value::Object(target), Value::Object(patch)) = (&mut *target, patch) else {
        target.clone_from(patch);
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge_patch(target.entry(key).or_insert(Value::Null), value);
        }
    }
}
