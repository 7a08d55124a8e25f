//! The annotation in which the operator keeps the place of the upstream object. A writer of status alone does not
//! reach it.
//!
//! Its value is a [`UpstreamRef`] without an id, and the uid of the object that it was written for: a copy of the
//! manifest, or a restore from a backup, does not inherit it.

use super::status::UpstreamRef;
use kube::{Resource, ResourceExt};
use serde::{Deserialize, Serialize};

/// The name of the annotation.
pub const RECORDED_UPSTREAM: &str = "cloudpolicy.dev/recorded-upstream";

/// The length of a value that the operator reads. It writes less.
const MAX_LENGTH: usize = 4096;

#[derive(Serialize, Deserialize)]
struct Value {
    uid: String,
    #[serde(flatten)]
    place: UpstreamRef,
}

/// Reads the place that the operator wrote for this object; `None` if there is none, or none of this object.
#[must_use]
pub fn read<K: Resource>(object: &K) -> Option<UpstreamRef> {
    let Value { uid, place } = value(object)?;
    (object.meta().uid.as_ref() == Some(&uid)).then_some(UpstreamRef { id: None, adopted: false, ..place })
}

/// Returns whether the operator wrote the annotation for another object: this one was restored from a backup, or made
/// from a copy of its manifest.
#[must_use]
pub fn is_of_another<K: Resource>(object: &K) -> bool {
    value(object).is_some_and(|value| object.meta().uid.as_ref() != Some(&value.uid))
}

fn value<K: Resource>(object: &K) -> Option<Value> {
    let text = object.annotations().get(RECORDED_UPSTREAM).filter(|text| text.len() <= MAX_LENGTH)?;
    serde_json::from_str(text).ok()
}

/// Returns the value of the annotation for the object with this uid.
#[must_use]
pub fn text(uid: &str, place: &UpstreamRef) -> Option<String> {
    let place = UpstreamRef { id: None, adopted: false, ..place.clone() };
    serde_json::to_string(&Value { uid: uid.to_owned(), place }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Policy;
    use serde_json::json;

    fn policy(uid: &str, annotation: &str) -> Policy {
        serde_json::from_value(json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1",
            "kind": "Policy",
            "metadata": { "name": "p", "uid": uid, "annotations": { RECORDED_UPSTREAM: annotation } },
            "spec": { "connectionRef": { "name": "c" } },
        }))
        .unwrap()
    }

    #[test]
    fn place_is_read_for_its_own_object_only() {
        let place: UpstreamRef = serde_json::from_value(json!({
            "system": "ncloud/policy", "connection": { "name": "c" }, "endpoint": "https://a", "id": "1", "key": "p",
        }))
        .unwrap();
        let written = text("u", &place).unwrap();
        assert_eq!(read(&policy("u", &written)), Some(UpstreamRef { id: None, ..place }));
        assert_eq!(read(&policy("copy", &written)), None);
        assert!(is_of_another(&policy("copy", &written)) && !is_of_another(&policy("u", &written)));
        for broken in ["", "{}", "null", &written[1..], &(written.clone() + &" ".repeat(MAX_LENGTH))] {
            assert_eq!(read(&policy("u", broken)), None, "{broken}");
            assert!(!is_of_another(&policy("copy", broken)), "{broken}");
        }
    }
}
