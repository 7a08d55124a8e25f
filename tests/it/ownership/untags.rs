//! Releases whose removal of the owner tag the upstream accepts without an effect, or refuses although it takes effect.

use super::lost_finalizers::{only_triggers, three_ready};
use super::released::{orphaned_note, owner_tags};
use crate::support::test_env::TestEnv;
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_simulator::{Action, Collection, Fault, Operation};
use serde_json::json;

/// Has both upstreams accept updates `times` times without an effect.
fn ignore_updates(env: &TestEnv, times: u32) {
    env.ncloud.faults().add(Fault::on(Operation::TagsRemove).before(Action::status(200, "{}")).times(times));
    let policy = serde_json::to_string(&env.spaceone.policies()[0]).unwrap();
    let network = serde_json::to_string(&env.spaceone.network_policies()[0]).unwrap();
    for (collection, body) in [(Collection::Policy, policy), (Collection::NetworkPolicy, network)] {
        let ignored = Fault::on(Operation::Update).of(collection).before(Action::status(200, body));
        env.spaceone.faults().add(ignored.times(times));
    }
}

#[tokio::test]
async fn event_says_that_owner_tag_stays_when_untag_has_no_effect() {
    for (prefix, forced) in [("untag-none", false), ("untag-forced", true)] {
        let env = TestEnv::with(prefix, only_triggers).await;
        three_ready(&env).await;
        ignore_updates(&env, 100);
        release_three(&env, forced).await;
        for name in ["one", "two", "net"] {
            let note = orphaned_note(&env, name).await;
            assert!(note.contains("Its owner tag stays: ") && !note.contains("The operator removed"), "{note}");
        }
        assert_eq!(owner_tags(&env).len(), 3);
    }
}

#[tokio::test]
async fn owner_tag_is_removed_again_when_untag_had_no_effect() {
    let env = TestEnv::with("untag-again", only_triggers).await;
    three_ready(&env).await;
    ignore_updates(&env, 1);
    release_three(&env, false).await;
    for name in ["one", "two", "net"] {
        let note = orphaned_note(&env, name).await;
        assert!(note.contains("The operator removed its owner tag"), "{note}");
    }
    assert_eq!(owner_tags(&env), Vec::<String>::new());
}

#[tokio::test]
async fn event_says_that_owner_tag_went_when_untag_is_refused() {
    for (prefix, forced, code) in [("untag-400", false, 400), ("untag-403", true, 403), ("untag-504", true, 504)] {
        let env = TestEnv::with(prefix, only_triggers).await;
        three_ready(&env).await;
        let refused = |operation| Fault::on(operation).after(Action::status(code, "{}"));
        env.ncloud.faults().add(refused(Operation::TagsRemove));
        env.spaceone.faults().add(refused(Operation::Update).of(Collection::Policy));
        env.spaceone.faults().add(refused(Operation::Update).of(Collection::NetworkPolicy));
        release_three(&env, forced).await;
        for name in ["one", "two", "net"] {
            let note = orphaned_note(&env, name).await;
            assert!(note.contains("The operator removed its owner tag") && !note.contains("stays"), "{note}");
        }
        assert_eq!(owner_tags(&env), Vec::<String>::new());
    }
}

/// Releases the three objects, and deletes them.
async fn release_three(env: &TestEnv, forced: bool) {
    let change = if forced {
        json!({ "metadata": { "annotations": { "cloudpolicy.dev/force-orphan": "true" } } })
    } else {
        json!({ "spec": { "deletionPolicy": "Orphan" } })
    };
    for name in ["one", "two"] {
        env.patch::<Policy>(name, change.clone()).await;
        env.delete::<Policy>(name).await;
    }
    env.patch::<NetworkPolicy>("net", change).await;
    env.delete::<NetworkPolicy>("net").await;
}
