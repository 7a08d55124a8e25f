//! Checks a manifest by the schema that the API server has, as far as one field goes.
//!
//! The messages name the field and how to correct it. Rules between fields (CEL) are not here: the collections check those
//! that concern the upstream, and the API server checks all of them.

use crate::engine::Problem;
use crate::engine::diff::child;
use crate::engine::nearest::nearest;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use regex::Regex;
use serde_json::Value;
use std::collections::HashMap;

/// Returns what is wrong with a value at a path.
pub fn problems(schema: &JSONSchemaProps, value: &Value, path: &str, patterns: &mut Patterns) -> Vec<Problem> {
    let mut checker = Checker { problems: Vec::new(), patterns };
    checker.check(schema, value, path);
    checker.problems
}

/// The patterns of schemas, each compiled once.
#[derive(Default)]
pub struct Patterns(HashMap<String, Option<Regex>>);

impl Patterns {
    /// Returns whether a text matches a pattern. Every pattern of the schema compiles: a test of the schema says so.
    fn matches(&mut self, pattern: &str, text: &str) -> bool {
        if !self.0.contains_key(pattern) {
            self.0.insert(pattern.to_owned(), Regex::new(pattern).ok());
        }
        self.0.get(pattern).and_then(Option::as_ref).is_none_or(|regex| regex.is_match(text))
    }
}

struct Checker<'p> {
    problems: Vec<Problem>,
    patterns: &'p mut Patterns,
}

impl Checker<'_> {
    fn add(&mut self, path: &str, message: String) {
        self.problems.push(Problem { field: path.to_owned(), message });
    }

    fn check(&mut self, schema: &JSONSchemaProps, value: &Value, path: &str) {
        let expected = schema.type_.as_deref().unwrap_or_default();
        if value.is_null() && schema.nullable == Some(true) {
            return;
        }
        if !expected.is_empty() && !is_of_type(value, expected) {
            return self.add(path, format!("must be {}, not {}", article(expected), kind_of(value)));
        }
        if let Some(choices) = schema.enum_.as_ref().filter(|choices| !choices.iter().any(|it| it.0 == *value)) {
            let names: Vec<&str> = choices.iter().filter_map(|choice| choice.0.as_str()).collect();
            let hint = value.as_str().and_then(|text| nearest(text, names.iter().copied())).map(did_you_mean);
            return self.add(path, format!("must be one of {}{}", names.join(", "), hint.unwrap_or_default()));
        }
        match value {
            Value::String(text) => self.text(schema, text, path),
            Value::Number(number) => self.number(schema, number.as_f64().unwrap_or_default(), path),
            Value::Array(items) => self.list(schema, items, path),
            Value::Object(_) => self.object(schema, value, path),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn text(&mut self, schema: &JSONSchemaProps, text: &str, path: &str) {
        let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        self.size(path, length, (schema.min_length, schema.max_length), "character");
        let Some(pattern) = &schema.pattern else { return };
        if !self.patterns.matches(pattern, text) {
            // The API server says it in these words.
            let own = format!("self.matches(r'{pattern}')");
            let mut rules = schema.x_kubernetes_validations.iter().flatten();
            let words = rules.find(|rule| rule.rule == own).and_then(|rule| rule.message.clone());
            self.add(path, words.unwrap_or_else(|| format!("must match {pattern}")));
        }
    }

    fn number(&mut self, schema: &JSONSchemaProps, number: f64, path: &str) {
        if let Some(least) = schema.minimum.filter(|least| number < *least) {
            self.add(path, format!("must be at least {least}"));
        }
        if let Some(most) = schema.maximum.filter(|most| number > *most) {
            self.add(path, format!("must be at most {most}"));
        }
    }

    fn list(&mut self, schema: &JSONSchemaProps, items: &[Value], path: &str) {
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        self.size(path, length, (schema.min_items, schema.max_items), "item");
        if schema.x_kubernetes_list_type.as_deref() == Some("set")
            && let Some(at) = (1..items.len()).find(|at| items[..*at].contains(&items[*at]))
        {
            self.add(&format!("{path}[{at}]"), "repeats another item: remove it".to_owned());
        }
        if let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items {
            for (at, value) in items.iter().enumerate() {
                self.check(item, value, &format!("{path}[{at}]"));
            }
        }
    }

    fn object(&mut self, schema: &JSONSchemaProps, value: &Value, path: &str) {
        let entries = value.as_object().into_iter().flatten();
        let length = i64::try_from(entries.clone().count()).unwrap_or(i64::MAX);
        self.size(path, length, (schema.min_properties, schema.max_properties), "key");
        for name in schema.required.iter().flatten().filter(|name| value.get(name.as_str()).is_none()) {
            self.add(&join(path, name), "is missing: add it".to_owned());
        }
        let known = schema.properties.as_ref();
        for (key, value) in entries {
            let path = join(path, key);
            match (known.and_then(|known| known.get(key)), &schema.additional_properties) {
                // `null` means absent where the API server has a default or an optional field.
                (Some(own), _) if value.is_null() && own.nullable != Some(true) => {}
                (Some(own), _) => self.check(own, value, &path),
                (None, Some(JSONSchemaPropsOrBool::Schema(each))) => self.check(each, value, &path),
                (None, Some(JSONSchemaPropsOrBool::Bool(true))) => {}
                (None, _) if known.is_none() || schema.x_kubernetes_preserve_unknown_fields == Some(true) => {}
                (None, _) => self.unknown(schema, key, &path),
            }
        }
    }

    fn unknown(&mut self, schema: &JSONSchemaProps, key: &str, path: &str) {
        let names = schema.properties.iter().flatten().map(|(name, _)| name.as_str());
        let hint = nearest(key, names).map(did_you_mean).unwrap_or_default();
        self.add(path, format!("is no field of this object{hint}"));
    }

    fn size(&mut self, path: &str, size: i64, (least, most): (Option<i64>, Option<i64>), what: &str) {
        let count = |limit: i64| if limit == 1 { format!("{limit} {what}") } else { format!("{limit} {what}s") };
        if let Some(least) = least.filter(|least| size < *least) {
            self.add(path, format!("must have at least {}, and has {size}", count(least)));
        }
        if let Some(most) = most.filter(|most| size > *most) {
            self.add(path, format!("must have at most {}, and has {size}", count(most)));
        }
    }
}

fn did_you_mean(name: &str) -> String {
    format!(": did you mean {name}?")
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { child(path, key) }
}

fn is_of_type(value: &Value, expected: &str) -> bool {
    match expected {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        _ => true,
    }
}

fn article(expected: &str) -> &str {
    match expected {
        "object" => "a mapping",
        "array" => "a list",
        "string" => "a text (quote it)",
        "boolean" => "true or false",
        "integer" => "a whole number",
        _ => "a number",
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::crds;
    use serde_json::json;

    fn schema() -> JSONSchemaProps {
        let schema = json!({
            "type": "object", "required": ["name"],
            "properties": {
                "name": {"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-z]+$"},
                "count": {"type": "integer", "minimum": 1.0, "maximum": 3.0},
                "mode": {"type": "string", "enum": ["Correct", "Report"]},
                "set": {"type": "array", "x-kubernetes-list-type": "set", "maxItems": 2, "items": {"type": "string"}},
                "tags": {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "string"}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            },
        });
        serde_json::from_value(schema).unwrap()
    }

    fn found(value: &Value) -> Vec<String> {
        problems(&schema(), value, "spec", &mut Patterns::default())
            .iter()
            .map(|problem| format!("{}: {}", problem.field, problem.message))
            .collect()
    }

    #[test]
    fn schema_accepts_what_the_api_server_accepts() {
        assert_eq!(
            found(
                &json!({"name": "ab", "count": 3, "mode": null, "set": ["a"], "tags": {"x": "y"}, "free": {"a": [1]}})
            ),
            [""; 0]
        );
    }

    #[test]
    fn schema_names_the_field_and_the_correction() {
        let cases = [
            (json!({}), "spec.name: is missing: add it"),
            (json!({"name": "a"}), "spec.name: must have at least 2 characters, and has 1"),
            (json!({"name": "가나다라마"}), "spec.name: must have at most 4 characters, and has 5"),
            (json!({"name": "AB"}), "spec.name: must match ^[a-z]+$"),
            (json!({"name": 1}), "spec.name: must be a text (quote it), not a number"),
            (json!({"name": "ab", "count": 4}), "spec.count: must be at most 3"),
            (json!({"name": "ab", "count": 1.5}), "spec.count: must be a whole number, not a number"),
            (
                json!({"name": "ab", "mode": "report"}),
                "spec.mode: must be one of Correct, Report: did you mean Report?",
            ),
            (json!({"name": "ab", "set": ["a", "a"]}), "spec.set[1]: repeats another item: remove it"),
            (json!({"name": "ab", "tags": {"x": 1}}), "spec.tags.x: must be a text (quote it), not a number"),
            (json!({"name": "ab", "coumt": 1}), "spec.coumt: is no field of this object: did you mean count?"),
            (json!({"name": "ab", "zzzzzz": 1}), "spec.zzzzzz: is no field of this object"),
        ];
        for (value, message) in cases {
            assert!(found(&value).iter().any(|text| text.starts_with(message)), "{value}: {:?}", found(&value));
        }
    }

    #[test]
    fn broken_pattern_is_told_in_the_words_of_the_api_server() {
        let schema = json!({
            "type": "string", "pattern": "^a$",
            "x-kubernetes-validations": [
                { "rule": "size(self) < 9", "message": "short" },
                { "rule": "self.matches(r'^a$')", "message": "write a" },
            ],
        });
        let schema = serde_json::from_value(schema).unwrap();
        let found = problems(&schema, &json!("b"), "spec", &mut Patterns::default());
        assert_eq!(found, [Problem { field: "spec".to_owned(), message: "write a".to_owned() }]);
    }

    fn patterns(schema: &JSONSchemaProps, all: &mut Vec<String>) {
        all.extend(schema.pattern.clone());
        schema.properties.iter().flatten().for_each(|(_, inner)| patterns(inner, all));
        if let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items {
            patterns(item, all);
        }
        if let Some(JSONSchemaPropsOrBool::Schema(each)) = &schema.additional_properties {
            patterns(each, all);
        }
    }

    #[test]
    fn every_pattern_of_the_crds_compiles() {
        let mut all = Vec::new();
        for version in crds::all().iter().flat_map(|crd| &crd.spec.versions) {
            patterns(version.schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap(), &mut all);
        }
        assert!(all.len() > 20);
        for pattern in &all {
            Regex::new(pattern).unwrap();
        }
    }
}
