//! Objects that go without their finalizer at unlucky moments: what they leave upstream is reported.

use super::lost_finalizers::{only_triggers, three_ready};
use super::released::{lose, orphaned_note};
use crate::security::tenants::write_status;
use crate::support::test_env::{Kind, TestEnv, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::Settings;
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::{Action, Collection, Decision, Fault, Faults, Lag, Operation};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// Believes reads soon after a write.
fn hasty(settings: &mut Settings) {
    only_triggers(settings);
    settings.create_grace = Duration::from_millis(100);
}

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
        let env = TestEnv::with("vanished-released", hasty).await;
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

/// Releases an object with the annotation that does not wait, and deletes it.
async fn force<K: Managed + Kind>(env: &TestEnv, name: &str) {
    release::<K>(env, name, true).await;
    env.gone::<K>(name).await;
}

/// A forced release does not wait for reads that lag, so that it finds nothing proves nothing.
#[tokio::test]
async fn forced_release_in_lag_does_not_say_that_nothing_is_left() {
    let env = TestEnv::with("vanished-hasty", |settings| {
        only_triggers(settings);
        settings.create_grace = Duration::from_mins(5);
    })
    .await;
    let minutes = Duration::from_mins(10);
    let lag = Lag { reads: minutes, lists: minutes, deletions: Duration::ZERO };
    env.ncloud.set_options(|options| options.switches.lag = lag);
    env.spaceone.set_options(|switches| switches.lag = lag);
    let refused = || Fault::on(Operation::Create).after(Action::status(429, "{}"));
    env.spaceone.faults().add(refused().of(Collection::Policy));
    env.spaceone.faults().add(Fault::on(Operation::Create).of(Collection::NetworkPolicy).after(Action::Reset));
    let count = || [env.ncloud.policies().len(), env.spaceone.policies().len(), env.spaceone.network_policies().len()];
    for object in [ncloud_policy("one"), spaceone_policy("two"), network_policy("net", &env.spaceone.zone_ids()[0])] {
        env.apply(object).await;
    }
    env.eventually("the creates", || count() == [1, 1, 1]).await;
    force::<Policy>(&env, "one").await;
    force::<Policy>(&env, "two").await;
    force::<NetworkPolicy>(&env, "net").await;
    for name in ["one", "two", "net"] {
        let note = orphaned_note(&env, name).await;
        assert!(!note.contains("nothing is left in place") && note.contains("may"), "{name}: {note}");
    }
    assert_eq!(count(), [1, 1, 1]);
}

/// Holds the answers to the first reads of an object until it is removed upstream.
struct Held {
    read: mpsc::UnboundedReceiver<()>,
    removed: Arc<Semaphore>,
}

impl Held {
    fn reads(faults: &Faults, operation: Operation, collection: Collection) -> Self {
        let (sender, read) = mpsc::unbounded_channel();
        let removed = Arc::new(Semaphore::new(0));
        let until = Arc::clone(&removed);
        faults.decide_with(move |request| {
            let is_it = request.operation == operation && request.collection == collection;
            let (sender, until) = (sender.clone(), Arc::clone(&until));
            is_it.then(|| {
                Decision::DelayAnswer(Box::pin(async move {
                    let _ = sender.send(());
                    let _permit = until.acquire().await;
                }))
            })
        });
        Self { read, removed }
    }

    /// Waits until the object was read, removes it, and lets the answers go.
    async fn remove(mut self, remove: impl FnOnce() -> bool) {
        self.read.recv().await.unwrap();
        assert!(remove());
        self.removed.add_permits(1000);
    }
}

/// The upstream object goes between the search of a release and the removal of its owner tag.
#[tokio::test]
async fn release_does_not_say_that_it_untagged_what_is_gone() {
    for forced in [false, true] {
        let env = TestEnv::with("vanished-between", hasty).await;
        three_ready(&env).await;
        let one = upstream_id(&env.get::<Policy>("one").await);
        let net = upstream_id(&env.get::<NetworkPolicy>("net").await);
        let held = Held::reads(env.ncloud.faults(), Operation::TagsGet, Collection::Policy);
        release::<Policy>(&env, "one", forced).await;
        held.remove(|| env.ncloud.remove_policy(&one)).await;
        let held = Held::reads(env.spaceone.faults(), Operation::Get, Collection::Policy);
        release::<Policy>(&env, "two", forced).await;
        held.remove(|| env.spaceone.remove_policy("two")).await;
        let held = Held::reads(env.spaceone.faults(), Operation::Get, Collection::NetworkPolicy);
        release::<NetworkPolicy>(&env, "net", forced).await;
        held.remove(|| env.spaceone.remove_network_policy(&net)).await;
        for name in ["one", "two", "net"] {
            let note = orphaned_note(&env, name).await;
            assert!(!note.contains("can adopt it") && note.contains("nothing is left in place"), "{name}: {note}");
        }
    }
}

async fn release<K: Managed + Kind>(env: &TestEnv, name: &str, forced: bool) {
    let release = if forced {
        json!({ "metadata": { "annotations": { "cloudpolicy.dev/force-orphan": "true" } } })
    } else {
        json!({ "spec": { "deletionPolicy": "Orphan" } })
    };
    env.patch::<K>(name, release).await;
    env.delete::<K>(name).await;
}

/// A release that waits for the upstream, whose object goes without its finalizer: the owner tag stays.
#[tokio::test]
async fn object_gone_in_its_release_is_reported_when_its_tag_stays() {
    let env = TestEnv::with("vanished-release", only_triggers).await;
    three_ready(&env).await;
    let busy = |operation| Fault::on(operation).before(Action::status(503, "{}")).forever();
    env.ncloud.faults().add(busy(Operation::TagsRemove));
    env.spaceone.faults().add(busy(Operation::Update));
    let release = json!({ "spec": { "deletionPolicy": "Orphan" } });
    for name in ["one", "two"] {
        env.patch::<Policy>(name, release.clone()).await;
        env.delete::<Policy>(name).await;
    }
    env.patch::<NetworkPolicy>("net", release).await;
    env.delete::<NetworkPolicy>("net").await;
    let tried =
        || env.ncloud.journal().count(Operation::TagsRemove) > 0 && env.spaceone.journal().count(Operation::Update) > 1;
    env.eventually("the removals of the owner tags", tried).await;
    lose::<Policy>(&env, "one").await;
    lose::<Policy>(&env, "two").await;
    lose::<NetworkPolicy>(&env, "net").await;
    let all = || {
        let two = r#"cloud_policy_orphans_total{kind="Policy",reason="finalizer_removed"} 2"#;
        env.metrics().contains(two) && orphans(&env, "NetworkPolicy")
    };
    env.eventually("all orphans to be reported", all).await;
}
