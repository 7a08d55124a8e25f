//! Creates whose response is lost: the operator creates exactly one upstream object and records its id without a
//! human.

use crate::support::test_env::{TestEnv, common, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::{Action, Fault, Faults, Journal, Operation};
use std::time::Duration;

/// The responses that a client may get to a create that took effect.
fn losses() -> Vec<Action> {
    vec![
        Action::Reset,
        Action::status(504, r#"{"error":{"errorCode":"510","message":"Endpoint Timeout"}}"#),
        Action::status(500, ""),
        Action::Empty,
        Action::Html,
    ]
}

/// Applies the object and waits until it is ready; the operator must have created it exactly once.
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
    assert!(common(&seen).operation.is_none(), "no operation is in flight");
    assert_eq!(journal.effects(Operation::Create) - before, 1, "created exactly once");
    assert!(faults.waiting().is_empty(), "the fault was injected");
}

#[tokio::test]
async fn ncloud_policy_is_created_once_when_response_is_lost() {
    let env = TestEnv::new("lost-ncloud").await;
    for (i, loss) in losses().into_iter().enumerate() {
        let name = format!("lost-{i}");
        env.ncloud.faults().add(Fault::on(Operation::Create).after(loss));
        recovers::<Policy>(&env, &name, ncloud_policy(&name), env.ncloud.faults(), env.ncloud.journal()).await;
    }
    assert_eq!(env.ncloud.policies().len(), losses().len());
}

#[tokio::test]
async fn spaceone_policy_is_created_once_when_response_is_lost() {
    let env = TestEnv::new("lost-policy").await;
    for (i, loss) in losses().into_iter().enumerate() {
        let name = format!("lost-{i}");
        env.spaceone.faults().add(Fault::on(Operation::Create).after(loss));
        recovers::<Policy>(&env, &name, spaceone_policy(&name), env.spaceone.faults(), env.spaceone.journal()).await;
    }
    assert_eq!(env.spaceone.policies().len(), losses().len());
}

#[tokio::test]
async fn network_policy_is_created_once_when_response_is_lost() {
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
async fn create_is_sent_again_after_grace_when_it_had_no_effect() {
    let env = TestEnv::new("never-happened").await;
    env.ncloud.faults().add(Fault::on(Operation::Create).before(Action::Reset));
    recovers::<Policy>(&env, "again", ncloud_policy("again"), env.ncloud.faults(), env.ncloud.journal()).await;
    assert_eq!(env.ncloud.journal().count(Operation::Create), 2);
}

#[tokio::test]
async fn operator_finds_created_object_after_crash_without_its_id() {
    let mut env = TestEnv::new("crash").await;
    let zone = env.spaceone.zone_ids()[0].clone();
    // The response arrives after the operator has crashed.
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
async fn policy_is_created_once_when_upstream_drops_owner_tag() {
    let env = TestEnv::new("dropped-tag").await;
    env.ncloud.set_options(|o| o.switches.create_tags = cloud_policy_simulator::ncloud::CreateTags::Dropped);
    env.ncloud.faults().add(Fault::on(Operation::Create).after(Action::Reset));
    recovers::<Policy>(&env, "unmarked", ncloud_policy("unmarked"), env.ncloud.faults(), env.ncloud.journal()).await;
    assert_eq!(env.ncloud.policies().len(), 1);
}

#[tokio::test]
async fn deletion_removes_policy_when_create_response_was_lost() {
    let env = TestEnv::new("lost-then-deleted").await;
    env.ncloud.faults().add(Fault::on(Operation::Create).after(Action::Timeout(Duration::from_secs(2))));
    env.apply(ncloud_policy("lost")).await;
    env.eventually("the policy to exist", || env.ncloud.policies().len() == 1).await;
    env.delete::<Policy>("lost").await;
    env.gone::<Policy>("lost").await;
    assert!(env.ncloud.policies().is_empty(), "no policy is left upstream");
}

#[tokio::test]
async fn deletion_is_blocked_when_created_policy_has_no_owner_tag() {
    let env = TestEnv::new("lost-unmarked").await;
    env.ncloud.set_options(|o| o.switches.create_tags = cloud_policy_simulator::ncloud::CreateTags::Dropped);
    // The test deletes the object while the create request waits for a response that never comes.
    env.ncloud.faults().add(Fault::on(Operation::Create).after(Action::Timeout(Duration::from_secs(2))));
    env.apply(ncloud_policy("doubt")).await;
    env.eventually("the policy to exist", || env.ncloud.policies().len() == 1).await;
    env.delete::<Policy>("doubt").await;
    let blocked: Policy = env.reason("doubt", "Conflict").await;
    let status = common(&blocked);
    let message = &crate::support::test_env::condition(&status, "Ready").unwrap().message;
    assert!(message.contains("force-orphan"), "{message}");
    assert_eq!(env.ncloud.policies().len(), 1, "a policy without an owner tag is kept");
    let id = env.ncloud.policies()[0].policy_id.clone();
    env.ncloud.remove_policy(&id);
    let nudge =
        serde_json::json!({ "metadata": { "annotations": { "cloudpolicy.dev/reconcile-requested-at": "now" } } });
    env.patch::<Policy>("doubt", nudge).await;
    env.gone::<Policy>("doubt").await;
}
