//! Creates that the upstream answers with a passing refusal although they take effect, while reads lag: only a create that
//! was never sent is without effect.

use super::hidden_refusals::{counts, is_refused, refusing, refusing_within, three_refused};
use super::in_lag::{NEVER, delete_three_in_lag, looked_for, show_after, slow};
use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_simulator::{Action, Collection, Decision, Fault, Operation, When};
use futures::future::join_all;
use serde_json::json;
use std::time::Duration;

/// The answers that pass by themselves, so that the operator soon tries again.
const PASSING: [u16; 2] = [429, 408];

/// Applies one object of each collection, and waits until the create of each was answered.
async fn three_answered(prefix: &str, code: u16) -> TestEnv {
    let env = refusing(prefix, code).await;
    for object in [ncloud_policy("one"), spaceone_policy("two"), network_policy("net", &env.spaceone.zone_ids()[0])] {
        env.apply(object).await;
    }
    let answered = || env.ncloud.faults().waiting().is_empty() && env.spaceone.faults().waiting().is_empty();
    env.eventually("the answers to all creates", answered).await;
    env
}

/// The same, and all later creates are throttled without an effect: only what the operator remembers leads to the objects.
async fn three_throttled(prefix: &str, code: u16) -> TestEnv {
    let env = refusing_within(prefix, code, slow).await;
    show_after(&env, NEVER);
    throttle(&env);
    three_refused(&env).await;
    assert_eq!(counts(&env), [1, 1, 1]);
    env
}

/// Throttles all later creates without an effect.
fn throttle(env: &TestEnv) {
    let throttled = Fault::on(Operation::Create).before(Action::status(429, "{}")).forever();
    env.ncloud.faults().add(throttled.clone());
    env.spaceone.faults().add(throttled);
}

#[tokio::test]
async fn deletion_leaves_nothing_after_throttled_create_in_lag() {
    join_all(PASSING.map(|code| async move {
        let env = three_throttled("answered-deleted", code).await;
        delete_three_in_lag(&env).await;
    }))
    .await;
}

#[tokio::test]
async fn deletion_leaves_nothing_after_throttling_and_crash() {
    join_all(PASSING.map(|code| async move {
        let mut env = three_throttled("answered-crash", code).await;
        env.crash();
        env.start(slow);
        delete_three_in_lag(&env).await;
    }))
    .await;
}

#[tokio::test]
async fn throttled_create_that_took_effect_gets_no_copy() {
    join_all(PASSING.map(|code| async move {
        let env = three_answered("answered-kept", code).await;
        assert!(!upstream_id(&env.ready::<Policy>("one").await).is_empty());
        assert!(!upstream_id(&env.ready::<Policy>("two").await).is_empty());
        assert!(!upstream_id(&env.ready::<NetworkPolicy>("net").await).is_empty());
        assert_eq!(counts(&env), [1, 1, 1], "copy after {code}");
        let entries = env.spaceone.journal().entries().into_iter();
        let creates = entries.filter(|entry| entry.operation == Operation::Create);
        let creates = creates.filter(|entry| entry.collection == Collection::NetworkPolicy).count();
        assert_eq!(creates, 1, "names are not unique, so the search comes before another create");
    }))
    .await;
}

/// The search that names the holder of a taken name fails. The create was answered all the same.
#[tokio::test]
async fn deletion_leaves_nothing_when_name_counts_as_taken() {
    let env = refusing_within("answered-taken", 409, slow).await;
    show_after(&env, NEVER);
    throttle(&env);
    env.ncloud.faults().decide_with({
        let journal = env.ncloud.journal().clone();
        move |request| {
            let is_search = request.operation == Operation::List && request.target.contains("searchWord");
            let fails = is_search && journal.effects(Operation::Create) > 0;
            fails.then(|| Decision::Inject(When::Before, Action::status(429, "{}")))
        }
    });
    env.apply(ncloud_policy("one")).await;
    env.eventually("the create", || env.ncloud.policies().len() == 1).await;
    is_refused::<Policy>(&env, "one").await;
    env.ncloud.faults().clear_decider();
    env.delete::<Policy>("one").await;
    looked_for::<Policy>(&env, "one").await;
    show_after(&env, Duration::ZERO);
    env.gone::<Policy>("one").await;
    assert!(env.ncloud.policies().is_empty(), "leak");
}

/// A person suspends the objects before they are deleted.
#[tokio::test]
async fn deletion_of_suspended_objects_leaves_nothing_when_throttled() {
    let env = three_throttled("answered-suspended", 429).await;
    let suspend = json!({ "spec": { "suspend": true } });
    for name in ["one", "two"] {
        env.patch::<Policy>(name, suspend.clone()).await;
    }
    env.patch::<NetworkPolicy>("net", suspend).await;
    delete_three_in_lag(&env).await;
}

/// Another writer replaces the objects with their manifests, and deletes them.
#[tokio::test]
async fn deletion_of_replaced_objects_leaves_nothing_after_throttling() {
    let env = three_throttled("answered-replaced", 429).await;
    let bare = json!({ "metadata": {
        "finalizers": ["example.com/audit"],
        "annotations": { "cloudpolicy.dev/recorded-upstream": null },
    } });
    for name in ["one", "two"] {
        env.patch::<Policy>(name, bare.clone()).await;
        env.delete::<Policy>(name).await;
    }
    env.patch::<NetworkPolicy>("net", bare).await;
    env.delete::<NetworkPolicy>("net").await;
    show_after(&env, Duration::ZERO);
    env.eventually("the upstream objects to go", || counts(&env) == [0, 0, 0]).await;
    let release = json!({ "metadata": { "finalizers": null } });
    for name in ["one", "two"] {
        env.patch::<Policy>(name, release.clone()).await;
    }
    env.patch::<NetworkPolicy>("net", release).await;
}

/// Two objects of one name: the create of the first one is refused, and takes effect.
#[tokio::test]
async fn second_object_of_a_name_makes_no_copy_after_a_refusal() {
    let env = refusing("answered-rivals", 400).await;
    env.apply(ncloud_policy("one")).await;
    is_refused::<Policy>(&env, "one").await;
    let mut rival = ncloud_policy("one");
    rival["metadata"]["name"] = json!("rival");
    env.apply(rival).await;
    env.ready::<Policy>("one").await;
    env.reason::<Policy>("rival", "Conflict").await;
    assert_eq!(env.ncloud.policies().len(), 1);
    env.delete::<Policy>("rival").await;
    env.gone::<Policy>("rival").await;
    assert_eq!(env.ncloud.policies().len(), 1);
    env.delete::<Policy>("one").await;
    env.gone::<Policy>("one").await;
    assert!(env.ncloud.policies().is_empty(), "leak");
}
