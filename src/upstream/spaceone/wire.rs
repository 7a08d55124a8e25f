//! The common parts of SpaceONE's responses. Some gateways leave unset fields out, others print them as
//! `""`, `[]` or `null`.

use crate::api::JsonObject;
use crate::upstream::lenient::nullable;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{self, DeserializeOwned};
use serde_json::{Map, Value};

/// A page of a list. An empty list may be an empty object. Another object without results is an error,
/// because an object missing in a list counts as absent.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Map<String, Value>", bound = "T: DeserializeOwned")]
pub(crate) struct ResultPage<T> {
    pub(crate) results: Vec<T>,
    pub(crate) total_count: u64,
    /// About what the page takes in memory.
    pub(crate) weight: usize,
}

impl<T: DeserializeOwned> TryFrom<Map<String, Value>> for ResultPage<T> {
    type Error = serde_json::Error;

    fn try_from(mut page: Map<String, Value>) -> Result<Self, Self::Error> {
        let empty = page.is_empty();
        let (results, total) = (page.remove("results"), page.remove("total_count"));
        if results.is_none() && total.is_none() && !empty {
            return Err(de::Error::missing_field("results"));
        }
        let results = serde_json::from_value::<Option<_>>(results.unwrap_or_default())?.unwrap_or_default();
        let total_count = serde_json::from_value::<Option<_>>(total.unwrap_or_default())?.unwrap_or_default();
        Ok(Self { results, total_count, weight: 0 })
    }
}

/// The response to a count. Its numbers are doubles.
#[derive(Debug, Deserialize)]
pub(crate) struct Counted {
    #[serde(default, deserialize_with = "nullable")]
    results: Vec<Count>,
}

#[derive(Debug, Deserialize)]
struct Count {
    count: f64,
}

impl Counted {
    /// Returns the count; without objects there is no result.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, and casts saturate")]
    pub(crate) fn number(&self) -> u64 {
        self.results.first().map_or(0, |result| result.count as u64)
    }
}

/// Returns a time as RFC 3339, in milliseconds: the response to a create has microseconds, and later responses do not.
/// Most gateways write a text, one writes `{seconds, nanos}`. A text that is no time is returned as it is.
pub(crate) fn timestamp(value: &Value) -> Option<String> {
    let number = |key: &str| match value.get(key) {
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let in_millis = |at: Timestamp| Timestamp::from_millisecond(at.as_millisecond()).ok();
    match value {
        Value::String(text) if !text.is_empty() => {
            let at = text.parse().ok().and_then(in_millis);
            Some(at.map_or_else(|| text.clone(), |at| at.to_string()))
        }
        Value::Object(_) => {
            let nanos = i32::try_from(number("nanos").unwrap_or(0)).ok()?;
            Some(in_millis(Timestamp::new(number("seconds")?, nanos).ok()?)?.to_string())
        }
        _ => None,
    }
}

/// Returns an object that is not empty.
pub(crate) fn described(value: Option<Map<String, Value>>) -> Option<JsonObject> {
    value.filter(|map| !map.is_empty()).map(JsonObject::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn empty_page_is_read_from_all_its_forms() {
        for body in [json!({}), json!({"results": [], "total_count": 0}), json!({"results": null, "total_count": null})]
        {
            let page: ResultPage<Value> = serde_json::from_value(body).unwrap();
            assert_eq!((page.results.len(), page.total_count), (0, 0));
        }
        for other in [json!({"results": "x"}), json!({"message": "please sign in"}), json!([])] {
            assert!(serde_json::from_value::<ResultPage<Value>>(other).is_err());
        }
    }

    #[test]
    fn count_is_read_from_doubles_and_is_zero_when_absent() {
        let count = |body| serde_json::from_value::<Counted>(body).unwrap().number();
        assert_eq!(count(json!({"results": [{"count": 4.0}]})), 4);
        assert_eq!(count(json!({})), 0);
        assert!(serde_json::from_value::<Counted>(json!({"results": [{"other": 1}]})).is_err());
    }

    #[test]
    fn timestamp_is_read_from_all_its_forms() {
        assert_eq!(timestamp(&json!("2026-01-01T00:00:00.123Z")).as_deref(), Some("2026-01-01T00:00:00.123Z"));
        for micros in ["2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:00.123999Z", "2026-01-01T09:00:00.123+09:00"] {
            assert_eq!(timestamp(&json!(micros)).as_deref(), Some("2026-01-01T00:00:00.123Z"), "{micros}");
        }
        assert_eq!(timestamp(&json!("yesterday")).as_deref(), Some("yesterday"));
        for seconds in [json!(1_767_225_600), json!("1767225600")] {
            assert_eq!(timestamp(&json!({"seconds": seconds, "nanos": 0})).as_deref(), Some("2026-01-01T00:00:00Z"));
        }
        for nothing in [json!(null), json!(""), json!({}), json!(7)] {
            assert_eq!(timestamp(&nothing), None, "{nothing}");
        }
    }
}
