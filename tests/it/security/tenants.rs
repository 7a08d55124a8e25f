//! One tenant cannot affect another, neither by names nor by an edited status.

use crate::support::connection_helpers::{SharedConnection, connection_is, requests_for_objects};
use crate::support::kinds::shown_condition;
use crate::support::rbac;
use crate::support::test_env::{
    Kind, SOON, TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::{Connection, NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy::controller::settings::TenantConnections;
use cloud_policy_simulator::ncloud::NewPolicy;
use cloud_policy_simulator::spaceone::{StoredNetworkPolicy, StoredPolicy};
use cloud_policy_simulator::{Action, Fault, Operation};
use cloud_policy_testbed::{TestNamespace, wait_until};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Returns a test environment and the namespace of another tenant. One operator manages both.
pub async fn two_tenants(prefix: &str) -> (TestEnv, TestNamespace) {
    let mut env = TestEnv::without_operator(prefix).await;
    let other = rbac::tenant(&env.client, prefix).await;
    let name = other.name().to_owned();
    env.start(|settings| {
        settings.scope.insert(name);
        settings.tenant_connections = TenantConnections::Namespaces(settings.scope.clone());
    });
    (env, other)
}

/// Waits until `Ready` of an object in the other namespace has this reason. Returns its message.
pub async fn ready_message<K: Kind>(env: &TestEnv, namespace: &TestNamespace, name: &str, reason: &str) -> String {
    let api: Api<K> = Api::namespaced(env.client.clone(), namespace.name());
    let what = format!("{name} to be {reason}");
    wait_until(&what, SOON, &api, name, |object: &K| {
        let object = serde_json::to_value(object)?;
        let ready = shown_condition(&object["status"], "Ready").cloned().unwrap_or_default();
        anyhow::ensure!(ready["reason"] == reason, "Ready is {ready}");
        Ok(ready["message"].as_str().unwrap_or_default().to_owned())
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn policy_cannot_use_connection_of_another_namespace() {
    let (env, other) = two_tenants("no-reach").await;
    connection_is(&env, "ncloud", "Authenticated").await;
    env.try_apply_in(other.name(), ncloud_policy("outsider")).await.unwrap();
    let message = ready_message::<Policy>(&env, &other, "outsider", "ConnectionNotFound").await;
    assert!(message.contains("Connection ncloud does not exist"), "{message}");
    for reference in [
        json!({ "name": "ncloud", "namespace": env.namespace() }),
        json!({ "name": format!("{}/ncloud", env.namespace()) }),
        json!({ "name": format!("../{}/connections/ncloud", env.namespace()) }),
    ] {
        let mut object = ncloud_policy("climber");
        object["spec"]["connectionRef"] = reference.clone();
        let refused = env.try_apply_in(other.name(), object).await.unwrap_err().to_string();
        assert!(refused.contains("connectionRef"), "{reference}: {refused}");
    }
    assert!(env.ncloud.policies().is_empty());
}

#[tokio::test]
async fn connection_cannot_use_secret_of_another_namespace() {
    let (env, other) = two_tenants("no-secret-reach").await;
    let connection = |secret: Value| {
        json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1",
            "kind": "Connection",
            "metadata": { "name": "thief" },
            "spec": { "ncloud": { "endpoint": env.ncloud.url(), "credentialsSecretRef": secret } },
        })
    };
    env.try_apply_in(other.name(), connection(json!({ "name": "ncloud" }))).await.unwrap();
    let message = ready_message::<Connection>(&env, &other, "thief", "SecretNotFound").await;
    assert_eq!(
        message,
        format!(
            "Secret {}/ncloud does not exist. Create it. The operator reads it at the next check of the connection.",
            other.name()
        )
    );
    for secret in [
        json!({ "name": "ncloud", "namespace": env.namespace() }),
        json!({ "name": format!("../../{}/secrets/ncloud", env.namespace()) }),
    ] {
        let refused = env.try_apply_in(other.name(), connection(secret.clone())).await.unwrap_err().to_string();
        assert!(refused.contains("credentialsSecretRef"), "{secret}: {refused}");
    }
}

#[tokio::test]
async fn connection_reads_no_secret_outside_tenant_namespaces() {
    let mut env = TestEnv::without_operator("half-permitted").await;
    let other = TestNamespace::create(&env.client, "half-permitted").await.unwrap();
    let (own, scope) = (env.namespace().to_owned(), other.name().to_owned());
    env.start(|settings| {
        settings.scope.insert(scope);
        settings.tenant_connections = TenantConnections::Namespaces(BTreeSet::from([own]));
    });
    connection_is(&env, "ncloud", "Authenticated").await;
    let mut connection = serde_json::to_value(env.get::<Connection>("ncloud").await).unwrap();
    connection["metadata"] = json!({ "name": "outside" });
    connection.as_object_mut().unwrap().remove("status");
    connection["apiVersion"] = json!("cloudpolicy.dev/v1alpha1");
    connection["kind"] = json!("Connection");
    env.try_apply_in(other.name(), connection).await.unwrap();
    let message = ready_message::<Connection>(&env, &other, "outside", "SecretsNotPermitted").await;
    assert!(message.contains(other.name()) && message.contains("Use a ClusterConnection"), "{message}");
}

#[tokio::test]
async fn cluster_connection_rejects_unlisted_namespace() {
    let env = TestEnv::with("unlisted", |settings| settings.cluster_connections = true).await;
    let cluster = SharedConnection::connect(&env, json!({ "names": ["somebody-else"] })).await;
    cluster.is("Authenticated").await;
    let victim = env.ncloud.add_policy(NewPolicy { policy_name: "by-hand".to_owned(), ..NewPolicy::default() });
    let shared = json!({ "kind": "ClusterConnection", "name": cluster.name });
    let mut direct = ncloud_policy("direct");
    direct["spec"]["connectionRef"] = shared.clone();
    let mut indirect = ncloud_policy("indirect");
    indirect["spec"]["connectionRef"] = json!({ "name": "nowhere" });
    for object in [&mut direct, &mut indirect] {
        object["metadata"]["finalizers"] = json!(["cloudpolicy.dev/finalizer"]);
    }
    env.apply(direct).await;
    env.apply(indirect).await;
    let cases = [("direct", "NamespaceNotAllowed"), ("indirect", "ConnectionNotFound")];
    for (name, reason) in cases {
        env.reason::<Policy>(name, reason).await;
        let upstream = upstream_ref("ncloud/policy", &shared, &env.ncloud.url(), &victim);
        write_status::<Policy>(&env, name, json!({ "upstream": upstream })).await;
        env.delete::<Policy>(name).await;
    }
    for (name, reason) in cases {
        assert_eq!(blocked_reason::<Policy>(&env, name).await, reason, "{name}");
    }
    assert_eq!(requests_for_objects(env.ncloud.journal()), Vec::<String>::new());
    for (name, _) in cases {
        force_orphan::<Policy>(&env, name).await;
    }
    assert!(env.ncloud.policy_named("by-hand").is_some());
    cluster.remove().await;
}

/// Returns a deletion record as a tenant could write it.
fn upstream_ref(system: &str, connection: &Value, endpoint: &str, id: &str) -> Value {
    json!({ "system": system, "connection": connection, "endpoint": endpoint, "id": id, "key": "k", "adopted": true })
}

/// Writes status as a tenant with that permission could.
pub async fn write_status<K: Kind>(env: &TestEnv, name: &str, status: Value) {
    let patch = Patch::Merge(json!({ "status": status }));
    env.api::<K>().patch_status(name, &PatchParams::default(), &patch).await.unwrap();
}

/// Waits until the operator has handled a deletion that is blocked. Returns the reason.
async fn blocked_reason<K: Managed>(env: &TestEnv, name: &str) -> String {
    let seen: K = env
        .until(name, "blocked", |object: &K| {
            let generation = object.meta().generation;
            let deleted = object.meta().deletion_timestamp.is_some();
            anyhow::ensure!(deleted && generation == Some(common(object).observed_generation), "not reconciled yet");
            Ok(())
        })
        .await;
    condition(&common(&seen), "Ready").unwrap().reason.clone()
}

async fn force_orphan<K: Kind>(env: &TestEnv, name: &str) {
    let annotations = json!({ "metadata": { "annotations": { "cloudpolicy.dev/force-orphan": "true" } } });
    env.patch::<K>(name, annotations).await;
    env.gone::<K>(name).await;
}

#[tokio::test]
async fn edited_status_cannot_reach_object_of_another_owner() {
    let env = TestEnv::new("forged-id").await;
    for name in ["victim", "forger"] {
        env.apply(ncloud_policy(name)).await;
    }
    let victim = upstream_id(&env.ready::<Policy>("victim").await);
    let own = upstream_id(&env.ready::<Policy>("forger").await);
    let before = env.ncloud.policy_named("victim");
    let forged = json!({ "policyId": victim, "upstream": { "id": victim, "adopted": true } });
    write_status::<Policy>(&env, "forger", forged.clone()).await;
    env.patch::<Policy>("forger", json!({ "spec": { "ncloud": { "description": "mine now" } } })).await;
    let seen: Policy = env.ready("forger").await;
    assert_eq!(upstream_id(&seen), own, "the operator finds its own object again");
    assert_eq!(seen.status.unwrap().policy_id, Some(own));
    assert_eq!(env.ncloud.policy_named("forger").unwrap().description.unwrap(), "mine now");

    write_status::<Policy>(&env, "forger", forged).await;
    env.delete::<Policy>("forger").await;
    env.gone::<Policy>("forger").await;
    assert!(env.ncloud.policy_named("forger").is_none(), "its own object is deleted");
    assert_eq!(env.ncloud.policy_named("victim"), before);
    let touched = env.ncloud.journal().writes().into_iter().filter(|w| w.object_id.as_ref() == Some(&victim)).count();
    assert_eq!(touched, 1, "only the create of the victim");
}

#[tokio::test]
async fn edited_status_cannot_reach_unowned_policy() {
    let env = TestEnv::new("forged-hand").await;
    let victim = env.ncloud.add_policy(NewPolicy { policy_name: "by-hand".to_owned(), ..NewPolicy::default() });
    let record = upstream_ref("ncloud/policy", &json!({ "name": "ncloud" }), &env.ncloud.url(), &victim);
    assert_forgery_is_refused::<Policy>(&env, ncloud_policy("forger"), record).await;
    assert!(env.ncloud.journal().writes().is_empty(), "{:?}", env.ncloud.journal().writes());
}

#[tokio::test]
async fn edited_status_cannot_reach_policy_when_tags_are_hidden() {
    let env = TestEnv::new("forged-untagged").await;
    env.ncloud.faults().add(Fault::on(Operation::TagsGet).before(Action::status(405, "")).forever());
    let victim = env.ncloud.add_policy(NewPolicy { policy_name: "by-hand".to_owned(), ..NewPolicy::default() });
    let record = upstream_ref("ncloud/policy", &json!({ "name": "ncloud" }), &env.ncloud.url(), &victim);
    assert_forgery_is_refused::<Policy>(&env, ncloud_policy("forger"), record).await;
    assert!(env.ncloud.journal().writes().is_empty(), "{:?}", env.ncloud.journal().writes());
}

#[tokio::test]
async fn edited_status_cannot_reach_unowned_spaceone_objects() {
    let env = TestEnv::new("forged-spaceone").await;
    let policy = StoredPolicy {
        policy_id: "by-hand".to_owned(),
        name: "By hand".to_owned(),
        permissions: vec!["a.*".to_owned()],
        ..StoredPolicy::default()
    };
    let policy = env.spaceone.add_policy(policy);
    let network = StoredNetworkPolicy { name: "by hand".to_owned(), ..StoredNetworkPolicy::default() };
    let network = env.spaceone.add_network_policy(network);
    let zone = env.spaceone.zone_ids()[1].clone();
    let connection = json!({ "name": "spaceone" });
    let url = env.spaceone.url();
    let of_policy = upstream_ref("spaceone/policy", &connection, &url, &policy);
    let of_network = upstream_ref("spaceone/networkpolicy", &connection, &url, &network);
    assert_forgery_is_refused::<Policy>(&env, spaceone_policy("forger"), of_policy).await;
    assert_forgery_is_refused::<NetworkPolicy>(&env, network_policy("forger", &zone), of_network.clone()).await;
    // The status of a policy names a network policy.
    assert_forgery_is_refused_at_deletion::<Policy>(&env, spaceone_policy("across"), of_network).await;
    assert!(env.spaceone.journal().writes().is_empty(), "{:?}", env.spaceone.journal().writes());
}

/// Asserts that a forged status has no effect although the spec allows everything: neither when the object
/// is resumed with the edited status, nor when it is deleted before the operator has reconciled it.
async fn assert_forgery_is_refused<K: Managed>(env: &TestEnv, object: Value, record: Value) {
    let name = create_forged::<K>(env, &object, &record).await;
    env.patch::<K>(&name, json!({ "spec": { "suspend": false } })).await;
    env.reason::<K>(&name, "Conflict").await;
    env.delete::<K>(&name).await;
    assert_eq!(blocked_reason::<K>(env, &name).await, "Conflict");
    force_orphan::<K>(env, &name).await;
    assert_forgery_is_refused_at_deletion::<K>(env, object, record).await;
}

async fn assert_forgery_is_refused_at_deletion<K: Managed>(env: &TestEnv, object: Value, record: Value) {
    let name = create_forged::<K>(env, &object, &record).await;
    env.delete::<K>(&name).await;
    let seen: K = env
        .until(&name, "blocked", |object: &K| {
            let reason = condition(&common(object), "Ready").map(|c| c.reason.clone());
            anyhow::ensure!(reason.as_deref() != Some("Suspended"), "not reconciled yet");
            Ok(())
        })
        .await;
    assert_eq!(condition(&common(&seen), "Ready").unwrap().reason, "Conflict");
    force_orphan::<K>(env, &name).await;
}

/// Creates a suspended object with an edited status.
async fn create_forged<K: Managed>(env: &TestEnv, object: &Value, record: &Value) -> String {
    let mut object = object.clone();
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    object["metadata"]["finalizers"] = json!(["cloudpolicy.dev/finalizer"]);
    object["spec"]["adoptionPolicy"] = json!("Always");
    object["spec"]["recreatePolicy"] = json!("WhenRequired");
    object["spec"]["suspend"] = json!(true);
    env.apply(object).await;
    env.reason::<K>(&name, "Suspended").await;
    write_status::<K>(env, &name, json!({ "upstream": record })).await;
    name
}
