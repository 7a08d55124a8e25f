//! Prints values as the servers' Python does in error texts.

use serde_json::Value;

use super::schema::Message;

/// Returns the name of a value's type.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

/// Prints a value as `str` does.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => repr(other),
    }
}

/// Prints a value as `repr` does.
pub(crate) fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("'{text}'"),
        Value::Array(items) => format!("[{}]", items.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields: Vec<_> = fields.iter().map(|(k, v)| format!("'{k}': {}", repr(v))).collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

/// Prints the dictionary of a message as `repr` does, with the fields in the order of their declaration.
pub(crate) fn declared(message: &Message, fields: &serde_json::Map<String, Value>) -> String {
    let shown = |name: &&str| Some(format!("'{name}': {}", repr(fields.get(*name)?)));
    let names = message.fields.iter().map(|(name, _)| name);
    format!("{{{}}}", names.filter_map(shown).collect::<Vec<_>>().join(", "))
}
