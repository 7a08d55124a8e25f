//! Creates that the upstream answers with a passing refusal although they take effect, while reads lag: only a create that
//! was never sent is without effect.

use super::hidden_refusals::{counts, delete_three, patient, refusing};
use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_simulator::{Action, Collection, Fault, Operation};
use futures::future::join_all;

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

#[tokio::test]
async fn deletion_leaves_nothing_after_throttled_create_in_lag() {
    join_all(PASSING.map(|code| async move {
        let env = three_answered("answered-deleted", code).await;
        delete_three(&env).await;
        assert_eq!(counts(&env), [0, 0, 0], "leak after {code}");
    }))
    .await;
}

#[tokio::test]
async fn deletion_leaves_nothing_after_throttling_and_crash() {
    join_all(PASSING.map(|code| async move {
        let mut env = three_answered("answered-crash", code).await;
        env.crash();
        env.start(patient);
        delete_three(&env).await;
        assert_eq!(counts(&env), [0, 0, 0], "leak after {code}");
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
    let env = refusing("answered-taken", 409).await;
    env.apply(ncloud_policy("one")).await;
    let answered =
        || !env.ncloud.faults().waiting().iter().any(|fault| fault.matching.operation == Some(Operation::Create));
    env.ncloud.faults().add(Fault::on(Operation::List).before(Action::status(429, "{}")).times(2));
    env.eventually("the answer to the create", answered).await;
    env.delete::<Policy>("one").await;
    env.gone::<Policy>("one").await;
    assert!(env.ncloud.policies().is_empty(), "leak");
}
