//! Finalizers that others remove: the operator puts its own back at once, cleans up what others still hold, and reports
//! what is gone.

use crate::support::connection_helpers::{SharedConnection, connection_is, requests_for_objects};
use crate::support::test_env::{
    Kind, TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::{ClusterConnection, Connection, NetworkPolicy, Policy};
use cloud_policy::controller::Settings;
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::Operation;
use cloud_policy_testbed::wait_for;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use std::time::Duration;

const OURS: &str = "cloudpolicy.dev/finalizer";

/// Much less than any interval of [`only_triggers`].
const AT_ONCE: Duration = Duration::from_secs(20);

/// Sets intervals so long that only triggers start reconciles.
pub fn only_triggers(settings: &mut Settings) {
    settings.interval_divisor = 1;
    settings.connection_interval = Duration::from_mins(10);
    settings.slow_retry = Duration::from_mins(10);
}

/// Creates one ready object of each kind and upstream: `one`, `two` and the network policy `net`.
pub async fn three_ready(env: &TestEnv) {
    for object in [ncloud_policy("one"), spaceone_policy("two"), network_policy("net", &env.spaceone.zone_ids()[0])] {
        env.apply(object).await;
    }
    env.ready::<Policy>("one").await;
    env.ready::<Policy>("two").await;
    env.ready::<NetworkPolicy>("net").await;
}

/// Waits until all three objects are gone, and asserts that nothing is left upstream.
pub async fn three_gone(env: &TestEnv) {
    env.gone::<Policy>("one").await;
    env.gone::<Policy>("two").await;
    env.gone::<NetworkPolicy>("net").await;
    assert!(env.ncloud.policies().is_empty(), "{:?}", env.ncloud.policies());
    assert!(env.spaceone.policies().is_empty() && env.spaceone.network_policies().is_empty());
}

/// Replaces the finalizers of an object.
async fn set_finalizers<K: Kind>(env: &TestEnv, name: &str, finalizers: &[&str]) {
    env.patch::<K>(name, json!({ "metadata": { "finalizers": finalizers } })).await;
}

async fn has_ours<K: Kind>(api: &Api<K>, name: &str) {
    let probe = || async {
        let object = api.get(name).await?;
        anyhow::ensure!(object.meta().finalizers.iter().flatten().any(|f| f == OURS), "no finalizer");
        Ok(())
    };
    wait_for(&format!("the finalizer of {name} to be back"), AT_ONCE, probe).await.unwrap();
}

#[tokio::test]
async fn removed_finalizer_is_back_at_once() {
    let env = TestEnv::with("finalizer-back", only_triggers).await;
    three_ready(&env).await;
    env.wait_until_idle().await;
    set_finalizers::<Policy>(&env, "one", &[]).await;
    set_finalizers::<Policy>(&env, "two", &["example.com/audit"]).await;
    set_finalizers::<NetworkPolicy>(&env, "net", &[]).await;
    has_ours(&env.api::<Policy>(), "one").await;
    has_ours(&env.api::<Policy>(), "two").await;
    has_ours(&env.api::<NetworkPolicy>(), "net").await;
    set_finalizers::<Policy>(&env, "two", &[OURS]).await;
    env.delete::<Policy>("one").await;
    env.delete::<Policy>("two").await;
    env.delete::<NetworkPolicy>("net").await;
    three_gone(&env).await;
}

#[tokio::test]
async fn suspended_object_gets_removed_finalizer_back() {
    let env = TestEnv::with("finalizer-suspended", only_triggers).await;
    three_ready(&env).await;
    for name in ["one", "two"] {
        env.patch::<Policy>(name, json!({ "spec": { "suspend": true } })).await;
        env.reason::<Policy>(name, "Suspended").await;
        set_finalizers::<Policy>(&env, name, &[]).await;
        has_ours(&env.api::<Policy>(), name).await;
    }
}

#[tokio::test]
async fn finalizer_removed_while_stopped_is_back_at_start() {
    let mut env = TestEnv::with("finalizer-restart", only_triggers).await;
    three_ready(&env).await;
    env.patch::<Policy>("two", json!({ "spec": { "suspend": true } })).await;
    env.reason::<Policy>("two", "Suspended").await;
    env.stop().await;
    set_finalizers::<Policy>(&env, "one", &[]).await;
    set_finalizers::<Policy>(&env, "two", &[]).await;
    set_finalizers::<NetworkPolicy>(&env, "net", &[]).await;
    env.start(only_triggers);
    has_ours(&env.api::<Policy>(), "one").await;
    has_ours(&env.api::<Policy>(), "two").await;
    has_ours(&env.api::<NetworkPolicy>(), "net").await;
}

#[tokio::test]
async fn connection_gets_removed_finalizer_back_at_once() {
    let mut env = TestEnv::without_operator_on(crate::support::client().await, "finalizer-conn").await;
    let shared = SharedConnection::connect(&env, json!({ "all": true })).await;
    env.start(|settings| {
        only_triggers(settings);
        settings.cluster_connections = true;
    });
    connection_is(&env, "ncloud", "Authenticated").await;
    shared.is("Authenticated").await;
    set_finalizers::<Connection>(&env, "ncloud", &[]).await;
    has_ours(&env.api::<Connection>(), "ncloud").await;
    let cluster: Api<ClusterConnection> = Api::all(env.client.clone());
    let bare = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    cluster.patch(&shared.name, &PatchParams::default(), &bare).await.unwrap();
    let back = || async {
        anyhow::ensure!(cluster.get(&shared.name).await?.finalizers().iter().any(|f| f == OURS), "no finalizer");
        Ok(())
    };
    wait_for("the finalizer to be back", AT_ONCE, back).await.unwrap();
    shared.remove().await;
}

#[tokio::test]
async fn own_writes_start_no_further_reconcile() {
    let env = TestEnv::with("quiet", only_triggers).await;
    connection_is(&env, "ncloud", "Authenticated").await;
    env.wait_until_idle().await;
    let before = env.reconciles();
    env.apply(ncloud_policy("quiet")).await;
    env.ready::<Policy>("quiet").await;
    env.wait_until_idle().await;
    assert_eq!(env.reconciles() - before, 1, "the creation, and nothing since");
    let reads = requests_for_objects(env.ncloud.journal());
    env.patch::<Policy>("quiet", json!({ "metadata": { "labels": { "team": "a" } } })).await;
    env.wait_until_idle().await;
    assert_eq!(requests_for_objects(env.ncloud.journal()), reads, "a label of a user is no loss");
}

#[tokio::test]
async fn object_held_by_others_is_cleaned_up_in_deletion() {
    let env = TestEnv::with("held", only_triggers).await;
    three_ready(&env).await;
    for name in ["one", "two"] {
        held::<Policy>(&env, name).await;
    }
    held::<NetworkPolicy>(&env, "net").await;
    assert!(env.ncloud.policies().is_empty() && env.spaceone.policies().is_empty());
    assert!(env.spaceone.network_policies().is_empty());
    env.wait_until_idle().await;
    assert_eq!(env.ncloud.journal().count(Operation::Delete), 1, "deleted once");
    for name in ["one", "two"] {
        set_finalizers::<Policy>(&env, name, &[]).await;
    }
    set_finalizers::<NetworkPolicy>(&env, "net", &[]).await;
    three_gone(&env).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(!env.metrics().contains("reason=\"finalizer_removed\"} 1"), "{}", env.metrics());
}

/// Removes our finalizer while another one holds the object, deletes it, and waits until status tells the truth.
async fn held<K: Managed>(env: &TestEnv, name: &str) {
    set_finalizers::<K>(env, name, &["example.com/audit"]).await;
    env.delete::<K>(name).await;
    env.until(name, "released", |object: &K| {
        let status = common(object);
        let ready = condition(&status, "Ready").unwrap();
        let told = ready.reason == "Deleting" && ready.message.contains("example.com/audit");
        anyhow::ensure!(ready.status == "False" && told && status.upstream.is_none(), "{ready:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn released_object_held_by_others_is_not_up_to_date() {
    let env = TestEnv::with("released", only_triggers).await;
    env.apply(ncloud_policy("one")).await;
    env.ready::<Policy>("one").await;
    set_finalizers::<Policy>(&env, "one", &["example.com/audit", OURS]).await;
    env.delete::<Policy>("one").await;
    let released = |object: &Policy| {
        let status = common(object);
        let ready = condition(&status, "Ready").unwrap();
        anyhow::ensure!(!object.finalizers().iter().any(|f| f == OURS), "not released");
        anyhow::ensure!(ready.reason == "Deleting" && ready.status == "False", "{ready:?}");
        Ok(())
    };
    env.until("one", "released", released).await;
    assert!(env.ncloud.policies().is_empty());
}

#[tokio::test]
async fn object_gone_without_its_finalizer_is_reported() {
    let env = TestEnv::with("vanished", only_triggers).await;
    three_ready(&env).await;
    let id = upstream_id(&env.get::<Policy>("one").await);
    vanish::<Policy>(&env, "one").await;
    vanish::<NetworkPolicy>(&env, "net").await;
    for kind in ["Policy", "NetworkPolicy"] {
        let counted = format!("cloud_policy_orphans_total{{kind=\"{kind}\",reason=\"finalizer_removed\"}} 1");
        env.eventually("the metric", || env.metrics().contains(&counted)).await;
    }
    let told = || async {
        for about in ["one", "ncloud"] {
            let events = env.events(about).await;
            let found = events
                .iter()
                .any(|(reason, note)| reason == "Orphaned" && note.contains(&id) && note.contains(&env.ncloud.url()));
            anyhow::ensure!(found, "{about}: {events:?}");
        }
        Ok(())
    };
    wait_for("the events", AT_ONCE, told).await.unwrap();
    assert_eq!(env.ncloud.policies().len(), 1, "the upstream object is left");
}

/// Removes the finalizer and deletes the object before the operator can put it back.
pub async fn vanish<K: Kind>(env: &TestEnv, name: &str) {
    while env.api::<K>().get_opt(name).await.unwrap().is_some() {
        set_finalizers::<K>(env, name, &[]).await;
        env.api::<K>().delete(name, &kube::api::DeleteParams::background()).await.ok();
        let bare = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
        env.api::<K>().patch(name, &PatchParams::default(), &bare).await.ok();
    }
}

#[tokio::test]
async fn object_that_the_operator_let_go_is_not_reported() {
    let env = TestEnv::with("let-go", only_triggers).await;
    three_ready(&env).await;
    env.patch::<Policy>("two", json!({ "spec": { "deletionPolicy": "Orphan" } })).await;
    env.delete::<Policy>("one").await;
    env.delete::<Policy>("two").await;
    env.delete::<NetworkPolicy>("net").await;
    env.gone::<Policy>("one").await;
    env.gone::<Policy>("two").await;
    env.gone::<NetworkPolicy>("net").await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    for kind in ["Policy", "NetworkPolicy"] {
        let counted = format!("cloud_policy_orphans_total{{kind=\"{kind}\",reason=\"finalizer_removed\"}} 0");
        assert!(env.metrics().contains(&counted), "{}", env.metrics());
    }
}
