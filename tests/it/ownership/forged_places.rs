//! Places that a user forges in the annotation or in status while the operator is stopped: a deletion leaves nothing, and
//! a living object keeps its record.

use super::lost_finalizers::{only_triggers, three_gone};
use super::removed_records::{RECORDED, Story, told};
use crate::deletion::from_status::blocked;
use crate::security::tenants::write_status;
use crate::support::test_env::{Kind, TestEnv, common, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::ncloud;
use cloud_policy_simulator::spaceone::{StoredNetworkPolicy, StoredPolicy};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use std::time::Duration;

/// Where a user writes another place.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Forged {
    Annotation,
    Status,
    Both,
}

/// Changes these fields of the recorded place of an object.
async fn forge<K: Managed + Kind>(env: &TestEnv, name: &str, forged: Forged, change: &Value) {
    if forged != Forged::Annotation {
        write_status::<K>(env, name, json!({ "upstream": change })).await;
    }
    if forged != Forged::Status {
        let mut place: Value = serde_json::from_str(&annotation(&env.get::<K>(name).await)).unwrap();
        for (field, value) in change.as_object().unwrap() {
            place[field] = value.clone();
        }
        let annotations = json!({ RECORDED: place.to_string() });
        env.patch::<K>(name, json!({ "metadata": { "annotations": annotations } })).await;
    }
}

fn annotation<K: Kind>(object: &K) -> String {
    object.annotations().get(RECORDED).cloned().unwrap_or_default()
}

/// Returns whether the annotation names this connection and name.
fn names<K: Kind>(object: &K, connection: &str, key: &str) -> bool {
    let place: Value = serde_json::from_str(&annotation(object)).unwrap_or_default();
    place["connection"]["name"] == connection && place["key"] == key
}

fn connection(name: &str) -> Value {
    json!({ "connection": { "kind": "Connection", "name": name } })
}

impl Story {
    /// Returns other places of the objects `one`, `two` and `net`: connections that exist, and a name.
    fn other_places(&self) -> [[Value; 3]; 2] {
        let place = |name: &str, url: String, account: Value| json!({ "connection": { "kind": "Connection", "name": name }, "endpoint": url, "account": account });
        let ncloud = place("ncloud-b", self.ncloud.url(), Value::Null);
        let spaceone = place("spaceone-b", self.spaceone.url(), json!(self.spaceone.domain_id()));
        let name = json!({ "key": "another" });
        [[ncloud, spaceone.clone(), spaceone], [name.clone(), name.clone(), name]]
    }
}

async fn forge_three(story: &Story, forged: Forged, changes: &[Value; 3]) {
    forge::<Policy>(&story.env, "one", forged, &changes[0]).await;
    forge::<Policy>(&story.env, "two", forged, &changes[1]).await;
    forge::<NetworkPolicy>(&story.env, "net", forged, &changes[2]).await;
}

#[tokio::test]
async fn deletion_leaves_nothing_when_place_is_forged() {
    for forged in [Forged::Annotation, Forged::Status, Forged::Both] {
        for which in [0, 1] {
            let mut story = Story::begin("forged-deleted").await;
            let changes = &story.other_places()[which];
            story.env.stop().await;
            forge_three(&story, forged, changes).await;
            story.env.delete::<Policy>("one").await;
            story.env.delete::<Policy>("two").await;
            story.env.delete::<NetworkPolicy>("net").await;
            story.env.start(only_triggers);
            three_gone(&story.env).await;
            story.nothing_more();
        }
    }
}

#[tokio::test]
async fn release_reaches_the_object_when_place_is_forged() {
    let mut story = Story::begin("forged-released").await;
    story.env.stop().await;
    forge_three(&story, Forged::Annotation, &story.other_places()[0]).await;
    let orphan = json!({ "spec": { "deletionPolicy": "Orphan" } });
    for name in ["one", "two"] {
        story.env.patch::<Policy>(name, orphan.clone()).await;
        story.env.delete::<Policy>(name).await;
    }
    story.env.patch::<NetworkPolicy>("net", orphan).await;
    story.env.delete::<NetworkPolicy>("net").await;
    story.env.start(only_triggers);
    story.env.gone::<Policy>("one").await;
    story.env.gone::<Policy>("two").await;
    story.env.gone::<NetworkPolicy>("net").await;
    assert!(story.env.ncloud.policies()[0].tags.is_empty(), "{:?}", story.env.ncloud.policies());
    let owned = |tags: &serde_json::Map<String, Value>| tags.contains_key("cloudpolicy_owner");
    assert!(!owned(&story.env.spaceone.policies()[0].tags) && !owned(&story.env.spaceone.network_policies()[0].tags));
}

#[tokio::test]
async fn living_object_keeps_its_record_when_place_is_forged() {
    for forged in [Forged::Annotation, Forged::Status, Forged::Both] {
        for which in [0, 1] {
            let mut story = Story::begin("forged-living").await;
            let changes = &story.other_places()[which];
            story.env.stop().await;
            forge_three(&story, forged, changes).await;
            story.env.start(only_triggers);
            let seen = story.env.until("one", "annotated", |one: &Policy| {
                let upstream = common(one).upstream;
                anyhow::ensure!(names(one, "ncloud", "one"), "{}", annotation(one));
                anyhow::ensure!(upstream.is_some_and(|now| now.key == "one" && now.connection.name == "ncloud"));
                Ok(())
            });
            assert_eq!(upstream_id(&seen.await), story.ids[0]);
            for name in ["one", "two"] {
                story.env.reconcile_now::<Policy>(name).await;
            }
            story.env.reconcile_now::<NetworkPolicy>("net").await;
            story.is_as_before().await;
        }
    }
}

#[tokio::test]
async fn object_says_how_to_go_on_when_forged_place_is_unseen() {
    let mut story = Story::begin("forged-unseen").await;
    story.env.stop().await;
    let missing = ["x", "y", "z"].map(connection);
    forge_three(&story, Forged::Annotation, &missing).await;
    story.env.start(only_triggers);
    let env = &story.env;
    let words = ["cloudpolicy.dev/recorded-upstream", "Connection x", "cloudpolicy.dev/release-upstream="];
    told::<Policy>(env, "one", "AccountChanged", &words).await;
    told::<Policy>(env, "two", "AccountChanged", &["Connection y"]).await;
    told::<NetworkPolicy>(env, "net", "AccountChanged", &["Connection z"]).await;
    assert_eq!(upstream_id(&env.get::<Policy>("one").await), story.ids[0], "the record in status stays");
    give_up::<Policy>(env, "one").await;
    give_up::<Policy>(env, "two").await;
    give_up::<NetworkPolicy>(env, "net").await;
    story.is_as_before().await;
    assert!(names(&env.get::<Policy>("one").await, "ncloud", "one"));
}

/// Gives up the place that the message names.
async fn give_up<K: Managed + Kind>(env: &TestEnv, name: &str) {
    let seen: K = env.reason(name, "AccountChanged").await;
    let message = crate::support::test_env::condition(&common(&seen), "Ready").unwrap().message.clone();
    let (_, rest) = message.split_once("cloudpolicy.dev/release-upstream=").unwrap();
    let place = rest.split_whitespace().next().unwrap().trim_end_matches([':', '.', ',']);
    let annotations = json!({ "cloudpolicy.dev/release-upstream": place });
    env.patch::<K>(name, json!({ "metadata": { "annotations": annotations } })).await;
}

#[tokio::test]
async fn deletion_says_how_to_go_on_when_forged_place_is_unseen() {
    let mut story = Story::begin("forged-blocked").await;
    story.env.stop().await;
    forge::<Policy>(&story.env, "one", Forged::Annotation, &connection("x")).await;
    // The endpoint is not that to which this connection leads.
    forge::<Policy>(&story.env, "two", Forged::Annotation, &connection("spaceone-b")).await;
    story.env.delete::<Policy>("one").await;
    story.env.delete::<Policy>("two").await;
    story.env.start(only_triggers);
    let env = &story.env;
    for (name, reason) in [("one", "ConnectionNotFound"), ("two", "AccountChanged")] {
        let message = blocked::<Policy>(env, name, reason).await;
        assert!(message.contains(RECORDED) && message.contains("force-orphan=true"), "{message}");
        let release = json!({ "metadata": { "annotations": { "cloudpolicy.dev/force-orphan": "true" } } });
        let left = || if name == "one" { env.ncloud.policies().len() } else { env.spaceone.policies().len() };
        env.eventually("the recorded object to be deleted", || left() == 0).await;
        env.patch::<Policy>(name, release).await;
        env.gone::<Policy>(name).await;
    }
}

impl Story {
    /// Makes a copy of each upstream object, with its owner tag, in the other account, and forges its place: the operator
    /// takes it for the object. Nothing else tells where the objects are, and the connections of the specs are unusable.
    async fn with_decoys(prefix: &str) -> Self {
        let mut story = Self::begin(prefix).await;
        story.env.stop().await;
        let real = story.env.ncloud.policies()[0].clone();
        story.ncloud.add_policy(ncloud::NewPolicy {
            policy_name: real.policy_name,
            description: real.description,
            permissions: real.permissions,
            tags: real.tags,
        });
        let policy = story.env.spaceone.policies()[0].clone();
        story.spaceone.add_policy(StoredPolicy { domain_id: String::new(), ..policy });
        let network = story.env.spaceone.network_policies()[0].clone();
        let (domain_id, zone_id) = (String::new(), String::new());
        story.spaceone.add_network_policy(StoredNetworkPolicy { domain_id, zone_id, ..network });
        forge_three(&story, Forged::Annotation, &story.other_places()[0]).await;
        write_status::<Policy>(&story.env, "one", Value::Null).await;
        write_status::<Policy>(&story.env, "two", Value::Null).await;
        write_status::<NetworkPolicy>(&story.env, "net", Value::Null).await;
        for name in ["ncloud", "spaceone"] {
            story.env.api::<Secret>().delete(name, &DeleteParams::default()).await.unwrap();
        }
        story
    }

    async fn delete_three(&self) {
        self.env.delete::<Policy>("one").await;
        self.env.delete::<Policy>("two").await;
        self.env.delete::<NetworkPolicy>("net").await;
    }

    /// Returns how many objects with an owner tag the other accounts hold.
    fn decoys(&self) -> usize {
        let ncloud = self.ncloud.policies().into_iter().filter(|policy| !policy.tags.is_empty()).count();
        let owned = |tags: &serde_json::Map<String, Value>| tags.contains_key("cloudpolicy_owner");
        let policies = self.spaceone.policies().into_iter().filter(|policy| owned(&policy.tags)).count();
        ncloud + policies + self.spaceone.network_policies().into_iter().filter(|one| owned(&one.tags)).count()
    }
}

#[tokio::test]
async fn decoy_does_not_end_the_search_when_spec_is_unseen() {
    let mut story = Story::with_decoys("forged-decoy").await;
    story.delete_three().await;
    story.env.start(|settings| {
        only_triggers(settings);
        // The connections are checked often enough to see the Secrets again.
        settings.connection_interval = Duration::from_secs(2);
    });
    let env = &story.env;
    env.eventually("the decoys to be deleted", || story.decoys() == 0).await;
    for (name, message) in [
        ("one", blocked::<Policy>(env, "one", "ConnectionNotReady").await),
        ("two", blocked::<Policy>(env, "two", "ConnectionNotReady").await),
        ("net", blocked::<NetworkPolicy>(env, "net", "ConnectionNotReady").await),
    ] {
        assert!(message.contains("may be there, too") && message.contains("force-orphan=true"), "{name}: {message}");
    }
    assert_eq!((env.ncloud.policies().len(), env.spaceone.policies().len()), (1, 1));
    env.connect_ncloud("ncloud").await;
    let (url, domain) = (env.spaceone.url(), env.spaceone.domain_id());
    env.connect_spaceone("spaceone", &url, "Rest", &domain, &env.spaceone.token()).await;
    three_gone(&story.env).await;
}

#[tokio::test]
async fn release_of_a_decoy_tells_that_the_spec_is_unseen() {
    let mut story = Story::with_decoys("forged-freed").await;
    let orphan = json!({ "spec": { "deletionPolicy": "Orphan" } });
    for name in ["one", "two"] {
        story.env.patch::<Policy>(name, orphan.clone()).await;
    }
    story.env.patch::<NetworkPolicy>("net", orphan).await;
    story.delete_three().await;
    story.env.start(only_triggers);
    story.env.gone::<Policy>("one").await;
    story.env.gone::<Policy>("two").await;
    story.env.gone::<NetworkPolicy>("net").await;
    assert_eq!(story.decoys(), 0);
    for name in ["one", "two", "net"] {
        let events = story.env.events(name).await;
        let told = |note: &str| note.contains("removed its owner tag") && note.contains("may keep its owner tag");
        assert!(events.iter().any(|(reason, note)| reason == "Orphaned" && told(note)), "{events:?}");
    }
}
