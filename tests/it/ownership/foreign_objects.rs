//! An object gets no access to upstream objects of another owner: neither by its spec (`externalId` and adoption), nor
//! by its status (a forged system or endpoint), nor by its annotations.

use crate::security::tenants::{ready_message, two_tenants, write_status};
use crate::support::test_env::{Kind, SOON, TestEnv, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{Connection, NetworkPolicy, Policy};
use cloud_policy_simulator::Operation;
use cloud_policy_testbed::{TestNamespace, wait_for};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpListener;

/// Gives the other namespace credentials for the same accounts, under the same names.
async fn share_accounts(env: &TestEnv, other: &TestNamespace) {
    for name in ["ncloud", "spaceone"] {
        let secret = Secret { metadata: meta(name), ..env.get::<Secret>(name).await };
        let secrets: Api<Secret> = Api::namespaced(env.client.clone(), other.name());
        secrets.create(&PostParams::default(), &secret).await.unwrap();
        let connection = Connection { metadata: meta(name), status: None, ..env.get::<Connection>(name).await };
        let connections: Api<Connection> = Api::namespaced(env.client.clone(), other.name());
        connections.create(&PostParams::default(), &connection).await.unwrap();
    }
}

fn meta(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..Default::default() }
}

/// Returns the object with a spec that adopts the upstream object `id`.
fn thief(mut object: Value, id: &str) -> Value {
    object["spec"]["adoptionPolicy"] = json!("Always");
    object["spec"]["externalId"] = json!(id);
    object
}

#[tokio::test]
async fn adoption_by_id_fails_for_object_of_another_tenant() {
    let (env, other) = two_tenants("theft").await;
    share_accounts(&env, &other).await;
    let zone = env.spaceone.zone_ids()[0].clone();
    env.apply(ncloud_policy("victim")).await;
    env.apply(network_policy("victim", &zone)).await;
    let policy = upstream_id(&env.ready::<Policy>("victim").await);
    let network = upstream_id(&env.ready::<NetworkPolicy>("victim").await);
    let before = (env.ncloud.policy_named("victim"), env.spaceone.network_policies());
    env.try_apply_in(other.name(), thief(ncloud_policy("thief"), &policy)).await.unwrap();
    env.try_apply_in(other.name(), thief(network_policy("thief", &zone), &network)).await.unwrap();
    ready_message::<Policy>(&env, &other, "thief", "Conflict").await;
    ready_message::<NetworkPolicy>(&env, &other, "thief", "Conflict").await;
    delete_in::<Policy>(&env, &other, "thief").await;
    delete_in::<NetworkPolicy>(&env, &other, "thief").await;
    assert_eq!((env.ncloud.policy_named("victim"), env.spaceone.network_policies()), before);
    assert_eq!(env.ncloud.journal().writes().len(), 1, "the victim's creation, and nothing since");
}

async fn delete_in<K: Kind>(env: &TestEnv, namespace: &TestNamespace, name: &str) {
    let api: Api<K> = Api::namespaced(env.client.clone(), namespace.name());
    api.delete(name, &DeleteParams::background()).await.unwrap();
    wait_for("the thief to be gone", SOON, || async {
        anyhow::ensure!(api.get_opt(name).await?.is_none(), "still there");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn forged_system_in_status_reaches_no_foreign_object() {
    let mut env = TestEnv::new("forged-system").await;
    env.apply(network_policy("victim", &env.spaceone.zone_ids()[0])).await;
    let victim = upstream_id(&env.ready::<NetworkPolicy>("victim").await);
    env.apply(ncloud_policy("elsewhere")).await;
    env.apply(spaceone_policy("beside")).await;
    for name in ["elsewhere", "beside"] {
        env.ready::<Policy>(name).await;
    }
    // The operator is stopped, so that it does not correct the status.
    env.stop().await;
    for name in ["elsewhere", "beside"] {
        let forged = json!({ "upstream": { "system": "spaceone/networkpolicy", "id": victim, "key": "victim" } });
        write_status::<Policy>(&env, name, forged).await;
        env.delete::<Policy>(name).await;
    }
    env.start(|_| {});
    env.gone::<Policy>("elsewhere").await;
    env.gone::<Policy>("beside").await;
    assert_eq!(env.spaceone.network_policies().len(), 1, "the victim has the owner tag of another object");
    assert!(env.ncloud.policies().is_empty() && env.spaceone.policies().is_empty(), "its own objects are deleted");
    assert_eq!(env.spaceone.journal().count(Operation::Delete), 1);
}

#[tokio::test]
async fn forged_endpoint_or_connection_in_status_is_not_followed() {
    let mut env = TestEnv::new("forged-place").await;
    env.apply(ncloud_policy("rooted")).await;
    env.ready::<Policy>("rooted").await;
    env.stop().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("http://{}", listener.local_addr().unwrap());
    let forged = json!({ "endpoint": elsewhere, "connection": { "kind": "Connection", "name": "spaceone" } });
    write_status::<Policy>(&env, "rooted", json!({ "upstream": forged })).await;
    env.delete::<Policy>("rooted").await;
    env.start(|_| {});
    env.gone::<Policy>("rooted").await;
    assert!(env.ncloud.policies().is_empty(), "the operator deletes at the endpoint of the spec");
    let called = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await;
    assert!(called.is_err(), "the operator called the forged endpoint");
}

#[tokio::test]
async fn force_orphan_affects_only_the_annotated_object() {
    let mut env = TestEnv::new("forced-alone").await;
    for name in ["forced", "ordinary"] {
        env.apply(ncloud_policy(name)).await;
        env.ready::<Policy>(name).await;
    }
    env.stop().await;
    let annotations = json!({ "metadata": { "annotations": { "cloudpolicy.dev/force-orphan": "true" } } });
    env.patch::<Policy>("forced", annotations.clone()).await;
    // The annotation on the shared connection affects no object.
    let connections: Api<Connection> = env.api();
    connections.patch("ncloud", &PatchParams::default(), &Patch::Merge(annotations)).await.unwrap();
    for name in ["forced", "ordinary"] {
        env.delete::<Policy>(name).await;
    }
    env.start(|_| {});
    env.gone::<Policy>("forced").await;
    env.gone::<Policy>("ordinary").await;
    let left: Vec<String> = env.ncloud.policies().into_iter().map(|policy| policy.policy_name).collect();
    assert_eq!(left, ["forced"]);
}
