//! Values as the servers' Python prints them in error texts.

use serde_json::Value;

use super::schema::Message;

/// Name of a value's type.
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

/// As `str` prints it.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => repr(other),
    }
}

/// As `repr` prints it.
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

/// A message as `repr` prints the dictionary made from it: fields in the order of their declaration.
pub(crate) fn declared(message: &Message, fields: &serde_json::Map<String, Value>) -> String {
    let shown = |name: &&str| Some(format!("'{name}': {}", repr(fields.get(*name)?)));
    let names = message.fields.iter().map(|(name, _)| name);
    format!("{{{}}}", names.filter_map(shown).collect::<Vec<_>>().join(", "))
}
