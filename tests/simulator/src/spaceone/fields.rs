//! Readers of request dictionaries, and the checks of the document store.

use serde_json::{Map, Value};

use super::errors::ApiError;
use super::options::Era;

type Fields = Map<String, Value>;

/// Returns an error for the first absent field.
pub(crate) fn require(params: &Fields, fields: &[&str]) -> Result<(), ApiError> {
    match fields.iter().find(|field| !params.contains_key(**field)) {
        Some(field) => Err(ApiError::required(field)),
        None => Ok(()),
    }
}

pub(crate) fn text(params: &Fields, field: &str) -> String {
    params.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub(crate) fn texts(params: &Fields, field: &str) -> Vec<String> {
    list(params, field).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

pub(crate) fn list(params: &Fields, field: &str) -> Vec<Value> {
    params.get(field).and_then(Value::as_array).cloned().unwrap_or_default()
}

pub(crate) fn object(params: &Fields, field: &str) -> Option<Fields> {
    params.get(field).and_then(Value::as_object).cloned()
}

pub(crate) fn object_or_empty(params: &Fields, field: &str) -> Fields {
    object(params, field).unwrap_or_default()
}

/// The document store's validation and its error messages. The store validates a new document as a
/// whole, and a change field by field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Check {
    model: &'static str,
    new: bool,
    /// Whether keys may contain no dots. The driver of 1.12 allows dots, and in a change also a leading `$`.
    strict_keys: bool,
}

impl Check {
    pub(crate) fn new_document(model: &'static str, era: Era) -> Self {
        Self { model, new: true, strict_keys: era == Era::Rest }
    }

    pub(crate) fn change(model: &'static str, era: Era) -> Self {
        Self { new: false, ..Self::new_document(model, era) }
    }

    /// Returns the error for an invalid document, or for the named part of one.
    fn invalid(self, part: Option<&str>, problem: &str, field: &str) -> ApiError {
        let model = self.model;
        ApiError::database(&match (self.new, part) {
            (true, _) => format!("ValidationError ({model}:None) ({problem}: ['{field}'])"),
            (false, Some(part)) => format!("ValidationError ({part}:None) ({problem})"),
            (false, None) => problem.to_owned(),
        })
    }

    /// Checks the length of a text.
    pub(crate) fn length(self, field: &str, value: &str, most: usize) -> Result<(), ApiError> {
        if value.chars().count() <= most {
            return Ok(());
        }
        Err(self.invalid(None, "String value is too long", field))
    }

    /// Checks the interfaces of routes. Routes are embedded documents, so their error names the document type.
    pub(crate) fn interfaces<'a>(self, values: impl Iterator<Item = &'a str>) -> Result<(), ApiError> {
        let too_long = |value: &str| value.chars().count() > 40;
        match values.enumerate().find(|(_, value)| too_long(value)) {
            None => Ok(()),
            Some((index, _)) if self.new => {
                let place = if index == 0 { String::new() } else { format!("{index}.") };
                let problem = format!("{place}interface.String value is too long");
                Err(self.invalid(None, &problem, "routing_tables"))
            }
            Some(_) => {
                let problem = "String value is too long: ['interface']";
                Err(self.invalid(Some("RoutingTable"), problem, "interface"))
            }
        }
    }

    /// Checks labels: text of at most 255 characters. For a new document the error lists all invalid labels
    /// by position.
    pub(crate) fn labels(self, labels: &[Value]) -> Result<(), ApiError> {
        let problem = |label: &Value| match label.as_str() {
            Some(text) if text.chars().count() <= 255 => None,
            Some(_) => Some("String value is too long"),
            None => Some("StringField only accepts string values"),
        };
        let wrong = labels.iter().enumerate().filter_map(|(index, label)| Some((index, problem(label)?)));
        let errors: Vec<String> = wrong
            .map(|(index, text)| if index == 0 || !self.new { text.to_owned() } else { format!("{index}.{text}") })
            .collect();
        match (errors.as_slice(), self.new) {
            ([], _) => Ok(()),
            (all, true) => Err(self.invalid(None, &all.join(" "), "labels")),
            ([first, ..], false) => Err(self.invalid(None, first, "labels")),
        }
    }

    /// Checks the keys of free values.
    pub(crate) fn keys(self, field: &str, values: &Fields) -> Result<(), ApiError> {
        let dollar = any_key(values, &|key| key.starts_with('$'));
        if dollar.is_some() && self.new {
            let problem = "Invalid dictionary key name - keys may not startswith \"$\" characters";
            return Err(self.invalid(None, problem, field));
        }
        if !self.strict_keys {
            return Ok(());
        }
        if let Some(key) = dollar {
            return Err(ApiError::database(&format!("key '{key}' must not start with '$'")));
        }
        match any_key(values, &|key| key.contains('.')) {
            Some(key) => Err(ApiError::database(&format!("key '{key}' must not contain '.'"))),
            None => Ok(()),
        }
    }
}

/// Returns the first bad key at any depth.
fn any_key(values: &Fields, bad: &dyn Fn(&str) -> bool) -> Option<String> {
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
