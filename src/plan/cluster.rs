//! Puts the manifests beside the objects that a cluster has.

use super::owners::Owners;
use crate::manifests::{Manifests, Object, decoder};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The fields of `metadata` that only a cluster knows.
const KNOWN: [&str; 5] = ["uid", "creationTimestamp", "annotations", "finalizers", "deletionTimestamp"];

/// The objects that a cluster has.
pub struct Cluster {
    /// Identifies it in owner tags.
    pub id: String,
    /// The objects of the managed kinds, as the API server shows them.
    pub objects: Vec<Value>,
}

impl Cluster {
    /// Returns the owners of upstream objects.
    #[must_use]
    pub fn owners(&self) -> Owners {
        let named = self.objects.iter().map(|object| {
            let uid = text(&object["metadata"]["uid"]);
            (uid, title(object))
        });
        Owners::Known { id: self.id.clone(), objects: named.collect::<HashMap<_, _>>() }
    }
}

impl Manifests {
    /// Completes each object by what the cluster knows of it: its uid, its age and its status. With `prunes`, the objects in
    /// the namespaces of the manifests that no manifest describes are to be deleted.
    pub fn compare(&mut self, cluster: &Cluster, prunes: bool) {
        let known: BTreeMap<String, &Value> = cluster.objects.iter().map(|object| (title(object), object)).collect();
        let described: BTreeSet<String> = self.objects.iter().map(Object::title).collect();
        for object in &mut self.objects {
            if let (Some(existing), Ok(_)) = (known.get(&object.title()), &object.content) {
                complete(object, existing);
            }
        }
        if prunes {
            let namespaces: BTreeSet<&str> = self.objects.iter().map(|object| object.namespace.as_str()).collect();
            let is_gone = |object: &&Value| {
                namespaces.contains(text(&object["metadata"]["namespace"]).as_str())
                    && !described.contains(&title(object))
            };
            self.removed = cluster.objects.iter().filter(is_gone).filter_map(removed).collect();
        }
    }
}

/// Adds uid, age and status of the cluster. A spec that differs counts as a new generation, as it does once it is applied.
fn complete(object: &mut Object, existing: &Value) {
    let mut value = object.to_json();
    let metadata = &existing["metadata"];
    value["metadata"]["namespace"] = json!(object.namespace);
    for key in KNOWN.iter().filter(|key| !metadata[**key].is_null()) {
        value["metadata"][*key] = metadata[*key].clone();
    }
    value["status"] = existing["status"].clone();
    let Some(decode) = decoder(&object.kind) else { return };
    let (Ok(planned), Ok(before)) = (decode(value.clone()), decode(existing.clone())) else { return };
    let generation = metadata["generation"].as_i64().unwrap_or_default();
    value["metadata"]["generation"] = json!(generation + i64::from(!planned.has_spec_of(&*before)));
    object.content = decode(value);
}

/// Returns an object that only the cluster has.
fn removed(existing: &Value) -> Option<Object> {
    let (kind, metadata) = (text(&existing["kind"]), &existing["metadata"]);
    let content = decoder(&kind)?(existing.clone());
    Some(Object::nowhere(kind, text(&metadata["namespace"]), text(&metadata["name"]), content))
}

fn title(object: &Value) -> String {
    let metadata = &object["metadata"];
    format!("{} {}/{}", text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
