//! A JSON object of any content, kept as its text.
//!
//! A map takes about ten times its text in memory, and the operator keeps every object of the cluster and of the upstream.
//! So it keeps the text, and reads it where it needs the content. The keys are in order: equal objects have equal texts.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::fmt;

/// A JSON object.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonObject(Box<str>);

impl JsonObject {
    /// Reads the content.
    #[must_use]
    pub fn read(&self) -> Map<String, Value> {
        // The text is that of a map.
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl Default for JsonObject {
    fn default() -> Self {
        Map::new().into()
    }
}

impl From<Map<String, Value>> for JsonObject {
    fn from(content: Map<String, Value>) -> Self {
        Self(Value::Object(content).to_string().into())
    }
}

impl Serialize for JsonObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.read().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self::from)
    }
}

impl fmt::Debug for JsonObject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(text: &str) -> JsonObject {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn object_is_read_as_it_was_written() {
        let content =
            json!({"n": [1, -1, 1.5, 1e300, u64::MAX, i64::MIN], "a b": {"": null, "\u{1}\"": "한글"}, "t": true});
        let Value::Object(content) = content else { panic!("it is an object") };
        let kept = JsonObject::from(content.clone());
        assert_eq!(kept.read(), content);
        assert_eq!(serde_json::from_value::<JsonObject>(json!(kept)).unwrap(), kept);
        assert_eq!(JsonObject::default().read(), Map::new());
    }

    #[test]
    fn objects_are_equal_whatever_the_order_of_their_keys() {
        assert_eq!(object(r#"{"a": {"x": 1, "y": 2}, "b": 1}"#), object(r#"{"b":1,"a":{"y":2,"x":1}}"#));
        assert_ne!(object(r#"{"a": 1}"#), object(r#"{"a": "1"}"#));
    }

    #[test]
    fn anything_but_an_object_is_refused() {
        for text in ["null", "1", "[]", r#""{}""#] {
            assert!(serde_json::from_str::<JsonObject>(text).is_err(), "{text}");
        }
    }
}
