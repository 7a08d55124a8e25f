//! Several objects that claim one upstream object: within a cluster the oldest object wins, and between clusters the
//! present owner keeps it.

use crate::support::connection_helpers::SharedConnection;
use crate::support::rbac;
use crate::support::test_env::{
    Kind, SOON, TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::Operation;
use cloud_policy_simulator::ncloud::NewPolicy;
use cloud_policy_simulator::spaceone::{StoredNetworkPolicy, StoredPolicy};
use cloud_policy_testbed::{wait_for, wait_until};
use kube::Api;
use serde_json::{Value, json};

/// Returns an object that claims the upstream name `target`.
fn claimant(name: &str, target: &str) -> Value {
    let mut object = ncloud_policy(target);
    object["metadata"]["name"] = json!(name);
    object
}

fn ready_reason<K: Managed>(object: &K) -> String {
    condition(&common(object), "Ready").map(|c| c.reason.clone()).unwrap_or_default()
}

/// Waits until one of the two objects is ready and the other has a conflict; returns their names in this order, and
/// the message of the second.
pub async fn settled<K: Managed>(env: &TestEnv, a: &str, b: &str) -> (String, String, String) {
    let reasons = || async {
        let (a, b) = (env.get::<K>(a).await, env.get::<K>(b).await);
        let (first, second) = if ready_reason(&a) == "UpToDate" { (a, b) } else { (b, a) };
        let reasons = (ready_reason(&first), ready_reason(&second));
        anyhow::ensure!(reasons.0 == "UpToDate" && reasons.1 == "Conflict", "{reasons:?}");
        let message = condition(&common(&second), "Ready").unwrap().message.clone();
        Ok((first.name_any(), second.name_any(), message))
    };
    wait_for("one to be ready and one to have a conflict", SOON, reasons).await.unwrap()
}

/// Returns the name of the older of two objects.
async fn older<K: Managed>(env: &TestEnv, a: &str, b: &str) -> String {
    let age = |object: &K| (object.meta().creation_timestamp.as_ref().map(|t| t.0), object.uid());
    let (a, b) = (env.get::<K>(a).await, env.get::<K>(b).await);
    if age(&a) < age(&b) { a.name_any() } else { b.name_any() }
}

#[tokio::test]
async fn older_object_wins_and_is_named_in_conflict() {
    let mut env = TestEnv::without_operator("older").await;
    for i in 0..10 {
        env.apply(claimant(&format!("a-{i}"), &format!("target-{i}"))).await;
        env.apply(claimant(&format!("b-{i}"), &format!("target-{i}"))).await;
    }
    env.start(|_| {});
    for i in 0..10 {
        let (a, b) = (format!("a-{i}"), format!("b-{i}"));
        let (winner, _, message) = settled::<Policy>(&env, &a, &b).await;
        assert_eq!(winner, older::<Policy>(&env, &a, &b).await);
        assert!(message.contains(&format!("Policy {}/{winner}", env.namespace())), "{message}");
    }
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 10);
    assert_eq!(env.ncloud.journal().count(Operation::Create), 10, "the younger objects send no create request");
}

#[tokio::test]
async fn concurrent_objects_write_upstream_exactly_once() {
    let env = TestEnv::new("at-once").await;
    for i in 0..10 {
        let (a, b) = (format!("a-{i}"), format!("b-{i}"));
        let name = format!("target-{i}");
        tokio::join!(env.apply(claimant(&a, &name)), env.apply(claimant(&b, &name)));
    }
    for i in 0..10 {
        settled::<Policy>(&env, &format!("a-{i}"), &format!("b-{i}")).await;
    }
    let journal = env.ncloud.journal();
    assert_eq!((journal.count(Operation::Create), journal.writes().len()), (10, 10));
}

#[tokio::test]
async fn older_object_wins_when_two_objects_want_to_adopt() {
    let mut env = TestEnv::without_operator("both-adopt").await;
    env.ncloud.add_policy(NewPolicy { policy_name: "theirs".to_owned(), ..NewPolicy::default() });
    let old = StoredNetworkPolicy { zone_id: env.spaceone.zone_ids()[0].clone(), ..StoredNetworkPolicy::default() };
    let id = env.spaceone.add_network_policy(old);
    for name in ["a", "b"] {
        let mut policy = claimant(name, "theirs");
        policy["spec"]["adoptionPolicy"] = json!("Always");
        env.apply(policy).await;
        let mut network = network_policy(name, &env.spaceone.zone_ids()[0]);
        network["spec"]["adoptionPolicy"] = json!("Always");
        network["spec"]["recreatePolicy"] = json!("WhenRequired");
        network["spec"]["externalId"] = json!(id);
        env.apply(network).await;
    }
    env.start(|_| {});
    let (winner, _, message) = settled::<Policy>(&env, "a", "b").await;
    assert_eq!(winner, older::<Policy>(&env, "a", "b").await);
    assert!(message.contains(&format!("Policy {}/{winner}", env.namespace())), "{message}");
    assert_eq!(env.ncloud.journal().effects(Operation::TagsAdd), 1, "the owner tag is written once");
    let reasons = || async {
        let reasons = [env.get::<NetworkPolicy>("a").await, env.get("b").await].map(|o| ready_reason(&o));
        anyhow::ensure!(reasons.contains(&"Conflict".to_owned()), "{reasons:?}");
        Ok(())
    };
    wait_for("one to have a conflict", SOON, reasons).await.unwrap();
    let older = older::<NetworkPolicy>(&env, "a", "b").await;
    assert_eq!(ready_reason(&env.get::<NetworkPolicy>(if older == "a" { "b" } else { "a" }).await), "Conflict");
}

#[tokio::test]
async fn younger_object_takes_over_when_older_one_is_deleted() {
    let env = TestEnv::new("takeover").await;
    env.apply(claimant("first", "target")).await;
    env.ready::<Policy>("first").await;
    env.apply(claimant("second", "target")).await;
    let seen: Policy = env.reason("second", "Conflict").await;
    let message = condition(&common(&seen), "Ready").unwrap().message.clone();
    let first = format!("belongs to Policy {}/first", env.namespace());
    assert!(message.contains(&first), "the owner is named as an object and not as a uid: {message}");
    assert!(common(&seen).upstream.is_none());
    env.delete::<Policy>("first").await;
    env.gone::<Policy>("first").await;
    env.ready::<Policy>("second").await;
    let journal = env.ncloud.journal();
    assert_eq!((journal.effects(Operation::Create), journal.effects(Operation::Delete)), (2, 1));
    assert_eq!(env.ncloud.policies().len(), 1);
}

#[tokio::test]
async fn suspended_and_observing_objects_claim_nothing() {
    let env = TestEnv::new("no-claim").await;
    for (name, field, value) in [("asleep", "suspend", json!(true)), ("watching", "managementPolicy", json!("Observe"))]
    {
        let mut object = claimant(name, "target");
        object["spec"][field] = value;
        env.apply(object).await;
    }
    env.reason::<Policy>("asleep", "Suspended").await;
    env.reason::<Policy>("watching", "Observed").await;
    env.apply(claimant("writer", "target")).await;
    env.ready::<Policy>("writer").await;
    env.patch::<Policy>("asleep", json!({ "spec": { "suspend": false } })).await;
    env.reason::<Policy>("asleep", "Conflict").await;

    for name in ["n-1", "n-2"] {
        let mut object = network_policy("same", &env.spaceone.zone_ids()[0]);
        object["metadata"]["name"] = json!(name);
        env.apply(object).await;
    }
    let ids = [env.ready::<NetworkPolicy>("n-1").await, env.ready("n-2").await].map(|object| upstream_id(&object));
    assert_ne!(ids[0], ids[1], "network policies with the same name are different upstream objects");
}

#[tokio::test]
async fn conflict_hides_and_ignores_objects_of_other_namespaces() {
    let mut env = TestEnv::without_operator("claims-tenants").await;
    let other = rbac::tenant(&env.client, "claims-tenants").await;
    let (own, scope) = (env.namespace().to_owned(), other.name().to_owned());
    let cluster = SharedConnection::connect(&env, json!({ "names": [own] })).await;
    let shared = |name: &str, target: &str| {
        let mut object = claimant(name, target);
        object["spec"]["connectionRef"] = json!({ "kind": "ClusterConnection", "name": cluster.name });
        object
    };
    env.start(|settings| {
        settings.scope.insert(scope);
        settings.cluster_connections = true;
    });
    cluster.is("Authenticated").await;
    env.try_apply_in(other.name(), shared("secret-name", "squatted")).await.unwrap();
    reason_in::<Policy>(&env, other.name(), "secret-name", "NamespaceNotAllowed").await;
    env.apply(shared("mine", "squatted")).await;
    env.ready::<Policy>("mine").await;

    cluster.allow(json!({ "names": [env.namespace(), other.name()] })).await;
    let message = reason_in::<Policy>(&env, other.name(), "secret-name", "Conflict").await;
    assert!(message.contains("belongs to a Policy of another namespace") && !message.contains("mine"), "{message}");
    for (namespace, name) in [(env.namespace(), "mine"), (other.name(), "secret-name")] {
        let api: Api<Policy> = Api::namespaced(env.client.clone(), namespace);
        api.delete(name, &kube::api::DeleteParams::default()).await.unwrap();
    }
    env.gone::<Policy>("mine").await;
    let theirs: Api<Policy> = Api::namespaced(env.client.clone(), other.name());
    let probe = || async {
        anyhow::ensure!(theirs.get_opt("secret-name").await?.is_none(), "still there");
        Ok(())
    };
    wait_for("the other to be gone", SOON, probe).await.unwrap();
    cluster.remove().await;
}

/// Waits until `Ready` of an object in another namespace has this reason; returns the message.
async fn reason_in<K: Managed + Kind>(env: &TestEnv, namespace: &str, name: &str, reason: &str) -> String {
    let api: Api<K> = Api::namespaced(env.client.clone(), namespace);
    let what = format!("{name} to be {reason}");
    wait_until(&what, SOON, &api, name, |object: &K| {
        anyhow::ensure!(ready_reason(object) == reason, "Ready is {:?}", condition(&common(object), "Ready"));
        Ok(condition(&common(object), "Ready").unwrap().message.clone())
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn two_clusters_never_overwrite_each_other() {
    let first = TestEnv::with("cluster-a", |settings| settings.cluster_id = Some("cluster-a".to_owned())).await;
    let mut second = TestEnv::without_operator("cluster-b").await;
    // The second cluster has the keys to the accounts of the first.
    let (access, secret) = (first.ncloud.access_key(), first.ncloud.secret_key());
    second.secret("ncloud", &[("accessKey", &access), ("secretKey", &secret)]).await;
    let endpoint = json!({ "endpoint": first.ncloud.url(), "credentialsSecretRef": { "name": "ncloud" } });
    second.connection("ncloud", json!({ "ncloud": endpoint })).await;
    let theirs = &first.spaceone;
    second.connect_spaceone("spaceone", &theirs.url(), "Rest", &theirs.domain_id(), &theirs.token()).await;
    second.start(|settings| settings.cluster_id = Some("cluster-b".to_owned()));

    let mut other = spaceone_policy("shared-s");
    other["spec"]["spaceone"]["name"] = json!("Another");
    first.apply(ncloud_policy("shared-n")).await;
    first.apply(spaceone_policy("shared-s")).await;
    first.ready::<Policy>("shared-n").await;
    first.ready::<Policy>("shared-s").await;
    let writes = || (first.ncloud.journal().writes().len(), first.spaceone.journal().writes().len());
    let before = writes();
    for mut object in [ncloud_policy("shared-n"), other] {
        object["spec"]["adoptionPolicy"] = json!("Always");
        second.apply(object).await;
    }
    for name in ["shared-n", "shared-s"] {
        let seen: Policy = second.reason(name, "Conflict").await;
        let message = condition(&common(&seen), "Ready").unwrap().message.clone();
        assert!(message.contains("is owned by cluster-a_"), "{message}");
        second.reconcile_now::<Policy>(name).await;
        first.reconcile_now::<Policy>(name).await;
    }
    assert_eq!(writes(), before, "the second wrote nothing, and the first had nothing to correct");
    for name in ["shared-n", "shared-s"] {
        second.delete::<Policy>(name).await;
        second.gone::<Policy>(name).await;
        first.ready::<Policy>(name).await;
    }
    assert_eq!(writes(), before);
    let stored: Vec<StoredPolicy> = first.spaceone.policies();
    assert_eq!(stored[0].name, "Viewer");
}
