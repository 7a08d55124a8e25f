//! YAML documents in which each value knows its line.
//!
//! Errors carry no text of the input: a stream may contain Secrets.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{DuplicateKeyPolicy, Location, Options, Spanned};
use std::fmt;

/// Where a value begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1; 0 if it is not known.
    pub line: u64,
    /// The column in characters, from 1; 0 if it is not known.
    pub column: u64,
}

/// A value and the place at which it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The place. That of the key in a mapping.
    pub place: Place,
    content: Content,
}

#[derive(Debug, Clone, PartialEq)]
enum Content {
    Plain(Value),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Why a text is not YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The line, from 1; 0 if it is not known.
    pub line: u64,
    /// The column in characters, from 1; 0 if it is not known.
    pub column: u64,
    /// What is wrong, without any text of the input.
    pub message: String,
}

/// Reads all documents of a text. Empty documents are left out.
pub fn documents(text: &str) -> Result<Vec<Node>, SyntaxError> {
    let mut options = Options::default();
    options.with_snippet = false;
    options.duplicate_keys = DuplicateKeyPolicy::Error;
    // Room for the manifests of a whole organisation in one stream.
    if let Some(limits) = &mut options.budget {
        (limits.max_documents, limits.max_nodes, limits.max_events) = (100_000, 10_000_000, 40_000_000);
    }
    let read: Result<Vec<Spanned<Content>>, _> = serde_saphyr::from_multiple_with_options(text, options);
    match read {
        Ok(documents) => Ok(documents.into_iter().map(node).collect()),
        Err(error) => Err(SyntaxError {
            line: error.location().map_or(0, |location| location.line()),
            column: error.location().map_or(0, |location| location.column()),
            message: "is no valid YAML: correct the syntax here. Give rendered manifests, such as the output of `helm template` or `kustomize build`"
                .to_owned(),
        }),
    }
}

fn node(spanned: Spanned<Content>) -> Node {
    Node { place: place(&spanned.referenced), content: spanned.value }
}

fn place(location: &Location) -> Place {
    Place { line: location.line(), column: location.column() }
}

impl Node {
    /// Returns a value that stands in no text.
    pub fn nowhere() -> Self {
        Self { place: Place::default(), content: Content::Plain(Value::Null) }
    }

    /// Converts it to JSON.
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Plain(value) => value.clone(),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Map(entries) => {
                Value::Object(entries.iter().map(|(key, value)| (key.clone(), value.to_json())).collect::<Map<_, _>>())
            }
        }
    }

    /// Returns whether it is a mapping.
    pub fn is_map(&self) -> bool {
        matches!(self.content, Content::Map(_))
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|(own, _)| own == key).map(|(_, value)| value),
            Content::List(items) => items.get(key.parse::<usize>().ok()?),
            Content::Plain(_) => None,
        }
    }

    /// Returns the members of a list.
    pub fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            Content::Plain(_) | Content::Map(_) => &[],
        }
    }

    /// Returns the text; `None` if it is something else.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Plain(Value::String(text)) => Some(text),
            Content::Plain(_) | Content::List(_) | Content::Map(_) => None,
        }
    }

    /// Returns the place of the value at a path such as `spec.tags['odd key'][0]`, or of the nearest one above it that is
    /// there.
    pub fn place_of(&self, path: &str) -> Place {
        let mut at = self;
        for segment in segments(path) {
            match at.get(&segment) {
                Some(next) => at = next,
                None => break,
            }
        }
        at.place
    }

    /// Returns whether a text below contains some words and covers a line.
    pub fn has_text_on(&self, line: u64, words: &str) -> bool {
        match &self.content {
            Content::Plain(Value::String(text)) => {
                let lines = u64::try_from(text.lines().count()).unwrap_or(u64::MAX);
                // The text of a block begins on the line below its key, and a quoted one may be folded.
                text.contains(words) && (self.place.line..=self.place.line.saturating_add(lines)).contains(&line)
            }
            Content::Plain(_) => false,
            Content::List(items) => items.iter().any(|item| item.has_text_on(line, words)),
            Content::Map(entries) => entries.iter().any(|(_, value)| value.has_text_on(line, words)),
        }
    }
}

/// Returns the parts of a path.
fn segments(path: &str) -> Vec<String> {
    let (mut all, mut rest) = (Vec::new(), path);
    while !rest.is_empty() {
        let (segment, after) = if let Some(quoted) = rest.strip_prefix("['") {
            quoted.split_once("']").unwrap_or((quoted, ""))
        } else if let Some(index) = rest.strip_prefix('[') {
            index.split_once(']').unwrap_or((index, ""))
        } else {
            let plain = rest.strip_prefix('.').unwrap_or(rest);
            plain.split_at(plain.find(['.', '[']).unwrap_or(plain.len()))
        };
        all.push(segment.to_owned());
        rest = after;
    }
    all
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyContent)
    }
}

struct AnyContent;

impl<'de> Visitor<'de> for AnyContent {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Plain(Value::Null))
    }
    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Plain(Value::Null))
    }
    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Plain(Value::Bool(value)))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Plain(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Plain(value.into()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Plain(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }
    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Plain(value.into()))
    }
    fn visit_string<E>(self, value: String) -> Result<Content, E> {
        Ok(Content::Plain(value.into()))
    }
    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Content, D::Error> {
        Content::deserialize(inner)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Spanned<Content>>()? {
            items.push(node(item));
        }
        Ok(Content::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let value = map.next_value::<Spanned<Content>>()?;
            entries.push((key.value, Node { place: place(&key.referenced), ..node(value) }));
        }
        Ok(Content::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &str = "kind: A\nspec:\n  list:\n    - one\n    - x: 1\n      'odd key': {y: 2.5}\n---\n---\n# nothing\n---\n{\"kind\": \"B\"}\n";

    #[test]
    fn documents_keep_lines_and_values() {
        let all = documents(TEXT).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].to_json(), json!({"kind": "A", "spec": {"list": ["one", {"x": 1, "odd key": {"y": 2.5}}]}}));
        for (path, line, column) in [
            ("kind", 1, 1),
            ("spec", 2, 1),
            ("spec.list[0]", 4, 7),
            ("spec.list[1].x", 5, 7),
            ("spec.list[1]['odd key'].y", 6, 19),
            ("spec.list[1].z.a", 5, 7),
            ("spec.none", 2, 1),
            ("", 1, 1),
        ] {
            assert_eq!(all[0].place_of(path), Place { line, column }, "{path}");
        }
        assert_eq!(all[1].place_of("kind"), Place { line: 11, column: 2 });
    }

    #[test]
    fn aliases_and_merges_have_values() {
        let all = documents("a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: 2\n").unwrap();
        assert_eq!(all[0].to_json(), json!({"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}));
    }

    #[test]
    fn syntax_error_names_the_line_and_quotes_nothing() {
        for text in
            ["a: 1\nb: {{ .Values.canary }}\n  c: d\n", "a: [canary\n", "a: canary\na: canary\n", "a: 'canary\n"]
        {
            let error = documents(text).unwrap_err();
            assert!(error.line >= 1 && !error.message.contains("canary"), "{text}: {error:?}");
        }
    }
}
