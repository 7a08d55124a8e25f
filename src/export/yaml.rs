//! YAML that every parser reads alike.
//!
//! The API server reads YAML 1.1 in part (`on`, `0777` and `1_000` are no texts there), other tools read 1.2. A text is
//! written plain only if none of them can take it for something else, and in quotes otherwise.

use serde_json::{Map, Value};
use std::fmt::Write as _;

/// Words that some parser takes for a value that is no text.
const WORDS: [&str; 12] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf", "infinity"];

/// Returns a document. Maps are in the order of their keys.
#[must_use]
pub fn document(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => mapping(&mut out, map, 0),
        other => {
            out.push_str(&inline(other));
            out.push('\n');
        }
    }
    out
}

fn mapping(out: &mut String, map: &Map<String, Value>, depth: usize) {
    for (key, value) in map {
        let _ = write!(out, "{}{}:", indent(depth), text(key));
        entry(out, value, depth);
    }
}

/// Writes the value behind a key or a hyphen.
fn entry(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            mapping(out, map, depth + 1);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            sequence(out, items, depth + 1);
        }
        other => {
            let _ = writeln!(out, " {}", inline(other));
        }
    }
}

fn sequence(out: &mut String, items: &[Value], depth: usize) {
    for item in items {
        match item {
            Value::Object(map) if !map.is_empty() => {
                // The first key stands behind the hyphen.
                let mut inner = String::new();
                mapping(&mut inner, map, depth + 1);
                let _ = write!(out, "{}- {}", indent(depth), inner.trim_start_matches(' '));
            }
            item => {
                let _ = write!(out, "{}-", indent(depth));
                entry(out, item, depth);
            }
        }
    }
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth)
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(value) => text(value),
        // A number, a boolean, null, or an empty list or map: as in JSON.
        other => other.to_string(),
    }
}

/// Returns a text, in quotes if it could be taken for something else.
fn text(value: &str) -> String {
    if is_plain(value) { value.to_owned() } else { quoted(value) }
}

/// Returns whether the text begins with a letter and has nothing in it that means something.
fn is_plain(value: &str) -> bool {
    let inner = |letter: char| letter.is_alphanumeric() || "-_./".contains(letter);
    let is_word = WORDS.contains(&value.to_lowercase().as_str());
    value.starts_with(char::is_alphabetic) && value.chars().all(inner) && !is_word
}

/// Returns a text in double quotes. What is not printable is escaped.
fn quoted(value: &str) -> String {
    let mut out = String::from("\"");
    for letter in value.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            letter if is_printable(letter) => out.push(letter),
            letter if u32::from(letter) > 0xffff => {
                let _ = write!(out, "\\U{:08x}", u32::from(letter));
            }
            letter => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
        }
    }
    out.push('"');
    out
}

/// Returns whether YAML permits the letter as it is. Marks of byte order and line ends of Unicode are not.
fn is_printable(letter: char) -> bool {
    matches!(letter, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202f}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
        || u32::from(letter) > 0xffff && u32::from(letter) & 0xfffe != 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn document_is_golden() {
        let value = json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1",
            "a": {"empty": {}, "list": [], "nested": [[1, "x"], {"k": "v", "l": {"m": null}}], "Null": true},
            "texts": ["plain", "*", "on", "1e3", "0x1F", "서버", "a: b", "#", "", "a\u{feff}\"\n", "Change/start", "~"],
        });
        let expected = "\
a:
  \"Null\": true
  empty: {}
  list: []
  nested:
    -
      - 1
      - x
    - k: v
      l:
        m: null
apiVersion: cloudpolicy.dev/v1alpha1
texts:
  - plain
  - \"*\"
  - \"on\"
  - \"1e3\"
  - \"0x1F\"
  - 서버
  - \"a: b\"
  - \"#\"
  - \"\"
  - \"a\\ufeff\\\"\\n\"
  - Change/start
  - \"~\"
";
        assert_eq!(document(&value), expected);
    }

    /// Returns values of any form.
    fn values() -> impl Strategy<Value = Value> {
        let words = prop::sample::select(WORDS.to_vec()).prop_map(Value::from);
        let leaf = prop_oneof![
            any::<String>().prop_map(Value::from),
            "[ -~]{0,12}".prop_map(Value::from),
            words,
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let keys = prop_oneof![any::<String>(), "[a-z~*?:#-]{0,4}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(keys, inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_is_read_back(value in values()) {
            let read: Value = serde_saphyr::from_str(&document(&value)).unwrap();
            prop_assert_eq!(read, value);
        }
    }
}
