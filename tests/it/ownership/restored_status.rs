//! A status that is restored from a backup: it names upstream objects of an earlier object of this name, or former ones.

use super::lost_finalizers::{only_triggers, three_gone, three_ready};
use super::released::lose;
use crate::support::test_env::{
    Kind, TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

/// Returns the status of an object.
async fn status<K: Managed + Kind>(env: &TestEnv, name: &str) -> Value {
    serde_json::to_value(env.get::<K>(name).await).unwrap()["status"].clone()
}

async fn restore<K: Managed + Kind>(env: &TestEnv, name: &str, status: &Value) {
    let patch = Patch::Merge(json!({ "status": status }));
    env.api::<K>().patch_status(name, &PatchParams::default(), &patch).await.unwrap();
}

/// Waits for a conflict that names the recorded object, and sets what its message says.
async fn adopts<K: Managed + Kind>(env: &TestEnv, name: &str, id: &str) {
    let told = env.reason::<K>(name, "Conflict").await;
    let message = condition(&common(&told), "Ready").unwrap().message.clone();
    assert!(message.contains(id), "{message}");
    env.patch::<K>(name, json!({ "spec": { "externalId": id, "adoptionPolicy": "IfIdentical" } })).await;
    assert_eq!(upstream_id(&env.ready::<K>(name).await), id);
}

/// The objects are lost and return with a new uid and their former status, as a restore
/// with `--restore-status` does.
#[tokio::test]
async fn object_with_restored_status_makes_no_copy() {
    let mut env = TestEnv::with("restored-status", only_triggers).await;
    three_ready(&env).await;
    let before = [
        status::<Policy>(&env, "one").await,
        status::<Policy>(&env, "two").await,
        status::<NetworkPolicy>(&env, "net").await,
    ];
    env.stop().await;
    lose::<Policy>(&env, "one").await;
    lose::<Policy>(&env, "two").await;
    lose::<NetworkPolicy>(&env, "net").await;
    for object in [ncloud_policy("one"), spaceone_policy("two"), network_policy("net", &env.spaceone.zone_ids()[0])] {
        env.apply(object).await;
    }
    restore::<Policy>(&env, "one", &before[0]).await;
    restore::<Policy>(&env, "two", &before[1]).await;
    restore::<NetworkPolicy>(&env, "net", &before[2]).await;
    env.start(only_triggers);
    let id = |index: usize| before[index]["upstream"]["id"].as_str().unwrap().to_owned();
    adopts::<Policy>(&env, "one", &id(0)).await;
    adopts::<Policy>(&env, "two", &id(1)).await;
    adopts::<NetworkPolicy>(&env, "net", &id(2)).await;
    let all = (env.ncloud.policies().len(), env.spaceone.policies().len(), env.spaceone.network_policies().len());
    assert_eq!(all, (1, 1, 1), "copies");
}

/// A status from before the upstream objects were created again names former ones.
#[tokio::test]
async fn older_status_of_the_same_object_makes_no_copy() {
    for stopped in [false, true] {
        let mut env = TestEnv::with("restored-older", only_triggers).await;
        three_ready(&env).await;
        let before = [status::<Policy>(&env, "one").await, status::<NetworkPolicy>(&env, "net").await];
        let old = [upstream_id(&env.get::<Policy>("one").await), upstream_id(&env.get::<NetworkPolicy>("net").await)];
        assert!(env.ncloud.remove_policy(&old[0]) && env.spaceone.remove_network_policy(&old[1]));
        env.reconcile_now::<Policy>("one").await;
        env.reconcile_now::<NetworkPolicy>("net").await;
        env.ready::<Policy>("one").await;
        env.ready::<NetworkPolicy>("net").await;
        if stopped {
            env.stop().await;
        }
        restore::<Policy>(&env, "one", &before[0]).await;
        restore::<NetworkPolicy>(&env, "net", &before[1]).await;
        if stopped {
            env.start(only_triggers);
        }
        env.until("one", "recorded anew", |object: &Policy| differs(&upstream_id(object), &old)).await;
        env.until("net", "recorded anew", |object: &NetworkPolicy| differs(&upstream_id(object), &old)).await;
        assert_eq!((env.ncloud.policies().len(), env.spaceone.network_policies().len()), (1, 1), "copies");
        env.delete::<Policy>("one").await;
        env.delete::<Policy>("two").await;
        env.delete::<NetworkPolicy>("net").await;
        three_gone(&env).await;
    }
}

fn differs(id: &str, old: &[String]) -> anyhow::Result<()> {
    anyhow::ensure!(!old.iter().any(|old| old == id), "{id}");
    Ok(())
}
