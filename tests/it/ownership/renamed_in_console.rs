//! A NAVER Cloud policy that is renamed in the console, and whose record in status is lost, while the operator is stopped:
//! only its owner tag leads to it.

use super::adoption::by_hand;
use super::lost_finalizers::only_triggers;
use super::mended::other_ncloud;
use super::released::{lose, orphaned_note};
use super::removed_records::RECORDED;
use crate::security::tenants::write_status;
use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, upstream_id};
use cloud_policy::api::{FINALIZER, Policy};
use cloud_policy_simulator::ncloud::{self, Ncloud};
use cloud_policy_simulator::{Action, Fault, Matching, Operation};
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

/// How status loses the record of the renamed policy.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// Another writer wipes status.
    Wiped,
    /// A backup of status names a former policy.
    Older,
}

const LOSSES: [Loss; 2] = [Loss::Wiped, Loss::Older];

async fn wipe(env: &TestEnv, name: &str) {
    let wiped = Patch::Merge(json!({ "status": null }));
    env.api::<Policy>().patch_status(name, &PatchParams::default(), &wiped).await.unwrap();
}

/// Renames a policy in the console, and takes its record away.
async fn rename(env: &TestEnv, name: &str, id: &str, loss: Loss) {
    assert!(env.ncloud.edit_policy(id, |policy| "renamed".clone_into(&mut policy.policy_name)));
    match loss {
        Loss::Wiped => wipe(env, name).await,
        Loss::Older => {
            let older = json!({ "upstream": { "id": "00000000-0000-0000-0000-000000000000" } });
            write_status::<Policy>(env, name, older).await;
        }
    }
}

/// A ready policy that is renamed and whose record is lost while the operator is stopped.
async fn renamed(prefix: &str, drift_policy: &str, loss: Loss) -> (TestEnv, String) {
    let mut env = TestEnv::with(prefix, only_triggers).await;
    let mut object = ncloud_policy("one");
    object["spec"]["driftPolicy"] = json!(drift_policy);
    env.apply(object).await;
    env.apply(ncloud_policy("other")).await;
    let id = upstream_id(&env.ready::<Policy>("one").await);
    env.ready::<Policy>("other").await;
    env.stop().await;
    rename(&env, "one", &id, loss).await;
    (env, id)
}

/// Returns how many policies have an owner tag.
fn tagged(env: &TestEnv) -> usize {
    env.ncloud.policies().iter().filter(|policy| policy.tags.contains_key("cloudpolicy-owner")).count()
}

#[tokio::test]
async fn renamed_policy_gets_no_copy_when_status_is_lost() {
    for (drift_policy, loss) in [("Report", Loss::Wiped), ("Correct", Loss::Wiped), ("Correct", Loss::Older)] {
        let (mut env, id) = renamed("renamed-lost", drift_policy, loss).await;
        env.start(only_triggers);
        let told = env.reason::<Policy>("one", "RecreateRequired").await;
        assert_eq!(upstream_id(&told), id);
        let message = condition(&common(&told), "Ready").unwrap().message.clone();
        assert!(message.contains("policyName"), "{message}");
        let events = env.events("one").await;
        assert!(events.iter().any(|(reason, note)| reason == "Recovered" && note.contains(&id)), "{events:?}");
        assert_eq!((env.ncloud.policies().len(), env.ncloud.journal().effects(Operation::Create)), (2, 2), "copy");
    }
}

/// What status tells is about the policy that was found, also if it is only reported.
#[tokio::test]
async fn renamed_policy_is_recorded_when_drift_is_reported() {
    let (mut env, id) = renamed("renamed-reported", "Report", Loss::Older).await;
    env.start(only_triggers);
    let told = env.reason::<Policy>("one", "DriftReported").await;
    assert_eq!(upstream_id(&told), id);
    assert_eq!(env.ncloud.policies().len(), 2, "copy");
}

#[tokio::test]
async fn deletion_finds_renamed_policy_when_status_is_lost() {
    for loss in LOSSES {
        let (mut env, _) = renamed("renamed-deleted", "Report", loss).await;
        env.delete::<Policy>("one").await;
        env.start(only_triggers);
        env.gone::<Policy>("one").await;
        assert_eq!(env.ncloud.policies().len(), 1, "leak after {loss:?}");
    }
}

/// Another writer creates a policy of the former name.
#[tokio::test]
async fn deletion_finds_renamed_policy_when_its_name_is_taken() {
    for loss in LOSSES {
        let (mut env, _) = renamed("renamed-taken", "Report", loss).await;
        let foreign = by_hand(&env, "one", None);
        env.delete::<Policy>("one").await;
        env.start(only_triggers);
        env.gone::<Policy>("one").await;
        let left = env.ncloud.policies();
        assert!(left.iter().any(|policy| policy.policy_id == foreign), "{left:?}");
        assert_eq!(left.len(), 2, "leak after {loss:?}");
    }
}

/// The same, and the object may adopt what has its name.
#[tokio::test]
async fn renamed_policy_comes_before_the_adoption_of_its_name() {
    for loss in LOSSES {
        let (mut env, id) = renamed("renamed-adopted", "Correct", loss).await;
        let foreign = by_hand(&env, "one", None);
        env.patch::<Policy>("one", json!({ "spec": { "adoptionPolicy": "Always" } })).await;
        env.start(only_triggers);
        let told = env.reason::<Policy>("one", "RecreateRequired").await;
        assert_eq!(upstream_id(&told), id);
        let taken = env.ncloud.policies().into_iter().find(|policy| policy.policy_id == foreign).unwrap();
        assert!(taken.tags.is_empty(), "two policies with one owner after {loss:?}");
    }
}

/// Two policies swap their names.
#[tokio::test]
async fn deletion_leaves_nothing_when_two_policies_swap_names() {
    let mut env = TestEnv::with("renamed-swapped", only_triggers).await;
    env.apply(ncloud_policy("one")).await;
    env.apply(ncloud_policy("two")).await;
    let one = upstream_id(&env.ready::<Policy>("one").await);
    let two = upstream_id(&env.ready::<Policy>("two").await);
    env.stop().await;
    for (id, name) in [(&one, "x"), (&two, "one"), (&one, "two")] {
        assert!(env.ncloud.edit_policy(id, |policy| name.clone_into(&mut policy.policy_name)));
    }
    for name in ["one", "two"] {
        wipe(&env, name).await;
    }
    env.start(only_triggers);
    env.wait_for_reconciles(2).await;
    env.delete::<Policy>("one").await;
    env.gone::<Policy>("one").await;
    env.delete::<Policy>("two").await;
    env.gone::<Policy>("two").await;
    assert_eq!(env.ncloud.policies().len(), 0, "leak");
}

#[tokio::test]
async fn release_untags_renamed_policy_when_its_name_is_taken() {
    let (mut env, id) = renamed("renamed-released", "Report", Loss::Wiped).await;
    by_hand(&env, "one", None);
    env.patch::<Policy>("one", json!({ "spec": { "deletionPolicy": "Orphan" } })).await;
    env.delete::<Policy>("one").await;
    env.start(only_triggers);
    let note = orphaned_note(&env, "one").await;
    assert_eq!(tagged(&env), 1, "{note}");
    assert!(note.contains(&id), "{note}");
}

/// The spec names another connection, too.
#[tokio::test]
async fn renamed_policy_holds_a_spec_that_names_another_account() {
    let (mut env, id) = renamed("renamed-moved", "Report", Loss::Wiped).await;
    let other = Ncloud::start(ncloud::Options { seed: 7, ..ncloud::Options::default() }).await.unwrap();
    other_ncloud(&env, "ncloud-b", &other).await;
    let changed = json!({ "spec": { "connectionRef": { "name": "ncloud-b" } } });
    env.patch::<Policy>("one", changed).await;
    env.start(only_triggers);
    let told = env.reason::<Policy>("one", "AccountChanged").await;
    let message = condition(&common(&told), "Ready").unwrap().message.clone();
    assert!(message.contains(&id), "{message}");
    assert!(other.policies().is_empty(), "a second policy");
    env.delete::<Policy>("one").await;
    env.gone::<Policy>("one").await;
    assert_eq!(env.ncloud.policies().len(), 1, "leak");
}

/// A user edits the annotation as well: a deletion searches both places for the owner tag.
#[tokio::test]
async fn deletion_finds_renamed_policy_when_its_place_is_forged() {
    let (mut env, _) = renamed("renamed-forged", "Report", Loss::Wiped).await;
    let other = Ncloud::start(ncloud::Options { seed: 7, ..ncloud::Options::default() }).await.unwrap();
    other_ncloud(&env, "ncloud-b", &other).await;
    let object = env.get::<Policy>("one").await;
    let mut place: Value = serde_json::from_str(&object.annotations()[RECORDED]).unwrap();
    place["connection"]["name"] = json!("ncloud-b");
    place["endpoint"] = json!(other.url());
    place["account"] = Value::Null;
    env.patch::<Policy>("one", json!({ "metadata": { "annotations": { RECORDED: place.to_string() } } })).await;
    env.delete::<Policy>("one").await;
    env.start(only_triggers);
    env.gone::<Policy>("one").await;
    assert_eq!(env.ncloud.policies().len(), 1, "leak");
}

/// The object goes without its finalizer before the operator has found the renamed policy.
#[tokio::test]
async fn renamed_policy_of_an_object_that_went_is_reported() {
    for loss in LOSSES {
        let (mut env, id) = renamed("renamed-vanished", "Report", loss).await;
        let hung = Fault::any().before(Action::status(503, "")).forever();
        env.ncloud.faults().add(hung);
        env.start(only_triggers);
        env.wait_for_reconciles(2).await;
        lose::<Policy>(&env, "one").await;
        env.ncloud.faults().clear();
        let sample = r#"cloud_policy_orphans_total{kind="Policy",reason="finalizer_removed"} 1"#;
        env.eventually("the orphan to be reported", || env.metrics().contains(sample)).await;
        let events = env.events("one").await;
        let is_told = |(reason, note): &(String, String)| reason == "Orphaned" && note.contains(&id);
        assert!(events.iter().any(is_told), "{loss:?}: {events:?}");
    }
}

/// The account does not show the tags of two other policies to a process that has seen no tags yet.
#[tokio::test]
async fn renamed_policy_is_found_when_tags_of_others_are_refused() {
    let mut env = TestEnv::with("renamed-refused", only_triggers).await;
    let mut others = vec![by_hand(&env, "a-first", None)];
    env.apply(ncloud_policy("one")).await;
    let id = upstream_id(&env.ready::<Policy>("one").await);
    others.push(by_hand(&env, "z-last", None));
    env.stop().await;
    rename(&env, "one", &id, Loss::Wiped).await;
    let matching = Matching {
        operation: Some(Operation::TagsGet),
        path: Some(others.join("|").parse().unwrap()),
        ..Matching::default()
    };
    env.ncloud.faults().add(Fault::matching(matching).before(Action::status(400, "{}")).forever());
    env.start(only_triggers);
    env.until("one", "found, or unable to tell", |object: &Policy| {
        let told = condition(&common(object), "Ready").map(|ready| ready.reason.clone()).unwrap_or_default();
        anyhow::ensure!(["RecreateRequired", "UpstreamUnavailable"].contains(&told.as_str()), "{told}");
        Ok(())
    })
    .await;
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 1, "copy");
}

/// Objects whose manifests have the finalizer already look as if they had lost their record: what each costs is bounded.
#[tokio::test]
async fn objects_with_a_finalizer_in_their_manifest_share_the_search() {
    let env = TestEnv::with("renamed-cost", only_triggers).await;
    for n in 0..40 {
        by_hand(&env, &format!("other-{n}"), None);
    }
    for n in 0..20 {
        let mut object = ncloud_policy(&format!("new-{n}"));
        object["metadata"]["finalizers"] = json!([FINALIZER]);
        env.apply(object).await;
    }
    for n in 0..20 {
        env.ready::<Policy>(&format!("new-{n}")).await;
    }
    let reads = env.ncloud.journal().count(Operation::TagsGet);
    assert!(reads <= 40 + 20 * 10, "{reads} reads of tags");
}
