//! A real API server admits each exported object, and the operator then writes owner tags only.

use super::agrees::exported;
use super::states::fill;
use crate::gitops::health_oracle::apply_stream_as_flux;
use crate::plan::agrees::cases::Dice;
use crate::support;
use crate::support::test_env::TestEnv;
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::export::Manifest;
use cloud_policy_simulator::ncloud::StoredPolicy;
use cloud_policy_simulator::{Entry, Operation};
use serde_json::Value;

/// How many objects of each collection the account has.
const EACH: usize = 20;

#[tokio::test]
async fn applied_export_writes_only_owner_tags() {
    let mut env = TestEnv::without_operator("export").await;
    fill(&mut Dice(0x0123_4567_89ab_cdef), &env.ncloud, &env.spaceone, EACH);
    let before = (env.ncloud.policies(), env.spaceone.policies(), env.spaceone.network_policies());
    let export = exported(&env.ncloud, &env.spaceone).await;
    assert!(export.manifests.len() > 30, "{}", export.manifests.len());
    let stream = export.text().replace("namespace: team-a", &format!("namespace: {}", env.namespace()));
    let admitted = apply_stream_as_flux(support::control_plane().await.kubeconfig(), &stream);
    assert!(admitted.is_ok(), "{admitted:?}: {stream}");
    // The YAML parser of Kubernetes reads what this project's parser reads.
    for manifest in &export.manifests {
        let object: Value = serde_saphyr::from_str(&manifest.text).unwrap();
        let stored = stored(&env, manifest).await;
        let is_same = contains(&stored["spec"], &object["spec"]);
        assert!(is_same, "{stored:#}: {}", manifest.text);
    }
    let (ncloud, spaceone) = (env.ncloud.journal().total(), env.spaceone.journal().total());
    env.start(|settings| settings.concurrency = 16);
    for manifest in &export.manifests {
        match manifest.kind.as_str() {
            "Policy" => drop(env.reason::<Policy>(&manifest.name, "UpToDate").await),
            _ => drop(env.reason::<NetworkPolicy>(&manifest.name, "UpToDate").await),
        }
    }
    env.stop().await;
    let written = |entries: Vec<Entry>, from: usize| entries.into_iter().skip(from).filter(|entry| entry.effect);
    let all: Vec<Entry> = written(env.ncloud.journal().entries(), ncloud)
        .chain(written(env.spaceone.journal().entries(), spaceone))
        .collect();
    assert_eq!(all.len(), export.manifests.len(), "one write for each object");
    for entry in &all {
        assert!(matches!(entry.operation, Operation::TagsAdd | Operation::Update), "{entry:?}");
    }
    // Whatever was written: without the owner tags, everything is as before.
    let untagged = |mut all: Vec<StoredPolicy>| {
        for it in &mut all {
            it.tags.retain(|key, tag| key != "cloudpolicy-owner" || tag.starts_with("elsewhere"));
        }
        all
    };
    assert_eq!(untagged(env.ncloud.policies()), before.0);
    let is_own = |key: &String, tag: &Value| {
        key == "cloudpolicy_owner" && !tag.as_str().unwrap_or_default().starts_with("elsewhere")
    };
    let (mut policies, mut policies_before) = (env.spaceone.policies(), before.1);
    for it in policies.iter_mut().chain(&mut policies_before) {
        it.tags.retain(|key, tag| !is_own(key, tag));
        it.tags.values_mut().for_each(as_floats);
    }
    assert_eq!(policies, policies_before);
    let mut network = env.spaceone.network_policies();
    let mut network_before = before.2;
    for it in network.iter_mut().chain(&mut network_before) {
        it.tags.retain(|key, tag| !is_own(key, tag));
        it.tags.values_mut().for_each(as_floats);
        // The tags are a field that was now set by hand.
        it.update_history.retain(|update| update.key != "tags");
    }
    assert_eq!(network, network_before);
}

/// Returns an object as the API server shows it.
async fn stored(env: &TestEnv, manifest: &Manifest) -> Value {
    let shown = match manifest.kind.as_str() {
        "Policy" => serde_json::to_value(env.get::<Policy>(&manifest.name).await),
        _ => serde_json::to_value(env.get::<NetworkPolicy>(&manifest.name).await),
    };
    shown.unwrap()
}

/// Returns whether a value has everything of another one; the API server adds defaults.
fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::Object(value), Value::Object(part)) => {
            part.iter().all(|(key, part)| value.get(key).is_some_and(|value| contains(value, part)))
        }
        (Value::Number(value), Value::Number(part)) => value.as_f64() == part.as_f64(),
        (value, part) => value == part,
    }
}

/// Writes numbers as SpaceONE stores them: it has no integers.
fn as_floats(value: &mut Value) {
    match value {
        Value::Number(number) => *value = number.as_f64().into(),
        Value::Array(items) => items.iter_mut().for_each(as_floats),
        Value::Object(map) => map.values_mut().for_each(as_floats),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
