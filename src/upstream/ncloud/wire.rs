//! The common parts of the Sub Account API's responses, read leniently where documentation and reports
//! disagree, and strictly where a wrong guess would lose or duplicate an object.

use crate::upstream::lenient::text;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// One page of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ItemPage<T> {
    pub(super) items: Vec<T>,
    #[serde(default)]
    pub(super) total_items: Option<u64>,
    #[serde(default)]
    total_pages: Option<u64>,
    #[serde(default)]
    has_next: Option<bool>,
    #[serde(default)]
    is_last: Option<bool>,
    /// About what the page takes in memory.
    #[serde(skip)]
    pub(super) weight: usize,
}

impl<T> ItemPage<T> {
    /// Reports whether this page, the `number`th from 0, is the last.
    pub(super) fn is_last(&self, number: u64) -> bool {
        let by_count = || self.total_pages.map(|pages| number + 1 >= pages);
        self.items.is_empty()
            || self.is_last.or_else(|| self.has_next.map(|next| !next)).or_else(by_count) == Some(true)
    }
}

/// The tags of an object.
pub(super) type Tags = BTreeMap<String, String>;

/// Reads the tags in a response: a list of pairs, the same under `items` or `tags`, or a map. Returns
/// `None` for anything else.
pub(super) fn tags(body: &Value) -> Option<Tags> {
    let pair = |tag: &Value| {
        Some((tag.get("tagKey")?.as_str()?.to_owned(), tag.get("tagValue").map(text).unwrap_or_default()))
    };
    match body {
        Value::Array(tags) => tags.iter().map(pair).collect(),
        Value::Object(map) => match map.get("items").or_else(|| map.get("tags")) {
            Some(inner) => tags(inner),
            None => map.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect(),
        },
        _ => None,
    }
}

/// Returns the member number in a resource name, such as `2942` in `nrn:PUB:IAM::2942:Policy/1b9d`. The
/// names of system policies have none.
pub(super) fn member_number(nrn: &str) -> Option<&str> {
    nrn.split(':').nth(4).filter(|number| !number.is_empty() && *number != "*")
}

/// Returns the message of a failure in the body of a success: in one result, or in a list of results.
pub(super) fn failure_inside(body: &Value) -> Option<String> {
    match body {
        Value::Array(results) => results.iter().find_map(failure_inside),
        Value::Object(result) if result.get("success") == Some(&Value::Bool(false)) => {
            Some(result.get("message").map(text).unwrap_or_default())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn page(value: Value) -> ItemPage<Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn last_page_is_recognized_by_any_of_its_fields() {
        let items = json!([{"policyId": "a", "policyName": "a"}]);
        assert!(page(json!({"items": []})).is_last(0));
        assert!(page(json!({"items": items, "isLast": true})).is_last(0));
        assert!(page(json!({"items": items, "hasNext": false})).is_last(0));
        assert!(page(json!({"items": items, "totalPages": 2})).is_last(1));
        assert!(!page(json!({"items": items, "totalPages": 2})).is_last(0));
        assert!(!page(json!({"items": items})).is_last(0), "without these fields, only an empty page is the last");
    }

    #[test]
    fn page_without_items_is_an_error() {
        assert!(serde_json::from_value::<ItemPage<Value>>(json!({"totalItems": 0})).is_err());
    }

    #[test]
    fn tags_are_read_from_every_layout() {
        let expected = Some(BTreeMap::from([("k".to_owned(), "v".to_owned())]));
        let pairs = json!([{"tagKey": "k", "tagValue": "v", "tagDisplay": "k:v"}]);
        for body in [
            pairs.clone(),
            json!({"items": pairs}),
            json!({"tags": pairs}),
            json!({"k": "v"}),
            json!({"tags": {"k": "v"}}),
        ] {
            assert_eq!(tags(&body), expected, "{body}");
        }
        for body in [json!(1), json!([1]), json!({"success": true}), json!([{"key": "k"}])] {
            assert_eq!(tags(&body), None, "{body}");
        }
    }

    #[test]
    fn failure_inside_a_success_is_found() {
        assert_eq!(failure_inside(&json!({"success": false, "message": "m"})), Some("m".to_owned()));
        assert_eq!(failure_inside(&json!([{"success": true}, {"success": false}])), Some(String::new()));
        assert_eq!(failure_inside(&json!([{"success": true, "id": "a"}])), None);
    }
}
