//! A record that another writer removes from status to name another upstream object: no second one is made, none is left, and
//! the object says how to go back.

use super::lost_finalizers::{only_triggers, three_gone, three_ready};
use super::mended::other_ncloud;
use crate::security::tenants::write_status;
use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::ncloud::{self, Ncloud};
use cloud_policy_simulator::spaceone::{self, Spaceone, StoredNetworkPolicy};
use cloud_policy_simulator::{Action, Fault, Operation};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const RECORDED: &str = "cloudpolicy.dev/recorded-upstream";

/// Three ready objects, and connections to two other accounts.
pub(super) struct Story {
    pub(super) env: TestEnv,
    pub(super) ncloud: Ncloud,
    pub(super) spaceone: Spaceone,
    pub(super) ids: [String; 3],
}

impl Story {
    pub(super) async fn begin(prefix: &str) -> Self {
        let env = TestEnv::with(prefix, only_triggers).await;
        let ncloud = Ncloud::start(ncloud::Options { seed: 7, ..ncloud::Options::default() }).await.unwrap();
        let spaceone = Spaceone::start(spaceone::Options { seed: 7, ..spaceone::Options::default() }).await.unwrap();
        other_ncloud(&env, "ncloud-b", &ncloud).await;
        env.connect_spaceone("spaceone-b", &spaceone.url(), "Rest", &spaceone.domain_id(), &spaceone.token()).await;
        three_ready(&env).await;
        let ids = [
            upstream_id(&env.get::<Policy>("one").await),
            upstream_id(&env.get::<Policy>("two").await),
            upstream_id(&env.get::<NetworkPolicy>("net").await),
        ];
        Self { env, ncloud, spaceone, ids }
    }

    /// Removes the records of all three objects and changes their specs, with the operator running or stopped.
    async fn change(&mut self, running: bool, loss: &Value, changes: &[Value; 3]) {
        if !running {
            self.env.stop().await;
        }
        wipe_and_change::<Policy>(&self.env, "one", loss, &changes[0]).await;
        wipe_and_change::<Policy>(&self.env, "two", loss, &changes[1]).await;
        wipe_and_change::<NetworkPolicy>(&self.env, "net", loss, &changes[2]).await;
        if !running {
            self.env.start(only_triggers);
        }
    }

    /// Asserts that all three objects are ready with the upstream objects of the beginning, and nothing else is upstream.
    pub(super) async fn is_as_before(&self) {
        let env = &self.env;
        assert_eq!(upstream_id(&env.ready::<Policy>("one").await), self.ids[0]);
        assert_eq!(upstream_id(&env.ready::<Policy>("two").await), self.ids[1]);
        assert_eq!(upstream_id(&env.ready::<NetworkPolicy>("net").await), self.ids[2]);
        self.nothing_more();
    }

    /// Asserts that nothing was created after the beginning.
    pub(super) fn nothing_more(&self) {
        assert_eq!(self.env.ncloud.journal().effects(Operation::Create), 1);
        assert_eq!(self.env.spaceone.journal().effects(Operation::Create), 2);
        assert!(self.ncloud.journal().writes().is_empty(), "{:?}", self.ncloud.journal().writes());
        assert!(self.spaceone.journal().writes().is_empty(), "{:?}", self.spaceone.journal().writes());
    }
}

/// Removes the record and changes the spec before the operator puts the record back.
async fn wipe_and_change<K: Managed>(env: &TestEnv, name: &str, loss: &Value, change: &Value) {
    for _ in 0..20 {
        write_status::<K>(env, name, loss.clone()).await;
        if env.api::<K>().patch(name, &PatchParams::default(), &Patch::Merge(change)).await.is_ok() {
            return;
        }
    }
    panic!("the API server refuses {change} although nothing is recorded");
}

/// Waits until the object says so, and returns its message.
pub(super) async fn told<K: Managed>(env: &TestEnv, name: &str, reason: &str, words: &[&str]) {
    let seen: K = env.reason(name, reason).await;
    let message = condition(&common(&seen), "Ready").unwrap().message.clone();
    assert!(words.iter().all(|word| message.contains(word)), "{words:?}: {message}");
}

fn losses() -> [Value; 2] {
    [Value::Null, json!({ "upstream": null, "operation": null })]
}

fn other_connections() -> [Value; 3] {
    ["ncloud-b", "spaceone-b", "spaceone-b"].map(|name| json!({ "spec": { "connectionRef": { "name": name } } }))
}

#[tokio::test]
async fn removed_record_does_not_permit_another_connection() {
    for running in [true, false] {
        for loss in losses() {
            let mut story = Story::begin("removed-connection").await;
            story.change(running, &loss, &other_connections()).await;
            let env = &story.env;
            for (name, id, connection) in
                [("one", &story.ids[0], "Connection ncloud"), ("two", &story.ids[1], "Connection spaceone")]
            {
                let back = format!("Set spec.connectionRef back to {connection}.");
                told::<Policy>(env, name, "AccountChanged", &[id, &back]).await;
            }
            let words = [story.ids[2].as_str(), "Set spec.connectionRef back to Connection spaceone."];
            told::<NetworkPolicy>(env, "net", "AccountChanged", &words).await;
            story.nothing_more();
            let back = |name: &str| json!({ "spec": { "connectionRef": { "name": name } } });
            env.patch::<Policy>("one", back("ncloud")).await;
            env.patch::<Policy>("two", back("spaceone")).await;
            env.patch::<NetworkPolicy>("net", back("spaceone")).await;
            story.is_as_before().await;
        }
    }
}

#[tokio::test]
async fn removed_record_does_not_permit_another_name() {
    for running in [true, false] {
        for recreate in ["Never", "WhenRequired"] {
            let mut story = Story::begin("removed-name").await;
            let changes = [
                json!({ "spec": { "recreatePolicy": recreate, "ncloud": { "policyName": "another" } } }),
                json!({ "spec": { "recreatePolicy": recreate, "spaceone": { "policyId": "another" } } }),
                json!({ "spec": { "recreatePolicy": recreate } }),
            ];
            story.change(running, &Value::Null, &changes).await;
            let env = &story.env;
            let words = [story.ids[0].as_str(), "Set spec.ncloud.policyName back to one."];
            told::<Policy>(env, "one", "InvalidSpec", &words).await;
            told::<Policy>(env, "two", "InvalidSpec", &["Set spec.spaceone.policyId back to two."]).await;
            story.nothing_more();
            env.patch::<Policy>("one", json!({ "spec": { "ncloud": { "policyName": "one" } } })).await;
            env.patch::<Policy>("two", json!({ "spec": { "spaceone": { "policyId": "two" } } })).await;
            story.is_as_before().await;
        }
    }
}

#[tokio::test]
async fn removed_record_does_not_permit_another_external_id() {
    for running in [true, false] {
        let mut story = Story::begin("removed-id").await;
        let foreign = StoredNetworkPolicy { name: "foreign".to_owned(), ..StoredNetworkPolicy::default() };
        let network = story.env.spaceone.add_network_policy(foreign);
        let policy = story
            .env
            .ncloud
            .add_policy(ncloud::NewPolicy { policy_name: "foreign".to_owned(), ..ncloud::NewPolicy::default() });
        let named = |id: &str| json!({ "spec": { "externalId": id, "adoptionPolicy": "Always" } });
        let changes = [named(&policy), json!({ "spec": { "adoptionPolicy": "Always" } }), named(&network)];
        story.change(running, &Value::Null, &changes).await;
        story.is_as_before().await;
        let untouched = story.env.spaceone.network_policies().into_iter().find(|one| one.name == "foreign");
        assert!(untouched.is_some_and(|one| one.tags.is_empty()), "the foreign object is not adopted");
    }
}

#[tokio::test]
async fn deletion_reaches_the_place_of_a_removed_record() {
    let renamed = [
        json!({ "spec": { "ncloud": { "policyName": "another" } } }),
        json!({ "spec": { "spaceone": { "policyId": "another" } } }),
        json!({ "spec": { "spaceone": { "name": "another" } } }),
    ];
    let missing = ["x", "y", "z"].map(|name| json!({ "spec": { "connectionRef": { "name": name } } }));
    for changes in [other_connections(), renamed, missing] {
        for running in [true, false] {
            let mut story = Story::begin("removed-deleted").await;
            if !running {
                story.env.stop().await;
            }
            wipe_and_change::<Policy>(&story.env, "one", &Value::Null, &changes[0]).await;
            wipe_and_change::<Policy>(&story.env, "two", &Value::Null, &changes[1]).await;
            wipe_and_change::<NetworkPolicy>(&story.env, "net", &Value::Null, &changes[2]).await;
            story.env.delete::<Policy>("one").await;
            story.env.delete::<Policy>("two").await;
            story.env.delete::<NetworkPolicy>("net").await;
            if !running {
                story.env.start(only_triggers);
            }
            three_gone(&story.env).await;
            story.nothing_more();
        }
    }
}

#[tokio::test]
async fn object_waits_while_its_former_place_cannot_be_seen() {
    let mut story = Story::begin("removed-unseen").await;
    story.env.ncloud.faults().add(Fault::any().before(Action::status(503, "")).forever());
    story.change(false, &Value::Null, &other_connections()).await;
    told::<Policy>(&story.env, "one", "AccountChanged", &["cannot look there", "back to Connection ncloud"]).await;
    assert!(story.ncloud.journal().writes().is_empty());
    story.env.ncloud.faults().clear();
    story.env.patch::<Policy>("one", json!({ "spec": { "connectionRef": { "name": "ncloud" } } })).await;
    assert_eq!(upstream_id(&story.env.ready::<Policy>("one").await), story.ids[0]);
}

#[tokio::test]
async fn object_goes_on_when_nothing_is_left_at_its_former_place() {
    for running in [true, false] {
        let mut story = Story::begin("removed-gone").await;
        if !running {
            story.env.stop().await;
        }
        assert!(story.env.ncloud.remove_policy(&story.ids[0]));
        wipe_and_change::<Policy>(&story.env, "one", &Value::Null, &other_connections()[0]).await;
        if !running {
            story.env.start(only_triggers);
        }
        let now = story.env.ready::<Policy>("one").await;
        assert_eq!(story.ncloud.policies()[0].policy_id, upstream_id(&now));
        let annotation = &now.metadata.annotations.unwrap()[RECORDED];
        assert!(annotation.contains("ncloud-b") && !annotation.contains("\"id\""), "{annotation}");
    }
}

#[tokio::test]
async fn removed_annotation_is_back_at_once() {
    let story = Story::begin("removed-annotation").await;
    let kept = story.env.get::<Policy>("one").await.metadata.annotations.unwrap()[RECORDED].clone();
    for other in [Value::Null, json!("forged")] {
        let patch = json!({ "metadata": { "annotations": { RECORDED: other } } });
        story.env.patch::<Policy>("one", patch).await;
        story
            .env
            .until("one", "annotated", |policy: &Policy| {
                let now = policy.metadata.annotations.as_ref().and_then(|all| all.get(RECORDED));
                anyhow::ensure!(now == Some(&kept), "{now:?}");
                Ok(())
            })
            .await;
    }
    story.is_as_before().await;
}

#[tokio::test]
async fn vanished_object_is_reported_from_its_former_place() {
    let story = Story::begin("removed-vanished").await;
    let env = &story.env;
    wipe_and_change::<Policy>(env, "one", &Value::Null, &other_connections()[0]).await;
    env.patch::<Policy>("one", json!({ "metadata": { "finalizers": null } })).await;
    env.delete::<Policy>("one").await;
    env.gone::<Policy>("one").await;
    if env.ncloud.policies().is_empty() {
        // The operator was faster and had put the finalizer back.
        return;
    }
    let reported =
        || env.metrics().contains(r#"cloud_policy_orphans_total{kind="Policy",reason="finalizer_removed"} 1"#);
    env.eventually("the orphan to be reported", reported).await;
    let events = env.events("one").await;
    assert!(events.iter().any(|(_, note)| note.contains(&story.ids[0])), "{events:?}");
}

#[tokio::test]
async fn copied_annotation_means_nothing() {
    let env = TestEnv::with("removed-copy", |settings| {
        only_triggers(settings);
        settings.create_grace = Duration::from_millis(100);
    })
    .await;
    env.apply(ncloud_policy("one")).await;
    let one = env.ready::<Policy>("one").await;
    let mut copy = ncloud_policy("copy");
    copy["metadata"]["annotations"] = json!(one.metadata.annotations);
    copy["metadata"]["finalizers"] = json!(one.metadata.finalizers);
    env.apply(copy).await;
    env.ready::<Policy>("copy").await;
    assert_eq!(env.ncloud.policies().len(), 2);
}
