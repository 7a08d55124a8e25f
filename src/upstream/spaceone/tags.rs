//! Tags, and the stamp among them. An update of tags replaces them all, so that the stamp goes
//! along with each.

use super::client::Fields;
use crate::engine::diff::child;
use crate::engine::{FoundTag, OwnerTag, Problem};
use crate::upstream::lenient::text;
use serde_json::{Value, json};

/// The tag that says whose an object is. Without a dot: the database refuses those.
pub(crate) const OWNER: &str = "cloudpolicy_owner";

/// Deeper than anybody nests, and well within what every reader on the way can read.
const DEEPEST: usize = 64;

/// The tags with the stamp.
pub(crate) fn stamped(tags: Option<&Fields>, owner_tag: &OwnerTag) -> Value {
    let mut tags = tags.cloned().unwrap_or_default();
    tags.insert(OWNER.to_owned(), json!(owner_tag.to_string()));
    Value::Object(tags)
}

/// What stands in the place of the stamp, and the tags without it.
pub(crate) fn unstamped(mut tags: Fields) -> (FoundTag, Fields) {
    let found_tag = tags.remove(OWNER);
    (found_tag.as_ref().map(text).into(), tags)
}

/// Tags that the upstream's database refuses with an error that names no field, or that are the
/// operator's.
pub(crate) fn validate(path: &str, tags: Option<&Fields>, validate: &mut Vec<Problem>) {
    let Some(tags) = tags else { return };
    if tags.contains_key(OWNER) {
        let message = "is the operator's own tag: choose another key".to_owned();
        validate.push(Problem { field: child(path, OWNER), message });
    }
    keys(path, tags, validate);
}

/// Keys that the upstream's database refuses, at any depth; and too much depth.
pub(crate) fn keys(path: &str, object: &Fields, validate: &mut Vec<Problem>) {
    if object.values().any(|value| is_deeper(value, DEEPEST)) {
        let message = format!("is nested more than {DEEPEST} levels deep: flatten it");
        validate.push(Problem { field: path.to_owned(), message });
        return;
    }
    inspect(path, object, validate);
}

/// Whether there are more than so many levels of objects and lists.
fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Object(object) => levels == 0 || object.values().any(|inner| is_deeper(inner, levels - 1)),
        Value::Array(items) => levels == 0 || items.iter().any(|inner| is_deeper(inner, levels - 1)),
        _ => false,
    }
}

fn inspect(path: &str, object: &Fields, validate: &mut Vec<Problem>) {
    for (key, value) in object {
        let path = child(path, key);
        if key.contains(['.', '\0']) || key.starts_with('$') {
            let message = "has a key with `.` or a leading `$`, which the upstream cannot store: choose another key";
            validate.push(Problem { field: path.clone(), message: message.to_owned() });
        }
        inner_keys(&path, value, validate);
    }
}

fn inner_keys(path: &str, value: &Value, validate: &mut Vec<Problem>) {
    match value {
        Value::Object(object) => inspect(path, object, validate),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                inner_keys(&format!("{path}[{index}]"), item, validate);
            }
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
        validate("spec.spaceone.tags", Some(&tags), &mut all);
        all.into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn keys_that_the_database_refuses_are_found_at_any_depth() {
        assert!(found(json!({"team": {"a-b": [1, {"c d": null}]}, "a$": 1})).is_empty());
        assert_eq!(found(json!({"app.kubernetes.io/name": 1})), ["spec.spaceone.tags['app.kubernetes.io/name']"]);
        assert_eq!(found(json!({"$set": 1})), ["spec.spaceone.tags['$set']"]);
        assert_eq!(found(json!({"a": [{"b": {"c.d": 1}}]})), ["spec.spaceone.tags.a[0].b['c.d']"]);
    }

    #[test]
    fn depth_has_a_limit() {
        let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!({ "k": [inner] }));
        assert!(found(json!({ "a": nested(32) })).is_empty());
        assert_eq!(found(json!({ "a": nested(33) })), ["spec.spaceone.tags"]);
    }

    #[test]
    fn the_stamp_goes_on_and_comes_off_and_is_nobody_elses() {
        let owner_tag = OwnerTag::new("cluster", "uid");
        let Value::Object(tags) = stamped(None, &owner_tag) else { panic!("tags are an object") };
        assert_eq!(unstamped(tags), (FoundTag::Some(owner_tag.to_string()), Fields::new()));
        assert_eq!(found(json!({"cloudpolicy_owner": "x"})), ["spec.spaceone.tags.cloudpolicy_owner"]);
        let odd = Fields::from_iter([(OWNER.to_owned(), json!(1.0))]);
        assert_eq!(unstamped(odd).0, FoundTag::Some("1.0".to_owned()));
        assert_eq!(unstamped(Fields::from_iter([(OWNER.to_owned(), json!(""))])).0, FoundTag::None);
    }
}
