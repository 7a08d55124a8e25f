//! Objects as large as the API server stores, and many of them, against the binary with the memory of the chart.

use super::hostile_objects::{post, text};
use super::many_objects::memory;
use crate::support;
use crate::support::connection_helpers::connection_is;
use crate::support::test_env::{TestEnv, network_policy, spaceone_policy};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_testbed::{Child, Launch, wait_for};
use futures::{StreamExt, stream};
use kube::Resource;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// The memory limit of the chart, in KiB.
const LIMIT: u32 = 256 * 1024;

/// Starts the binary with its heap limited: an allocation above the limit ends the process.
pub(super) async fn launch(env: &TestEnv, directory: &Path) -> Child {
    let namespace = env.namespace();
    let script = format!("ulimit -d {LIMIT} && exec \"$0\" \"$@\"");
    Launch::new("operator", "sh", directory)
        .args(["-c", &script, env!("CARGO_BIN_EXE_cloud-policy"), "run"])
        .args(["--leader-elect=false", "--listen=127.0.0.1:0", "--cluster-id=here", "--allow-http"])
        .args(["--allow-private-addresses", "--allowed-hosts=127.0.0.1", "--object-memory-mib=16"])
        .args([format!("--namespace={namespace}"), format!("--watch-namespaces={namespace}")])
        .env("KUBECONFIG", support::control_plane().await.kubeconfig())
        .spawn()
        .unwrap()
}

/// Returns an object that uses no connection, with this value in a free-form field.
fn fat(name: &str, zone: &str, field: &str, value: &Value) -> Value {
    let mut object = network_policy(name, zone);
    object["spec"]["connectionRef"]["name"] = json!("none");
    object["spec"]["spaceone"][field] = json!({ "k": value });
    object
}

/// Returns objects of 1.3 MB, and many that are just small enough to be read whole.
fn crowd(zone: &str) -> Vec<(String, String)> {
    let numbers = |count: usize| json!(vec![0; count]);
    let mut objects = Vec::new();
    for n in 0..6 {
        objects.push(("networkpolicies", fat(&format!("numbers-{n}"), zone, "data", &numbers(640_000))));
        objects.push(("networkpolicies", fat(&format!("maps-{n}"), zone, "tags", &json!(vec![json!({}); 420_000]))));
        let mut policy = spaceone_policy(&format!("strings-{n}"));
        policy["spec"]["connectionRef"]["name"] = json!("none");
        policy["spec"]["spaceone"]["tags"] = json!({ "k": vec!["a"; 320_000] });
        objects.push(("policies", policy));
    }
    for n in 0..14 {
        objects.push(("networkpolicies", fat(&format!("text-{n}"), zone, "data", &json!("x".repeat(1_200_000)))));
    }
    for n in 0..40 {
        objects.push(("networkpolicies", fat(&format!("below-{n}"), zone, "data", &numbers(3_700))));
    }
    objects.into_iter().map(|(plural, object)| (plural.to_owned(), object.to_string())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fat_objects_fit_into_memory_and_delay_no_other() {
    let env = TestEnv::without_operator("fat").await;
    let zone = env.spaceone.zone_ids()[0].clone();
    let all =
        stream::iter(crowd(&zone)).map(async |(plural, object)| post(&env, &plural, &object).await.map(drop).unwrap());
    all.buffer_unordered(8).for_each(|()| async {}).await;
    let directory = tempfile::tempdir().unwrap();
    for start in 0..2 {
        let operator = launch(&env, directory.path()).await;
        let name = format!("other-{start}");
        env.apply(network_policy(&name, &zone)).await;
        env.ready::<NetworkPolicy>(&name).await;
        connection_is(&env, "spaceone", "Authenticated").await;
        for (plural, name, field) in [
            ("networkpolicies", "numbers-1", "spec.spaceone.data"),
            ("networkpolicies", "maps-1", "spec.spaceone.tags"),
            ("policies", "strings-1", "spec.spaceone.tags"),
        ] {
            wait_for("the refusal", Duration::from_mins(3), || async {
                let seen = text(&env, plural, name).await?;
                let status = seen.rsplit("\"status\"").next().unwrap_or_default();
                let refused = seen.contains("\"InvalidSpec\"")
                    && seen.contains(&format!("larger than the operator reads: {field}"));
                refused.then_some(()).ok_or_else(|| anyhow::anyhow!("{status:.300}\n{}", operator.log_tail()))
            })
            .await
            .unwrap();
        }
        println!("start {start}{}", memory(&operator));
    }
    let _operator = launch(&env, directory.path()).await;
    env.delete::<NetworkPolicy>("numbers-0").await;
    env.gone::<NetworkPolicy>("numbers-0").await;
    assert_eq!(env.get::<Policy>("strings-0").await.meta().deletion_timestamp, None);
    assert_eq!(env.spaceone.network_policies().len(), 2);
}
