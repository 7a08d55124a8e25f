//! Objects that go without their finalizer at unlucky moments: what they leave upstream is reported.

use super::lost_finalizers::{only_triggers, three_ready};
use super::released::lose;
use crate::security::tenants::write_status;
use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_simulator::{Action, Fault, Lag};
use serde_json::json;
use std::time::Duration;

fn orphans(env: &TestEnv, kind: &str) -> bool {
    let sample = format!(r#"cloud_policy_orphans_total{{kind="{kind}",reason="finalizer_removed"}} "#);
    env.metrics().lines().any(|line| line.starts_with(&sample) && !line.ends_with(" 0"))
}

/// Waits until the orphan of an object is reported.
async fn reported(env: &TestEnv, kind: &str, name: &str) {
    env.eventually(&format!("the orphan of the {kind} to be reported"), || orphans(env, kind)).await;
    let events = env.events(name).await;
    assert!(events.iter().any(|(reason, _)| reason == "Orphaned"), "{kind}: {events:?}");
}

/// Creates an object while reads show it late, and takes it away at once.
async fn gone_after_create(kind: &str, grace: Duration, lag: Duration) {
    let env = TestEnv::with("vanished-new", |settings| {
        only_triggers(settings);
        settings.create_grace = grace;
    })
    .await;
    let lag = Lag { reads: lag, lists: lag, deletions: Duration::ZERO };
    env.ncloud.set_options(|options| options.switches.lag = lag);
    env.spaceone.set_options(|switches| switches.lag = lag);
    let count = || env.ncloud.policies().len() + env.spaceone.policies().len() + env.spaceone.network_policies().len();
    match kind {
        "ncloud" => env.apply(ncloud_policy("one")).await,
        "spaceone" => env.apply(spaceone_policy("one")).await,
        _ => env.apply(network_policy("one", &env.spaceone.zone_ids()[0])).await,
    };
    env.eventually("the create", || count() == 1).await;
    if kind == "network" {
        lose::<NetworkPolicy>(&env, "one").await;
    } else {
        lose::<Policy>(&env, "one").await;
    }
    assert_eq!(count(), 1, "{kind}");
    reported(&env, if kind == "network" { "NetworkPolicy" } else { "Policy" }, "one").await;
}

#[tokio::test]
async fn object_gone_right_after_its_create_is_reported() {
    let secs = Duration::from_secs;
    for kind in ["ncloud", "spaceone", "network"] {
        gone_after_create(kind, secs(8), secs(5)).await;
    }
}

#[tokio::test]
async fn object_gone_is_reported_when_reads_lag_past_grace() {
    let secs = Duration::from_secs;
    futures::future::join_all(["ncloud", "spaceone", "network"].map(|kind| gone_after_create(kind, secs(3), secs(7))))
        .await;
}

#[tokio::test]
async fn object_gone_is_reported_when_its_record_is_forged() {
    for change in [json!({ "id": "00000000-0000-0000-0000-000000000000" }), json!({ "key": "x" })] {
        let mut env = TestEnv::with("vanished-forged", only_triggers).await;
        three_ready(&env).await;
        env.stop().await;
        let forged = json!({ "upstream": change });
        write_status::<Policy>(&env, "one", forged.clone()).await;
        write_status::<Policy>(&env, "two", forged.clone()).await;
        write_status::<NetworkPolicy>(&env, "net", forged).await;
        let annotations = json!({ "metadata": { "annotations": { "cloudpolicy.dev/recorded-upstream": null } } });
        for name in ["one", "two"] {
            env.patch::<Policy>(name, annotations.clone()).await;
        }
        env.patch::<NetworkPolicy>("net", annotations).await;
        let hung = Fault::any().before(Action::status(503, "")).forever();
        env.ncloud.faults().add(hung.clone());
        env.spaceone.faults().add(hung);
        // The operator knows the objects, and nothing of what is upstream.
        env.start(only_triggers);
        env.wait_for_reconciles(3).await;
        lose::<Policy>(&env, "one").await;
        lose::<Policy>(&env, "two").await;
        lose::<NetworkPolicy>(&env, "net").await;
        env.ncloud.faults().clear();
        env.spaceone.faults().clear();
        let all = || {
            let two = r#"cloud_policy_orphans_total{kind="Policy",reason="finalizer_removed"} 2"#;
            env.metrics().contains(two) && orphans(&env, "NetworkPolicy")
        };
        env.eventually("all orphans to be reported", all).await;
    }
}

/// The upstream object is gone when its Kubernetes object is released on purpose.
#[tokio::test]
async fn release_tells_that_upstream_object_is_gone() {
    for forced in [false, true] {
        let env = TestEnv::with("vanished-released", only_triggers).await;
        three_ready(&env).await;
        let suspend = json!({ "spec": { "suspend": true } });
        env.patch::<Policy>("one", suspend.clone()).await;
        env.patch::<Policy>("two", suspend.clone()).await;
        env.patch::<NetworkPolicy>("net", suspend).await;
        let id = upstream_id(&env.reason::<Policy>("one", "Suspended").await);
        env.reason::<Policy>("two", "Suspended").await;
        assert!(env.ncloud.remove_policy(&id) && env.spaceone.remove_policy("two"));
        let net = upstream_id(&env.reason::<NetworkPolicy>("net", "Suspended").await);
        assert!(env.spaceone.remove_network_policy(&net));
        let release = if forced {
            json!({ "metadata": { "annotations": { "cloudpolicy.dev/force-orphan": "true" } } })
        } else {
            json!({ "spec": { "deletionPolicy": "Orphan" } })
        };
        for name in ["one", "two"] {
            env.patch::<Policy>(name, release.clone()).await;
            env.delete::<Policy>(name).await;
        }
        env.patch::<NetworkPolicy>("net", release).await;
        env.delete::<NetworkPolicy>("net").await;
        env.gone::<Policy>("one").await;
        env.gone::<Policy>("two").await;
        env.gone::<NetworkPolicy>("net").await;
        for name in ["one", "two", "net"] {
            let events = env.events(name).await;
            let is_told = |(reason, note): &(String, String)| reason == "Orphaned" && note.contains("did not find it");
            assert!(events.iter().any(is_told), "{events:?}");
        }
    }
}
