//! Tags, and the owner tag among them. An update replaces all tags, so each update contains the owner
//! tag.

use super::client::Fields;
use crate::api::JsonObject;
use crate::engine::diff::child;
use crate::engine::number;
use crate::engine::{FoundTag, OwnerTag, Ownership, Problem};
use crate::upstream::lenient::text;
use serde_json::{Value, json};

/// The key of the owner tag. It has no dot, because the database rejects keys with dots.
pub(crate) const OWNER: &str = "cloudpolicy_owner";

/// The maximum depth of tags. All JSON parsers on the way accept it.
const MAX_DEPTH: usize = 64;

/// Returns the tags that a spec declares.
pub(crate) fn declared(tags: Option<&JsonObject>) -> Fields {
    tags.map(JsonObject::read).unwrap_or_default()
}

/// Returns an object with content; `None` for an empty one.
pub(crate) fn filled(object: Option<&JsonObject>) -> Option<JsonObject> {
    object.filter(|object| !object.read().is_empty()).cloned()
}

/// Returns the tags with the owner tag.
pub(crate) fn with_owner(mut tags: Fields, owner_tag: &OwnerTag) -> Value {
    tags.insert(OWNER.to_owned(), json!(owner_tag.to_string()));
    Value::Object(tags)
}

/// Returns the other tags, if the owner tag is this one.
pub(crate) fn without_owner(tags: &Fields, owner_tag: &OwnerTag) -> Option<Value> {
    let (found_tag, others) = split_owner(tags.clone());
    (owner_tag.judge(&found_tag) == Ownership::Ours).then_some(Value::Object(others))
}

/// Returns the owner tag that was found, and the tags without it.
pub(crate) fn split_owner(mut tags: Fields) -> (FoundTag, Fields) {
    let found_tag = tags.remove(OWNER);
    (found_tag.as_ref().map(text).into(), tags)
}

/// Checks for tags that the upstream's database rejects with an error that names no field, and for the
/// owner tag.
pub(crate) fn validate(path: &str, tags: Option<&JsonObject>, problems: &mut Vec<Problem>) {
    let Some(tags) = tags.map(JsonObject::read) else { return };
    if tags.contains_key(OWNER) {
        let message = "is the operator's own tag: choose another key".to_owned();
        problems.push(Problem { field: child(path, OWNER), message });
    }
    keys(path, &tags, problems);
}

/// Checks for keys that the upstream's database rejects and for numbers that it changes, at any depth, and for too
/// much depth.
pub(crate) fn keys(path: &str, object: &Fields, problems: &mut Vec<Problem>) {
    if object.values().any(|value| is_deeper(value, MAX_DEPTH)) {
        let message = format!("is nested more than {MAX_DEPTH} levels deep: flatten it");
        problems.push(Problem { field: path.to_owned(), message });
        return;
    }
    inspect(path, object, problems);
}

/// Reports whether there are more than this many levels of objects and lists.
fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Object(object) => levels == 0 || object.values().any(|inner| is_deeper(inner, levels - 1)),
        Value::Array(items) => levels == 0 || items.iter().any(|inner| is_deeper(inner, levels - 1)),
        _ => false,
    }
}

fn inspect(path: &str, object: &Fields, problems: &mut Vec<Problem>) {
    for (key, value) in object {
        let path = child(path, key);
        if key.contains(['.', '\0']) || key.starts_with('$') {
            let message = "has a key with `.` or a leading `$`, which the upstream cannot store: choose another key";
            problems.push(Problem { field: path.clone(), message: message.to_owned() });
        }
        inner_keys(&path, value, problems);
    }
}

fn inner_keys(path: &str, value: &Value, problems: &mut Vec<Problem>) {
    match value {
        Value::Object(object) => inspect(path, object, problems),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                inner_keys(&format!("{path}[{index}]"), item, problems);
            }
        }
        Value::Number(inexact) if !number::is_exact(inexact) => {
            let message = "is a whole number beyond 2^53, which the upstream rounds: write it as text, in quotes";
            problems.push(Problem { field: path.to_owned(), message: message.to_owned() });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(tags: Value) -> Vec<String> {
        let Value::Object(tags) = tags else { panic!("tags are an object") };
        let mut all = Vec::new();
        validate("spec.spaceone.tags", Some(&tags.into()), &mut all);
        all.into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn invalid_keys_are_found_at_any_depth() {
        assert!(found(json!({"team": {"a-b": [1, {"c d": null}]}, "a$": 1})).is_empty());
        assert_eq!(found(json!({"app.kubernetes.io/name": 1})), ["spec.spaceone.tags['app.kubernetes.io/name']"]);
        assert_eq!(found(json!({"$set": 1})), ["spec.spaceone.tags['$set']"]);
        assert_eq!(found(json!({"a": [{"b": {"c.d": 1}}]})), ["spec.spaceone.tags.a[0].b['c.d']"]);
    }

    #[test]
    fn whole_numbers_beyond_two_to_53_are_found_at_any_depth() {
        assert!(found(json!({"a": 9_007_199_254_740_992_u64, "b": [-1.5, {"c": 1e-300}]})).is_empty());
        assert_eq!(found(json!({"a": 9_007_199_254_740_993_u64})), ["spec.spaceone.tags.a"]);
        assert_eq!(
            found(json!({"a": [{"b c": i64::MIN}, 1e300]})),
            ["spec.spaceone.tags.a[0]['b c']", "spec.spaceone.tags.a[1]"]
        );
    }

    #[test]
    fn tags_have_a_depth_limit() {
        let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!({ "k": [inner] }));
        assert!(found(json!({ "a": nested(32) })).is_empty());
        assert_eq!(found(json!({ "a": nested(33) })), ["spec.spaceone.tags"]);
    }

    #[test]
    fn owner_tag_is_added_and_removed_and_reserved() {
        let owner_tag = OwnerTag::new("cluster", "uid");
        let Value::Object(tags) = with_owner(Fields::new(), &owner_tag) else { panic!("tags are an object") };
        assert_eq!(split_owner(tags), (FoundTag::Some(owner_tag.to_string()), Fields::new()));
        assert_eq!(found(json!({"cloudpolicy_owner": "x"})), ["spec.spaceone.tags.cloudpolicy_owner"]);
        let odd = Fields::from_iter([(OWNER.to_owned(), json!(1.0))]);
        assert_eq!(split_owner(odd).0, FoundTag::Some("1.0".to_owned()));
        assert_eq!(split_owner(Fields::from_iter([(OWNER.to_owned(), json!(""))])).0, FoundTag::None);
    }
}
