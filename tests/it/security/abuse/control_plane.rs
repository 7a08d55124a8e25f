//! A control plane that restarts, loses old revisions, and stores objects that cannot be decoded.

use crate::support::install_crypto;
use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy, crds};
use cloud_policy_simulator::Operation;
use cloud_policy_testbed::{ControlPlane, install_crds, wait_for};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use std::time::Duration;
use tokio::task::block_in_place;

/// How long an object may take to be ready. Watches wait up to half a minute after the API server was away.
const PATIENCE: Duration = Duration::from_mins(2);

async fn create_group(env: &TestEnv, prefix: &str) {
    let zone = env.spaceone.zone_ids()[0].clone();
    for n in 0..5 {
        env.apply(ncloud_policy(&format!("{prefix}-n-{n}"))).await;
        env.apply(spaceone_policy(&format!("{prefix}-p-{n}"))).await;
        env.apply(network_policy(&format!("{prefix}-w-{n}"), &zone)).await;
    }
}

/// Waits until a group of objects is ready, longer than most tests.
async fn all_ready(env: &TestEnv, prefix: &str) {
    for n in 0..5 {
        for name in [format!("{prefix}-n-{n}"), format!("{prefix}-p-{n}")] {
            is_ready::<Policy>(env, &name).await;
        }
        is_ready::<NetworkPolicy>(env, &format!("{prefix}-w-{n}")).await;
    }
}

async fn is_ready<K: cloud_policy::controller::kinds::managed::Managed + crate::support::test_env::Kind>(
    env: &TestEnv,
    name: &str,
) {
    let probe = || async {
        let object: K = env.api::<K>().get(name).await?;
        let status = crate::support::test_env::common(&object);
        let current = object.meta().generation == Some(status.observed_generation);
        let ready =
            crate::support::test_env::condition(&status, "Ready").is_some_and(|ready| ready.reason == "UpToDate");
        (current && ready).then_some(()).ok_or_else(|| anyhow::anyhow!("{status:?}"))
    };
    wait_for(&format!("{name} to be ready"), PATIENCE, probe).await.unwrap();
}

fn creates(env: &TestEnv) -> usize {
    env.ncloud.journal().effects(Operation::Create) + env.spaceone.journal().effects(Operation::Create)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_survives_api_server_restart_and_compaction() {
    install_crypto();
    let directory = tempfile::tempdir().unwrap();
    let first = block_in_place(|| ControlPlane::start_in(directory.path(), &[])).unwrap();
    let client = first.client().unwrap();
    install_crds(&client, &crds::all()).await.unwrap();
    let mut env = TestEnv::without_operator_on(client, "outage").await;
    env.start(|settings| settings.interval_divisor = 30);
    create_group(&env, "before").await;
    all_ready(&env, "before").await;
    let drifting: Policy = env.get("before-n-0").await;

    // The API server is away in the middle of fifteen creates. Meanwhile another writer changes a policy.
    create_group(&env, "during").await;
    block_in_place(|| drop(first));
    env.ncloud.edit_policy(&upstream_id(&drifting), |policy| policy.description = Some("by hand".to_owned()));
    // Without a watch cache, a watch of a compacted revision fails at once.
    let second = block_in_place(|| ControlPlane::start_in(directory.path(), &["--watch-cache=false"])).unwrap();
    all_ready(&env, "during").await;
    all_ready(&env, "before").await;
    let corrected = || env.ncloud.policy_named("before-n-0").unwrap().description.as_deref() == Some("first");
    env.eventually("the drift to be corrected", corrected).await;

    // Old revisions are compacted while the watches are open, and objects change afterwards.
    second.compact().unwrap();
    create_group(&env, "after").await;
    env.patch::<Policy>("before-p-0", json!({ "spec": { "spaceone": { "name": "Renamed" } } })).await;
    all_ready(&env, "after").await;
    is_ready::<Policy>(&env, "before-p-0").await;
    assert!(env.spaceone.policies().iter().any(|policy| policy.name == "Renamed"));

    assert_eq!(creates(&env), 45, "each object was created once");
    let counts = (env.ncloud.policies().len(), env.spaceone.policies().len(), env.spaceone.network_policies().len());
    assert_eq!(counts, (15, 15, 15));
    env.ncloud.journal().clear();
    env.spaceone.journal().clear();
    env.wait_for_reconciles(45).await;
    assert_eq!(
        (env.ncloud.journal().writes(), env.spaceone.journal().writes()),
        (vec![], vec![]),
        "nothing more is written"
    );
    env.stop().await;
}

/// Lets the API server store any object of the kind `Policy`, as a CRD of another version might.
pub async fn allow_anything(client: &Client) {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let patch = json!([
        { "op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": anything },
        // They name fields that this schema does not describe.
        { "op": "remove", "path": "/spec/versions/0/selectableFields" },
    ]);
    let patch: kube::core::params::Patch<()> = Patch::Json(serde_json::from_value(patch).unwrap());
    definitions.patch("policies.cloudpolicy.dev", &PatchParams::default(), &patch).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undecodable_object_is_counted_and_blocks_no_other() {
    install_crypto();
    let plane = block_in_place(ControlPlane::start).unwrap();
    let client = plane.client().unwrap();
    install_crds(&client, &crds::all()).await.unwrap();
    let mut env = TestEnv::without_operator_on(client.clone(), "poison").await;
    env.start(|_| {});
    env.apply(spaceone_policy("good")).await;
    env.ready::<Policy>("good").await;
    allow_anything(&client).await;
    let undecodable = json!({ "apiVersion": "cloudpolicy.dev/v1alpha1", "kind": "Policy", "metadata": { "name": "poison" }, "spec": { "connectionRef": 7 } });
    let accepted = || async { env.try_apply(undecodable.clone()).await.map(drop).map_err(anyhow::Error::from) };
    wait_for("the object to be accepted", PATIENCE, accepted).await.unwrap();
    env.eventually("the object to be counted", || env.metrics().contains("kind=\"Policy\",reason=\"Unreadable\"} 1"))
        .await;
    env.apply(spaceone_policy("another")).await;
    env.ready::<Policy>("another").await;
    env.patch::<Policy>("good", json!({ "spec": { "spaceone": { "name": "Renamed" } } })).await;
    env.ready::<Policy>("good").await;
    env.apply(spaceone_policy("poison")).await;
    env.ready::<Policy>("poison").await;
    env.stop().await;
}
