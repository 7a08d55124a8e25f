//! Parses `values.yaml`, and generates the schema and the table of the README from it.
//!
//! A comment with `# -- ` describes a value, one with `# @schema ` adds to the type of its default, and any
//! other comment describes a group of values.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A value that may be set.
pub struct Documented {
    pub path: Vec<String>,
    pub default: Value,
    meaning: String,
    more: Option<Map<String, Value>>,
}

/// All values, in the order of the file.
pub struct Values {
    pub defaults: Value,
    pub documented: Vec<Documented>,
    groups: BTreeMap<Vec<String>, String>,
}

impl Values {
    pub fn read() -> Self {
        let text = super::text("values.yaml");
        let defaults = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("values.yaml: {error}"));
        let mut reader = Reader::default();
        text.lines().for_each(|line| reader.line(line));
        let documented = reader.found.into_iter().map(|(path, meaning, more)| {
            let default =
                at(&defaults, &path).unwrap_or_else(|| panic!("{path:?} is not at this path in the defaults")).clone();
            Documented { path, default, meaning, more }
        });
        Self { documented: documented.collect(), groups: reader.groups, defaults }
    }

    /// Returns the schema that Helm validates values with.
    pub fn schema(&self) -> Value {
        let mut root = self.group(&self.defaults, &[]);
        root["$schema"] = "http://json-schema.org/draft-07/schema#".into();
        root["title"] = "Values of the chart cloud-policy-operator".into();
        root
    }

    fn group(&self, value: &Value, path: &[String]) -> Value {
        let members = value.as_object().unwrap_or_else(|| panic!("{} has no description", path.join(".")));
        let properties: Map<String, Value> = members
            .iter()
            .map(|(key, value)| {
                let path = [path, std::slice::from_ref(key)].concat();
                let documented = self.documented.iter().find(|documented| documented.path == path);
                (key.clone(), documented.map_or_else(|| self.group(value, &path), Documented::schema))
            })
            .collect();
        let required: Vec<&String> = members
            .iter()
            .filter(|(key, value)| is_needed(key, value, &properties[*key]))
            .map(|(key, _)| key)
            .collect();
        // A parent chart hands `global` down to all its subcharts, with values for others.
        let is_global = path.first().is_some_and(|first| first == "global");
        let mut group = json!({ "type": "object", "additionalProperties": is_global });
        if !required.is_empty() && !is_global {
            group["required"] = json!(required);
        }
        group["properties"] = properties.into();
        if !path.is_empty() {
            let about =
                self.groups.get(path).unwrap_or_else(|| panic!("the group {} has no description", path.join(".")));
            group["description"] = about.as_str().into();
        }
        group
    }

    /// Returns the table in the README.
    pub fn table(&self) -> String {
        let mut table = String::from("| value | default | meaning |\n| --- | --- | --- |\n");
        for Documented { path, default, meaning, .. } in &self.documented {
            let default = default.to_string().replace('|', "\\|");
            let _ = writeln!(table, "| `{}` | `{default}` | {} |", path.join("."), meaning.replace('|', "\\|"));
        }
        table
    }
}

impl Documented {
    fn schema(&self) -> Value {
        let name = self.path.join(".");
        let kind = match self.default {
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Null => panic!("{name} has no default"),
        };
        let mut schema =
            Map::from_iter([("description".into(), self.meaning.as_str().into()), ("type".into(), kind.into())]);
        schema.extend(self.more.clone().unwrap_or_default());
        let inside = [("array", "items"), ("object", "additionalProperties")];
        for (_, keyword) in inside.iter().filter(|(of, _)| *of == kind) {
            assert!(
                schema.contains_key(*keyword),
                "the items of {name} have no type: `# @schema {{\"{keyword}\": …}}`"
            );
        }
        schema.into()
    }
}

/// Returns whether the schema requires a value. Helm removes values that are null before it validates, and
/// templates then read 0 or false. Not required: values that are empty by default, lists, free-form objects, and
/// values whose comment allows null.
fn is_needed(key: &str, default: &Value, schema: &Value) -> bool {
    let about = schema["description"].as_str().unwrap_or_default();
    match default {
        _ if about.contains(&format!("`{key}: null`")) => false,
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Object(_) => schema["additionalProperties"] == false,
        Value::Array(_) | Value::Null => false,
    }
}

/// Returns a value by its path.
pub fn at<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// The path, the description, and additions to the type.
type Found = (Vec<String>, String, Option<Map<String, Value>>);

#[derive(Default)]
struct Reader {
    path: Vec<String>,
    /// How deep the value is whose default is being parsed.
    inside: Option<usize>,
    words: Option<String>,
    means: bool,
    more: Option<Map<String, Value>>,
    found: Vec<Found>,
    groups: BTreeMap<Vec<String>, String>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let text = line.trim_start();
        let depth = (line.len() - text.len()) / 2;
        if let Some(more) = text.strip_prefix("# @schema ") {
            self.more = Some(serde_json::from_str(more).unwrap_or_else(|error| panic!("{more}: {error}")));
        } else if let Some(meaning) = text.strip_prefix("# -- ") {
            (self.words, self.means) = (Some(meaning.to_owned()), true);
        } else if let Some(more) = text.strip_prefix("# ") {
            self.words = Some(self.words.take().map_or_else(|| more.to_owned(), |words| format!("{words} {more}")));
        } else if let Some(key) = key(text).filter(|_| self.inside.is_none_or(|inside| depth <= inside)) {
            self.key(depth, key);
        } else if text.is_empty() {
            (self.words, self.means, self.more) = (None, false, None);
        }
    }

    fn key(&mut self, depth: usize, key: &str) {
        self.path.truncate(depth);
        self.path.push(key.to_owned());
        let (words, means, more) = (self.words.take(), std::mem::take(&mut self.means), self.more.take());
        self.inside = means.then_some(depth);
        match words {
            Some(meaning) if means => self.found.push((self.path.clone(), meaning, more)),
            Some(about) => drop(self.groups.insert(self.path.clone(), about)),
            None => {}
        }
    }
}

fn key(line: &str) -> Option<&str> {
    let (key, _) = line.split_once(':')?;
    key.chars().all(|letter| letter.is_ascii_alphanumeric()).then_some(key)
}
