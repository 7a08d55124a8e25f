//! Parses requests as the servers' protocol buffers do.
//!
//! The servers convert the parsed message to a dictionary. The conversion drops empty text, empty
//! repeated fields, `false` and `0`, and numbers inside `Struct` values become doubles. An update can
//! therefore not clear a list or a name; the server ignores the attempt without an error.

use serde_json::{Map, Value, json};

use super::errors::ApiError;
use super::options::Front;
use super::python::{plain, type_name};

type Fields = Map<String, Value>;

/// The type of a request field.
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

/// A message type: its name in error texts, and its fields in the order of declaration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [(&'static str, Kind)],
}

/// The conversion of JSON to messages by a front.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parser {
    pub(crate) front: Front,
    /// Whether unknown fields are dropped instead of rejected.
    pub(crate) lenient: bool,
}

/// The reason why JSON does not fit a message.
enum ParseError {
    /// An unknown field. All fronts have the same text.
    Unknown { message: &'static str, field: String },
    /// A wrong value. The text starts at the innermost field; each field around it adds its name.
    Wrong(String),
}

impl Parser {
    /// Returns the dictionary that the server works with.
    pub(crate) fn parse(self, message: &'static Message, input: &Fields) -> Result<Fields, ApiError> {
        self.message(message, message.name, input).map_err(|error| match error {
            ParseError::Unknown { message, field } => {
                ApiError::unknown(format!("Protocol message {message} has no \"{field}\" field.")).by_front()
            }
            ParseError::Wrong(text) => match self.front {
                Front::Transcoder => ApiError::argument(text).by_front(),
                Front::Console => ApiError::unknown(text).by_front(),
            },
        })
    }

    fn message(self, message: &'static Message, path: &str, input: &Fields) -> Result<Fields, ParseError> {
        let known = |name: &String| message.fields.iter().any(|(field, _)| field == name);
        if let Some(unknown) = input.keys().find(|name| !known(name)).filter(|_| !self.lenient) {
            return Err(ParseError::Unknown { message: message.name, field: unknown.clone() });
        }
        let mut parsed = Map::new();
        for &(name, kind) in message.fields {
            let Some(value) = input.get(name).filter(|value| !value.is_null()) else { continue };
            let place = Place { message, path, name };
            let field = self.field(&place, kind, value).map_err(|error| self.around(&place, error))?;
            if let Some(value) = field {
                parsed.insert(name.to_owned(), value);
            }
        }
        Ok(parsed)
    }

    fn around(self, place: &Place<'_>, error: ParseError) -> ParseError {
        match (self.front, error) {
            (Front::Transcoder, ParseError::Wrong(text)) => {
                ParseError::Wrong(format!("Failed to parse {} field: {text}.", place.name))
            }
            (_, other) => other,
        }
    }

    /// Parses a field. Returns `None` for a value that the conversion drops.
    fn field(self, place: &Place<'_>, kind: Kind, value: &Value) -> Result<Option<Value>, ParseError> {
        let inner = format!("{}.{}", place.path, place.name);
        Ok(match (kind, value) {
            (Kind::Text, Value::String(text)) => (!text.is_empty()).then(|| value.clone()),
            (Kind::Texts, _) => self.texts(place, value)?,
            (Kind::Flag, Value::Bool(flag)) => flag.then(|| value.clone()),
            (Kind::Integer, _) => {
                integer(value).map_err(ParseError::Wrong)?.filter(|number| *number != 0).map(Value::from)
            }
            (Kind::Struct, Value::Object(_)) | (Kind::List, Value::Array(_)) | (Kind::Any, _) => Some(doubles(value)),
            (Kind::Message(message), Value::Object(object)) => {
                Some(Value::Object(self.message(message, &inner, object)?))
            }
            (Kind::Messages(message), Value::Array(items)) => {
                let parsed = items.iter().map(|item| self.item(message, &inner, item));
                let parsed = parsed.collect::<Result<Vec<_>, ParseError>>()?;
                (!parsed.is_empty()).then_some(Value::Array(parsed))
            }
            (Kind::Message(message), Value::String(text)) => return Err(no_field_of(message, text)),
            (kind, value) => return Err(ParseError::Wrong(self.wrong(place, kind, value))),
        })
    }

    fn item(self, message: &'static Message, path: &str, item: &Value) -> Result<Value, ParseError> {
        match item {
            Value::Object(object) => Ok(Value::Object(self.message(message, path, object)?)),
            Value::String(text) => Err(no_field_of(message, text)),
            other => Err(ParseError::Wrong(format!("unhashable type: '{}'", type_name(other)))),
        }
    }

    /// Parses a list of texts. The console treats a text as the list of its characters.
    fn texts(self, place: &Place<'_>, value: &Value) -> Result<Option<Value>, ParseError> {
        let items = match (value, self.front) {
            (Value::Array(items), _) => items.clone(),
            (Value::String(text), Front::Console) => text.chars().map(|c| json!(c.to_string())).collect(),
            _ => return Err(ParseError::Wrong(self.wrong(place, Kind::Texts, value))),
        };
        if let Some(odd) = items.iter().find(|item| !item.is_string()) {
            return Err(ParseError::Wrong(match self.front {
                Front::Transcoder => self.wrong(place, Kind::Text, odd),
                Front::Console => console_type(odd),
            }));
        }
        Ok((!items.is_empty()).then_some(Value::Array(items)))
    }

    /// Returns a front's error text for a value of the wrong type.
    fn wrong(self, place: &Place<'_>, kind: Kind, value: &Value) -> String {
        let Place { message, path, name } = place;
        let (shown, found) = (plain(value), type_name(value));
        let well_known = match kind {
            Kind::Struct => "Struct",
            Kind::List => "ListValue",
            _ => "",
        };
        match (self.front, kind) {
            (Front::Console, Kind::Struct | Kind::List) => format!(
                "Parameter to MergeFrom() must be instance of same class: expected \
                 google.protobuf.struct_pb2.{well_known} got {found}. for field {}.{name}",
                message.name
            ),
            (Front::Console, _) => format!(
                "Cannot set spaceone.api.repository.v1.{message}.{name} to {shown}: {} for field {message}.{name}",
                console_type(value),
                message = message.name
            ),
            (Front::Transcoder, Kind::Struct) => format!("Struct must be in a dict which is {shown} at {path}.{name}"),
            (Front::Transcoder, Kind::List) => format!("ListValue must be in [] which is {shown} at {path}.{name}"),
            (Front::Transcoder, Kind::Texts | Kind::Messages(_)) => {
                format!("repeated field {name} must be in [] which is {shown} at {path}")
            }
            (Front::Transcoder, Kind::Flag) => format!("Expected true or false without quotes at {path}.{name}"),
            (Front::Transcoder, _) => format!("expected string or bytes-like object, got '{found}'"),
        }
    }

    /// Adds query parameters to the input. A dot leads to a field of a message. Only the transcoder reads
    /// them.
    pub(crate) fn add_query(
        self,
        message: &'static Message,
        pairs: &[(String, String)],
        into: &mut Fields,
    ) -> Result<(), ApiError> {
        if self.front == Front::Console {
            return Ok(());
        }
        pairs
            .iter()
            .try_for_each(|(name, text)| query_parameter(message, name, text, into))
            .map_err(|text| ApiError::argument(text).by_front())
    }
}

/// The position of a field, for error texts.
struct Place<'a> {
    message: &'static Message,
    path: &'a str,
    name: &'static str,
}

/// Returns the error for a text in place of a message: the server iterates over its characters as if they
/// were field names.
fn no_field_of(message: &'static Message, text: &str) -> ParseError {
    let field = text.chars().next().map_or_else(String::new, |first| first.to_string());
    ParseError::Unknown { message: message.name, field }
}

fn console_type(value: &Value) -> String {
    let (shown, found) = (plain(value), type_name(value));
    format!("{shown} has type <class '{found}'>, but expected one of: (<class 'bytes'>, <class 'str'>)")
}

/// Parses an unsigned number, also from text.
fn integer(value: &Value) -> Result<Option<i64>, String> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => {
            let invalid = || format!("invalid literal for int() with base 10: '{text}'");
            Some(text.trim().parse().map_err(|_| invalid())?)
        }
        _ => None,
    };
    match number {
        Some(negative @ ..0) => Err(format!("Value out of range: {negative}")),
        Some(number) => Ok(Some(number)),
        None => Err(format!("Couldn't parse integer: {}", plain(value))),
    }
}

fn query_parameter(message: &'static Message, name: &str, text: &str, into: &mut Fields) -> Result<(), String> {
    let (head, rest) = name.split_once('.').map_or((name, None), |(head, rest)| (head, Some(rest)));
    let Some(&(_, kind)) = message.fields.iter().find(|(field, _)| *field == head) else {
        return Err(format!("{head} is no field of {}", message.name));
    };
    let as_json = || serde_json::from_str(text).map_err(|_| format!("{head}: '{text}' is no JSON"));
    let value = match (kind, rest) {
        (Kind::Message(message), Some(rest)) => {
            let inner = into.entry(head).or_insert_with(|| json!({}));
            let inner = inner.as_object_mut().ok_or_else(|| format!("{head} has no fields"))?;
            return query_parameter(message, rest, text, inner);
        }
        (_, Some(_)) => return Err(format!("{head} has no fields")),
        (Kind::Texts, None) => {
            let list = into.entry(head).or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(json!(text));
            }
            return Ok(());
        }
        (Kind::Text, None) => json!(text),
        (_, None) => as_json()?,
    };
    into.insert(head.to_owned(), value);
    Ok(())
}

/// Converts each number to a double, at any depth.
pub(crate) fn doubles(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        Value::Array(items) => items.iter().map(doubles).collect(),
        Value::Object(fields) => fields.iter().map(|(k, v)| (k.clone(), doubles(v))).collect(),
        other => other.clone(),
    }
}
