//! A create whose answer is lost: exactly one object upstream, its id in status, no human.

use crate::support::world::{World, common, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::managed::Managed;
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
    world: &World,
    name: &str,
    object: serde_json::Value,
    faults: &Faults,
    journal: &Journal,
) {
    let before = journal.effects(Operation::Create);
    world.apply(object).await;
    let seen: K = world.ready(name).await;
    assert!(!upstream_id(&seen).is_empty());
    assert!(common(&seen).operation.is_none(), "nothing is in flight any more");
    assert_eq!(journal.effects(Operation::Create) - before, 1, "created exactly once");
    assert!(faults.waiting().is_empty(), "the fault struck");
}

#[tokio::test]
async fn an_ncloud_create_whose_answer_is_lost_happens_once() {
    let world = World::new("lost-ncloud").await;
    for (i, loss) in losses().into_iter().enumerate() {
        let name = format!("lost-{i}");
        world.ncloud.faults().add(Fault::on(Operation::Create).after(loss));
        recovers::<Policy>(&world, &name, ncloud_policy(&name), world.ncloud.faults(), world.ncloud.journal()).await;
    }
    assert_eq!(world.ncloud.policies().len(), losses().len());
}

#[tokio::test]
async fn a_spaceone_create_whose_answer_is_lost_happens_once() {
    let world = World::new("lost-policy").await;
    for (i, loss) in losses().into_iter().enumerate() {
        let name = format!("lost-{i}");
        world.spaceone.faults().add(Fault::on(Operation::Create).after(loss));
        recovers::<Policy>(&world, &name, spaceone_policy(&name), world.spaceone.faults(), world.spaceone.journal())
            .await;
    }
    assert_eq!(world.spaceone.policies().len(), losses().len());
}

#[tokio::test]
async fn a_network_policy_create_whose_answer_is_lost_happens_once() {
    let world = World::new("lost-netpol").await;
    let zone = world.spaceone.zone_ids()[0].clone();
    for (i, loss) in losses().into_iter().enumerate() {
        let name = format!("lost-{i}");
        world.spaceone.faults().add(Fault::on(Operation::Create).after(loss));
        let object = network_policy(&name, &zone);
        recovers::<NetworkPolicy>(&world, &name, object, world.spaceone.faults(), world.spaceone.journal()).await;
    }
    assert_eq!(world.spaceone.network_policies().len(), losses().len());
}

#[tokio::test]
async fn a_create_that_never_happened_is_sent_again_after_the_grace() {
    let world = World::new("never-happened").await;
    world.ncloud.faults().add(Fault::on(Operation::Create).before(Action::Reset));
    recovers::<Policy>(&world, "again", ncloud_policy("again"), world.ncloud.faults(), world.ncloud.journal()).await;
    assert_eq!(world.ncloud.journal().count(Operation::Create), 2);
}

#[tokio::test]
async fn an_operator_that_crashes_before_it_records_the_id_finds_its_object_again() {
    let mut world = World::new("crash").await;
    let zone = world.spaceone.zone_ids()[0].clone();
    // The answer takes longer than the operator lives.
    let late = || Fault::on(Operation::Create).after(Action::Timeout(Duration::from_secs(20)));
    world.ncloud.faults().add(late());
    world.spaceone.faults().add(late().times(2));
    world.apply(ncloud_policy("crash-n")).await;
    world.apply(spaceone_policy("crash-p")).await;
    world.apply(network_policy("crash-w", &zone)).await;
    world
        .eventually("all three to exist upstream", || {
            world.ncloud.journal().effects(Operation::Create) == 1
                && world.spaceone.journal().effects(Operation::Create) == 2
        })
        .await;
    world.crash();
    world.start(|_| {});
    world.ready::<Policy>("crash-n").await;
    world.ready::<Policy>("crash-p").await;
    world.ready::<NetworkPolicy>("crash-w").await;
    assert_eq!(world.ncloud.journal().effects(Operation::Create), 1);
    assert_eq!(world.spaceone.journal().effects(Operation::Create), 2);
    let events = world.events("crash-w").await;
    assert!(events.iter().any(|(reason, _)| reason == "Recovered"), "{events:?}");
}

#[tokio::test]
async fn an_upstream_that_drops_the_stamp_still_gets_one_copy_only() {
    let world = World::new("dropped-stamp").await;
    world.ncloud.set_options(|o| o.switches.create_tags = cloud_policy_simulator::ncloud::CreateTags::Dropped);
    world.ncloud.faults().add(Fault::on(Operation::Create).after(Action::Reset));
    recovers::<Policy>(&world, "unmarked", ncloud_policy("unmarked"), world.ncloud.faults(), world.ncloud.journal())
        .await;
    assert_eq!(world.ncloud.policies().len(), 1);
}

#[tokio::test]
async fn a_deletion_leaves_nothing_behind_when_the_answer_to_the_create_was_lost() {
    let world = World::new("lost-then-deleted").await;
    world.ncloud.faults().add(Fault::on(Operation::Create).after(Action::Timeout(Duration::from_secs(2))));
    world.apply(ncloud_policy("lost")).await;
    world.eventually("the policy to exist", || world.ncloud.policies().len() == 1).await;
    world.delete::<Policy>("lost").await;
    world.gone::<Policy>("lost").await;
    assert!(world.ncloud.policies().is_empty(), "nothing leaked");
}

#[tokio::test]
async fn what_may_be_ours_and_bears_no_stamp_is_neither_deleted_nor_let_go_in_silence() {
    let world = World::new("lost-unmarked").await;
    world.ncloud.set_options(|o| o.switches.create_tags = cloud_policy_simulator::ncloud::CreateTags::Dropped);
    // The object is deleted while the create call waits for the answer that never comes.
    world.ncloud.faults().add(Fault::on(Operation::Create).after(Action::Timeout(Duration::from_secs(2))));
    world.apply(ncloud_policy("doubt")).await;
    world.eventually("the policy to exist", || world.ncloud.policies().len() == 1).await;
    world.delete::<Policy>("doubt").await;
    let held: Policy = world.reason("doubt", "Conflict").await;
    let status = common(&held);
    let message = &crate::support::world::condition(&status, "Ready").unwrap().message;
    assert!(message.contains("force-orphan"), "{message}");
    assert_eq!(world.ncloud.policies().len(), 1);
    let id = world.ncloud.policies()[0].policy_id.clone();
    world.ncloud.remove_policy(&id);
    let nudge =
        serde_json::json!({ "metadata": { "annotations": { "cloudpolicy.dev/reconcile-requested-at": "now" } } });
    world.patch::<Policy>("doubt", nudge).await;
    world.gone::<Policy>("doubt").await;
}
