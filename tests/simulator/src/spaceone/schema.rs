//! Requests as the servers' protocol buffers define them, and what survives of a request on its way in.
//!
//! The servers work on a dictionary made from the parsed message. Making it drops empty text, empty
//! repeated fields, `false` and `0`; numbers inside `Struct` values become doubles. That is why clearing
//! a list or a name through an update is silently impossible.

use serde_json::{Map, Value};

use super::errors::ApiError;

/// Type of a request field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Texts,
    Flag,
    Integer,
    /// `google.protobuf.Struct`.
    Struct,
    /// `google.protobuf.ListValue`.
    List,
    /// `google.protobuf.Value`.
    Any,
    Message(&'static Message),
    Messages(&'static Message),
}

/// A message type: its name as error texts print it, and its fields in order of declaration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [(&'static str, Kind)],
}

impl Message {
    /// The dictionary the server works on.
    pub(crate) fn parse(&self, input: &Map<String, Value>, lenient: bool) -> Result<Map<String, Value>, ApiError> {
        let known = |name: &String| self.fields.iter().any(|(field, _)| field == name);
        if let Some(unknown) = input.keys().find(|name| !known(name)).filter(|_| !lenient) {
            let message = format!("Protocol message {} has no \"{unknown}\" field.", self.name);
            return Err(ApiError::unknown(message));
        }
        let mut parsed = Map::new();
        for &(name, kind) in self.fields {
            let Some(value) = input.get(name).filter(|value| !value.is_null()) else { continue };
            if let Some(value) = self.field(name, kind, value, lenient)? {
                parsed.insert(name.to_owned(), value);
            }
        }
        Ok(parsed)
    }

    /// The parsed field; `None` when it is one of those that do not survive.
    fn field(&self, name: &str, kind: Kind, value: &Value, lenient: bool) -> Result<Option<Value>, ApiError> {
        let wrong = |expected: &str| {
            ApiError::argument(format!(
                "Failed to parse {name} field: expected {expected}, got {}.",
                python_type(value)
            ))
        };
        let not_repeated = || {
            ApiError::argument(format!(
                "Failed to parse {name} field: repeated field {name} must be in [] which is {} at {}.",
                plain(value),
                self.name
            ))
        };
        Ok(match (kind, value) {
            (Kind::Text, Value::String(text)) => Some(value.clone()).filter(|_| !text.is_empty()),
            (Kind::Text, _) => return Err(wrong("string or bytes-like object")),
            (Kind::Texts, Value::Array(items)) => {
                if let Some(odd) = items.iter().find(|item| !item.is_string()) {
                    let message = format!(
                        "Failed to parse {name} field: expected string or bytes-like object, got {}.",
                        python_type(odd)
                    );
                    return Err(ApiError::argument(message));
                }
                Some(value.clone()).filter(|_| !items.is_empty())
            }
            (Kind::Flag, Value::Bool(flag)) => flag.then(|| value.clone()),
            (Kind::Flag, _) => return Err(wrong("bool")),
            (Kind::Integer, Value::Number(number)) => Some(value.clone()).filter(|_| number.as_f64() != Some(0.0)),
            (Kind::Integer, Value::String(text)) => {
                let number = text.parse::<i64>().map_err(|_| wrong("integer"))?;
                (number != 0).then(|| Value::from(number))
            }
            (Kind::Integer, _) => return Err(wrong("integer")),
            (Kind::Struct, Value::Object(_)) | (Kind::List, Value::Array(_)) | (Kind::Any, _) => Some(doubles(value)),
            (Kind::Struct, _) => {
                let message = format!(
                    "Failed to parse {name} field: Struct must be in a dict which is {} at {}.{name}.",
                    plain(value),
                    self.name
                );
                return Err(ApiError::argument(message));
            }
            (Kind::List, _) => {
                let message = format!(
                    "Failed to parse {name} field: ListValue must be in [] which is {} at {}.{name}.",
                    plain(value),
                    self.name
                );
                return Err(ApiError::argument(message));
            }
            (Kind::Message(message), Value::Object(object)) => Some(Value::Object(message.parse(object, lenient)?)),
            (Kind::Message(_), _) => return Err(wrong("dict")),
            (Kind::Messages(message), Value::Array(items)) => {
                let items = items.iter().map(|item| {
                    let object = item.as_object().ok_or_else(|| wrong("dict"))?;
                    Ok(Value::Object(message.parse(object, lenient)?))
                });
                let items = items.collect::<Result<Vec<_>, ApiError>>()?;
                (!items.is_empty()).then_some(Value::Array(items))
            }
            (Kind::Texts | Kind::Messages(_), _) => return Err(not_repeated()),
        })
    }

    /// Query parameters as the same dictionary input; dots reach into messages.
    pub(crate) fn from_query(&self, pairs: &[(String, String)], into: &mut Map<String, Value>) -> Result<(), ApiError> {
        for (name, text) in pairs {
            self.query_parameter(name, text, into)
                .ok_or_else(|| ApiError::argument(format!("unknown query parameter {name}")))?;
        }
        Ok(())
    }

    fn query_parameter(&self, name: &str, text: &str, into: &mut Map<String, Value>) -> Option<()> {
        let (head, rest) = name.split_once('.').map_or((name, None), |(head, rest)| (head, Some(rest)));
        let &(_, kind) = self.fields.iter().find(|(field, _)| *field == head)?;
        let value = match (kind, rest) {
            (Kind::Message(message), Some(rest)) => {
                let inner = into.entry(head).or_insert_with(|| Value::Object(Map::new())).as_object_mut()?;
                return message.query_parameter(rest, text, inner);
            }
            (Kind::Text | Kind::Integer, None) => Value::from(text),
            (Kind::Flag, None) => Value::from(matches!(text.to_lowercase().as_str(), "1" | "true" | "yes")),
            (Kind::Texts, None) => {
                let list = into.entry(head).or_insert_with(|| Value::Array(Vec::new()));
                list.as_array_mut()?.push(Value::from(text));
                return Some(());
            }
            (_, None) => serde_json::from_str(text).ok()?,
            (_, Some(_)) => return None,
        };
        into.insert(head.to_owned(), value);
        Some(())
    }
}

/// Every number as a double, at any depth.
pub(crate) fn doubles(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        Value::Array(items) => items.iter().map(doubles).collect(),
        Value::Object(fields) => fields.iter().map(|(k, v)| (k.clone(), doubles(v))).collect(),
        other => other.clone(),
    }
}

/// Python's name for the type of a JSON value.
fn python_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "'NoneType'",
        Value::Bool(_) => "'bool'",
        Value::Number(number) if number.is_f64() => "'float'",
        Value::Number(_) => "'int'",
        Value::String(_) => "'str'",
        Value::Array(_) => "'list'",
        Value::Object(_) => "'dict'",
    }
}

/// A value as Python's `str` prints it.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => python(other),
    }
}

/// A value as Python's `repr` prints it.
pub(crate) fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("'{text}'"),
        Value::Array(items) => format!("[{}]", items.iter().map(python).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields: Vec<_> = fields.iter().map(|(k, v)| format!("'{k}': {}", python(v))).collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}
