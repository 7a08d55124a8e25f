//! Fields that identify the upstream object: they can be corrected in place until something is recorded, and not after.

use super::lost_finalizers::{only_triggers, three_ready};
use crate::security::tenants::write_status;
use crate::support::test_env::{
    Kind, TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::ncloud::{self, Ncloud, NewPolicy};
use cloud_policy_simulator::spaceone::{StoredNetworkPolicy, StoredPolicy};
use cloud_policy_simulator::{Action, Fault, Operation};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use std::time::Duration;

fn message<K: Managed>(object: &K) -> String {
    condition(&common(object), "Ready").unwrap().message.clone()
}

fn with(mut object: Value, field: &str, value: &Value) -> Value {
    object["spec"][field] = value.clone();
    object
}

/// Corrects a field, and waits until the object is ready for the new generation.
async fn mended<K: Managed>(env: &TestEnv, name: &str, spec: Value) -> String {
    env.patch::<K>(name, json!({ "spec": spec })).await;
    let seen = env.ready::<K>(name).await;
    let generation = seen.meta().generation.unwrap();
    let conditions = common(&seen).conditions;
    assert!(conditions.iter().all(|condition| condition.observed_generation == Some(generation)), "{conditions:?}");
    upstream_id(&seen)
}

/// Waits until nothing changes the object, and returns it. A connection that becomes ready has its objects reconciled
/// again, and a create that is repeated holds its place while it lasts.
async fn at_rest<K: Managed>(env: &TestEnv, name: &str) -> K {
    for _ in 0..60 {
        let before = env.get::<K>(name).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let after = env.get::<K>(name).await;
        if before.resource_version() == after.resource_version() {
            return after;
        }
    }
    panic!("{name} still changes");
}

#[tokio::test]
async fn wrong_connection_is_corrected_in_place() {
    let env = TestEnv::with("mended-connection", only_triggers).await;
    let zone = &env.spaceone.zone_ids()[0];
    for wrong in [json!({ "name": "typo" }), json!({ "kind": "ClusterConnection", "name": "ncloud" })] {
        for object in [ncloud_policy("one"), spaceone_policy("two"), network_policy("net", zone)] {
            env.apply(with(object, "connectionRef", &wrong)).await;
        }
        let told = message(&env.reason::<Policy>("one", "ConnectionNotFound").await);
        assert!(told.contains("spec.connectionRef") && !told.contains("new object"), "{told}");
        env.reason::<Policy>("two", "ConnectionNotFound").await;
        env.reason::<NetworkPolicy>("net", "ConnectionNotFound").await;
        let right = |name: &str| json!({ "connectionRef": { "kind": "Connection", "name": name } });
        mended::<Policy>(&env, "one", right("ncloud")).await;
        mended::<Policy>(&env, "two", right("spaceone")).await;
        mended::<NetworkPolicy>(&env, "net", right("spaceone")).await;
        for name in ["one", "two"] {
            env.delete::<Policy>(name).await;
            env.gone::<Policy>(name).await;
        }
        env.delete::<NetworkPolicy>("net").await;
        env.gone::<NetworkPolicy>("net").await;
    }
}

#[tokio::test]
async fn taken_name_is_corrected_in_place() {
    let env = TestEnv::with("mended-name", only_triggers).await;
    env.ncloud.add_policy(NewPolicy { policy_name: "taken".to_owned(), ..NewPolicy::default() });
    env.spaceone.add_policy(StoredPolicy { policy_id: "taken".to_owned(), ..StoredPolicy::default() });
    let (mut one, mut two) = (ncloud_policy("one"), spaceone_policy("two"));
    one["spec"]["ncloud"]["policyName"] = json!("taken");
    two["spec"]["spaceone"]["policyId"] = json!("taken");
    for (object, name) in [(one, "one"), (two, "two")] {
        env.apply(object).await;
        let told = message(&env.reason::<Policy>(name, "Conflict").await);
        assert!(told.contains("choose another name") && !told.contains("new object"), "{told}");
    }
    mended::<Policy>(&env, "one", json!({ "ncloud": { "policyName": "free" } })).await;
    mended::<Policy>(&env, "two", json!({ "spaceone": { "policyId": "free" } })).await;
    let mut names: Vec<_> = env.ncloud.policies().into_iter().map(|policy| policy.policy_name).collect();
    names.sort();
    assert_eq!(names, ["free", "taken"]);
    assert_eq!(env.spaceone.policies().len(), 2);
}

#[tokio::test]
async fn refused_project_is_corrected_in_place() {
    let env = TestEnv::with("mended-project", only_triggers).await;
    let mut object = spaceone_policy("two");
    object["spec"]["spaceone"]["projectId"] = json!("project-of-nobody");
    env.apply(object).await;
    env.reason::<Policy>("two", "InvalidSpec").await;
    mended::<Policy>(&env, "two", json!({ "spaceone": { "projectId": null } })).await;
}

#[tokio::test]
async fn absent_external_id_is_removed_or_corrected_in_place() {
    let env = TestEnv::with("mended-id", only_triggers).await;
    let zone = &env.spaceone.zone_ids()[0];
    let absent = json!("absent-000000000000");
    env.apply(with(ncloud_policy("one"), "externalId", &absent)).await;
    env.apply(with(network_policy("net", zone), "externalId", &absent)).await;
    env.apply(with(network_policy("adopted", zone), "externalId", &absent)).await;
    let told = message(&env.reason::<Policy>("one", "InvalidSpec").await);
    assert!(told.contains("Correct spec.externalId, or remove it"), "{told}");
    env.reason::<NetworkPolicy>("net", "InvalidSpec").await;
    env.reason::<NetworkPolicy>("adopted", "InvalidSpec").await;
    mended::<Policy>(&env, "one", json!({ "externalId": null })).await;
    mended::<NetworkPolicy>(&env, "net", json!({ "externalId": null })).await;
    let existing =
        env.spaceone.add_network_policy(StoredNetworkPolicy { name: "x".to_owned(), ..StoredNetworkPolicy::default() });
    let spec = json!({ "externalId": existing, "adoptionPolicy": "Always" });
    assert_eq!(mended::<NetworkPolicy>(&env, "adopted", spec).await, existing);
    assert_eq!(env.spaceone.network_policies().len(), 2);
}

#[tokio::test]
async fn refused_create_holds_no_field_even_if_its_place_is_lost() {
    let env = TestEnv::with("mended-refused", only_triggers).await;
    let other = Ncloud::start(ncloud::Options { seed: 7, ..ncloud::Options::default() }).await.unwrap();
    env.ncloud.faults().add(Fault::on(Operation::Create).before(Action::status(400, "{}")).forever());
    env.apply(ncloud_policy("one")).await;
    env.until("one", "refused", |policy: &Policy| {
        let refused = condition(&common(policy), "Ready").is_some_and(|ready| ready.reason == "ValidationFailed");
        anyhow::ensure!(refused && common(policy).upstream.is_none(), "{:?}", common(policy));
        Ok(())
    })
    .await;
    at_rest::<Policy>(&env, "one").await;
    env.ncloud.faults().add(Fault::any().before(Action::status(403, "{}")).forever());
    other_ncloud(&env, "other", &other).await;
    mended::<Policy>(&env, "one", json!({ "connectionRef": { "name": "other" }, "ncloud": { "policyName": "two" } }))
        .await;
    assert_eq!(other.policies().len(), 1);
}

/// Makes a connection to another account.
pub async fn other_ncloud(env: &TestEnv, name: &str, other: &Ncloud) {
    let (access, secret) = (other.access_key(), other.secret_key());
    env.secret(name, &[("accessKey", access.as_str()), ("secretKey", secret.as_str())]).await;
    let ncloud = json!({ "endpoint": other.url(), "credentialsSecretRef": { "name": name } });
    env.connection(name, json!({ "ncloud": ncloud, "rateLimit": { "requestsPerSecond": 100, "burst": 200 } })).await;
}

/// Asserts that the API server refuses a change of this field, and says what to do.
async fn held<K: Kind>(env: &TestEnv, name: &str, spec: Value, field: &str) {
    let patch = Patch::Merge(json!({ "spec": spec }));
    let refusal = env.api::<K>().patch(name, &PatchParams::default(), &patch).await.expect_err(field).to_string();
    let told = format!("{field} is immutable once status records an upstream object: delete this object and create");
    assert!(refusal.contains(&told), "{refusal}");
}

/// Asserts that every field that identifies an upstream object is held.
async fn all_held(env: &TestEnv) {
    for connection in [json!({ "name": "another" }), json!({ "kind": "ClusterConnection" })] {
        let spec = json!({ "connectionRef": connection });
        held::<Policy>(env, "one", spec.clone(), "spec.connectionRef").await;
        held::<Policy>(env, "two", spec.clone(), "spec.connectionRef").await;
        held::<NetworkPolicy>(env, "net", spec, "spec.connectionRef").await;
    }
    held::<Policy>(env, "one", json!({ "ncloud": { "policyName": "another" } }), "spec.ncloud.policyName").await;
    held::<Policy>(env, "two", json!({ "spaceone": { "policyId": "another" } }), "spec.spaceone.policyId").await;
    held::<Policy>(env, "two", json!({ "spaceone": { "projectId": "another" } }), "spec.spaceone.projectId").await;
}

#[tokio::test]
async fn recorded_object_keeps_what_identifies_it() {
    let env = TestEnv::with("held", only_triggers).await;
    three_ready(&env).await;
    all_held(&env).await;
    // A user may still add `externalId`, and it stays then.
    env.patch::<Policy>("one", json!({ "spec": { "externalId": "some" } })).await;
    held::<Policy>(&env, "one", json!({ "externalId": "other" }), "spec.externalId").await;
    held::<Policy>(&env, "one", json!({ "externalId": null }), "spec.externalId").await;
    env.patch::<NetworkPolicy>("net", json!({ "spec": { "externalId": "some" } })).await;
    held::<NetworkPolicy>(&env, "net", json!({ "externalId": null }), "spec.externalId").await;
}

#[tokio::test]
async fn pending_write_keeps_what_identifies_it() {
    let env = TestEnv::without_operator("held-pending").await;
    env.apply(ncloud_policy("one")).await;
    env.apply(spaceone_policy("two")).await;
    env.apply(network_policy("net", &env.spaceone.zone_ids()[0])).await;
    let pending = json!({ "operation": {
        "id": "1-1", "kind": "Create", "startedAt": "2026-01-01T00:00:00Z", "requestHash": "x",
    } });
    for name in ["one", "two"] {
        write_status::<Policy>(&env, name, pending.clone()).await;
    }
    write_status::<NetworkPolicy>(&env, "net", pending).await;
    all_held(&env).await;
}

#[tokio::test]
async fn project_that_differs_upstream_can_be_corrected() {
    let env = TestEnv::without_operator("held-project").await;
    env.apply(spaceone_policy("two")).await;
    let upstream = json!({
        "system": "spaceone/policy", "connection": { "name": "spaceone" }, "endpoint": "https://a", "key": "two",
    });
    write_status::<Policy>(&env, "two", json!({ "upstream": upstream })).await;
    let project = json!({ "spaceone": { "projectId": "project-1" } });
    held::<Policy>(&env, "two", project.clone(), "spec.spaceone.projectId").await;
    let field = json!({ "path": "spec.spaceone.projectId", "desired": "null", "observed": "\"project-1\"" });
    let drift = json!({ "fields": [field], "since": "2026-01-01T00:00:00Z" });
    write_status::<Policy>(&env, "two", json!({ "drift": drift })).await;
    env.patch::<Policy>("two", json!({ "spec": project })).await;
}
