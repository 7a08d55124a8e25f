//! The writes in the journals and those of a plan, in one form.

use cloud_policy::plan::report::Planned;
use cloud_policy_simulator::{Entry, Operation};
use serde_json::Value;
use std::collections::BTreeMap;

/// A write: method, path and body. Ids that the upstream assigned with it, and owner tags, have one name.
pub type Written = (String, String, Value);

/// Stands for an id that the upstream assigns.
const NEW: &str = "NEW";

/// Returns the writes of a plan.
pub fn planned(object: &Planned, cluster: &str) -> Vec<Written> {
    let form = |write: &cloud_policy::plan::report::Write| {
        let path = write.path.replace("(assigned%20at%20creation)", NEW);
        (
            write.method.clone(),
            path,
            plain(write.body.clone().unwrap_or_default(), cluster, &|id| id == cloud_policy::upstream::UNASSIGNED),
        )
    };
    object.writes.iter().map(form).collect()
}

/// Returns the writes in the journals, by object. A write to an id that no object has is listed under the id.
pub fn written(entries: &[Entry], ids: &BTreeMap<String, String>, cluster: &str) -> BTreeMap<String, Vec<Written>> {
    let mut all = BTreeMap::<String, Vec<Written>>::new();
    let mut created = Vec::new();
    for entry in entries {
        let id = entry.object_id.clone().unwrap_or_default();
        if entry.operation == Operation::Create {
            created.push(id.clone());
        }
        let body: Value = serde_json::from_str(&entry.request_body).unwrap_or_default();
        // Where people choose the id, the body of the create has it.
        let is_assigned = created.contains(&id) && body.get("policy_id").is_none() && !is_chosen(&id);
        let path = entry.target.split('?').next().unwrap_or_default();
        let path = if is_assigned { path.replace(&id, NEW) } else { path.to_owned() };
        let body = plain(body, cluster, &|text| is_assigned && text == id);
        let title = ids.get(&id).cloned().unwrap_or(id);
        all.entry(title).or_default().push((entry.method.clone(), path, body));
    }
    all
}

/// Returns whether an id is one that a case chose.
fn is_chosen(id: &str) -> bool {
    id.starts_with("s-")
}

/// Replaces owner tags of the cluster, and ids that the upstream assigned.
fn plain(body: Value, cluster: &str, is_new: &dyn Fn(&str) -> bool) -> Value {
    match body {
        Value::String(text) if text.starts_with(&format!("{cluster}_")) => "OWNER".into(),
        Value::String(text) if is_new(&text) => NEW.into(),
        Value::Array(items) => items.into_iter().map(|item| plain(item, cluster, is_new)).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, plain(value, cluster, is_new))).collect(),
        other => other,
    }
}
