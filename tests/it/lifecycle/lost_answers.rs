//! A create whose answer is lost: exactly one object upstream, its id in status, no human.

use crate::support::test_env::{TestEnv, common, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::{Action, Fault, Faults, Journal, Operation};
use std::time::Duration;

/// What the client may see of a create that happened.
fn losses() -> Vec<Action> {
    vec![
        Action::Reset,
        Action::status(504, r#"{"error":{"errorCode":"510","message":"Endpoint Timeout"}}"#),
        Action::status(500, ""),
        Action::Empty,
        Action::Html,
    ]
}

async fn recovers<K: Managed>(
    env: &TestEnv,
    name: &str,
    object: serde_json::Value,
    faults: &Faults,
    journal: &Journal,
) {
    let before = journal.effects(Operation::Create);
    env.apply(object).await;
    let seen: K = env.ready(name).await;
    assert!(!upstream_id(&seen).is_empty());
    assert!(common(&seen).operation.is_none(), "nothing is in flight any more");
    assert_eq!(journal.effects(Operation::Create) - before, 1, "created exactly once");
    assert!(faults.waiting().is_empty(), "the fault struck");
}

#[tokio::test]
async fn an_ncloud_create_whose_answer_is_lost_happens_once() {
    let env = TestEnv::new("lost-ncloud").await;
    for (i, loss) in losses().into_iter().enumerate() {
        let name = format!("lost-{i}");
        env.ncloud.faults().add(Fault::on(Operation::Create).after(loss));
        recovers::<Policy>(&env, &name, ncloud_policy(&name), env.ncloud.faults(), env.ncloud.journal()).await;
    }
    assert_eq!(env.ncloud.policies().len(), losses().len());
}

#[tokio::test]
async fn a_spaceone_create_whose_answer_is_lost_happens_once() {
    let env = TestEnv::new("lost-policy").await;
    for (i, loss) in losses().into_iter().enumerate() {
        let name = format!("lost-{i}");
        env.spaceone.faults().add(Fault::on(Operation::Create).after(loss));
        recovers::<Policy>(&env, &name, spaceone_policy(&name), env.spaceone.faults(), env.spaceone.journal()).await;
    }
    assert_eq!(env.spaceone.policies().len(), losses().len());
}

#[tokio::test]
async fn a_network_policy_create_whose_answer_is_lost_happens_once() {
    let env = TestEnv::new("lost-netpol").await;
    let zone = env.spaceone.zone_ids()[0].clone();
    for (i, loss) in losses().into_iter().enumerate() {
        let name = format!("lost-{i}");
        env.spaceone.faults().add(Fault::on(Operation::Create).after(loss));
        let object = network_policy(&name, &zone);
        recovers::<NetworkPolicy>(&env, &name, object, env.spaceone.faults(), env.spaceone.journal()).await;
    }
    assert_eq!(env.spaceone.network_policies().len(), losses().len());
}

#[tokio::test]
async fn a_create_that_never_happened_is_sent_again_after_the_grace() {
    let env = TestEnv::new("never-happened").await;
    env.ncloud.faults().add(Fault::on(Operation::Create).before(Action::Reset));
    recovers::<Policy>(&env, "again", ncloud_policy("again"), env.ncloud.faults(), env.ncloud.journal()).await;
    assert_eq!(env.ncloud.journal().count(Operation::Create), 2);
}

#[tokio::test]
async fn an_operator_that_crashes_before_it_records_the_id_finds_its_object_again() {
    let mut env = TestEnv::new("crash").await;
    let zone = env.spaceone.zone_ids()[0].clone();
    // The answer takes longer than the operator lives.
    let late = || Fault::on(Operation::Create).after(Action::Timeout(Duration::from_secs(20)));
    env.ncloud.faults().add(late());
    env.spaceone.faults().add(late().times(2));
    env.apply(ncloud_policy("crash-n")).await;
    env.apply(spaceone_policy("crash-p")).await;
    env.apply(network_policy("crash-w", &zone)).await;
    env.eventually("all three to exist upstream", || {
        env.ncloud.journal().effects(Operation::Create) == 1 && env.spaceone.journal().effects(Operation::Create) == 2
    })
    .await;
    env.crash();
    env.start(|_| {});
    env.ready::<Policy>("crash-n").await;
    env.ready::<Policy>("crash-p").await;
    env.ready::<NetworkPolicy>("crash-w").await;
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 1);
    assert_eq!(env.spaceone.journal().effects(Operation::Create), 2);
    let events = env.events("crash-w").await;
    assert!(events.iter().any(|(reason, _)| reason == "Recovered"), "{events:?}");
}

#[tokio::test]
async fn an_upstream_that_drops_the_stamp_still_gets_one_copy_only() {
    let env = TestEnv::new("dropped-stamp").await;
    env.ncloud.set_options(|o| o.switches.create_tags = cloud_policy_simulator::ncloud::CreateTags::Dropped);
    env.ncloud.faults().add(Fault::on(Operation::Create).after(Action::Reset));
    recovers::<Policy>(&env, "unmarked", ncloud_policy("unmarked"), env.ncloud.faults(), env.ncloud.journal()).await;
    assert_eq!(env.ncloud.policies().len(), 1);
}

#[tokio::test]
async fn a_deletion_leaves_nothing_behind_when_the_answer_to_the_create_was_lost() {
    let env = TestEnv::new("lost-then-deleted").await;
    env.ncloud.faults().add(Fault::on(Operation::Create).after(Action::Timeout(Duration::from_secs(2))));
    env.apply(ncloud_policy("lost")).await;
    env.eventually("the policy to exist", || env.ncloud.policies().len() == 1).await;
    env.delete::<Policy>("lost").await;
    env.gone::<Policy>("lost").await;
    assert!(env.ncloud.policies().is_empty(), "nothing leaked");
}

#[tokio::test]
async fn what_may_be_ours_and_bears_no_stamp_is_neither_deleted_nor_let_go_in_silence() {
    let env = TestEnv::new("lost-unmarked").await;
    env.ncloud.set_options(|o| o.switches.create_tags = cloud_policy_simulator::ncloud::CreateTags::Dropped);
    // The object is deleted while the create call waits for the answer that never comes.
    env.ncloud.faults().add(Fault::on(Operation::Create).after(Action::Timeout(Duration::from_secs(2))));
    env.apply(ncloud_policy("doubt")).await;
    env.eventually("the policy to exist", || env.ncloud.policies().len() == 1).await;
    env.delete::<Policy>("doubt").await;
    let held: Policy = env.reason("doubt", "Conflict").await;
    let status = common(&held);
    let message = &crate::support::test_env::condition(&status, "Ready").unwrap().message;
    assert!(message.contains("force-orphan"), "{message}");
    assert_eq!(env.ncloud.policies().len(), 1);
    let id = env.ncloud.policies()[0].policy_id.clone();
    env.ncloud.remove_policy(&id);
    let nudge =
        serde_json::json!({ "metadata": { "annotations": { "cloudpolicy.dev/reconcile-requested-at": "now" } } });
    env.patch::<Policy>("doubt", nudge).await;
    env.gone::<Policy>("doubt").await;
}
