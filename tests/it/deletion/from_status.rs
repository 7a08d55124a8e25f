//! Deletion: from the record in status, whatever became of spec and upstream.

use crate::support::links::connection_is;
use crate::support::world::{
    Kind, World, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::managed::Managed;
use cloud_policy_simulator::ncloud::{Assignee, HolderType, NewPolicy};
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::json;
use std::time::Duration;

pub async fn delete_and_wait<K: Kind>(world: &World, name: &str) {
    world.delete::<K>(name).await;
    world.gone::<K>(name).await;
}

/// Waits until the deleted object says why it is still there.
pub async fn held<K: Managed>(world: &World, name: &str, reason: &str) -> String {
    let seen: K = world
        .until(name, reason, |object: &K| {
            let seen = condition(&common(object), "Ready").map(|c| c.reason.clone());
            let deleted = object.meta().deletion_timestamp.is_some();
            anyhow::ensure!(deleted && seen.as_deref() == Some(reason), "Ready is {seen:?}");
            Ok(())
        })
        .await;
    condition(&common(&seen), "Ready").unwrap().message.clone()
}

#[tokio::test]
async fn what_never_came_to_be_goes_without_a_call() {
    let world = World::new("never-created").await;
    let mut refused = ncloud_policy("refused");
    refused["spec"]["ncloud"]["permissions"][0]["targets"][0]["product"] = json!("NoSuchProduct");
    let mut alone = ncloud_policy("alone");
    alone["spec"]["connectionRef"]["name"] = json!("nowhere");
    world.apply(refused).await;
    world.apply(alone).await;
    world.reason::<Policy>("refused", "ValidationFailed").await;
    world.reason::<Policy>("alone", "ConnectionNotFound").await;
    world.ncloud.journal().clear();
    world.ncloud.faults().add(Fault::any().before(Action::Reset).forever());
    delete_and_wait::<Policy>(&world, "refused").await;
    delete_and_wait::<Policy>(&world, "alone").await;
    assert_eq!(world.ncloud.journal().count(Operation::Delete), 0);
}

#[tokio::test]
async fn a_strangers_policy_under_the_same_name_survives() {
    let world = World::new("stranger").await;
    world.ncloud.add_policy(NewPolicy { policy_name: "taken".to_owned(), ..NewPolicy::default() });
    world.apply(ncloud_policy("taken")).await;
    world.reason::<Policy>("taken", "Conflict").await;
    delete_and_wait::<Policy>(&world, "taken").await;
    assert!(world.ncloud.policy_named("taken").is_some());
    assert!(world.ncloud.journal().writes().is_empty());
}

#[tokio::test]
async fn what_is_gone_upstream_already_is_not_deleted_again() {
    let mut world = World::new("gone").await;
    let zone = world.spaceone.zone_ids()[0].clone();
    for object in [ncloud_policy("gone-n"), spaceone_policy("gone-p"), network_policy("gone-w", &zone)] {
        world.apply(object).await;
    }
    let ncloud = upstream_id(&world.ready::<Policy>("gone-n").await);
    let policy = upstream_id(&world.ready::<Policy>("gone-p").await);
    let network = upstream_id(&world.ready::<NetworkPolicy>("gone-w").await);
    // While nobody is there who would create them again.
    world.stop().await;
    assert!(world.ncloud.remove_policy(&ncloud));
    assert!(world.spaceone.remove_policy(&policy) && world.spaceone.remove_network_policy(&network));
    for name in ["gone-n", "gone-p"] {
        world.delete::<Policy>(name).await;
    }
    world.delete::<NetworkPolicy>("gone-w").await;
    world.start(|_| {});
    world.gone::<Policy>("gone-n").await;
    world.gone::<Policy>("gone-p").await;
    world.gone::<NetworkPolicy>("gone-w").await;
    assert_eq!(world.ncloud.journal().count(Operation::Delete), 0);
    assert_eq!(world.spaceone.journal().count(Operation::Delete), 0);
}

#[tokio::test]
async fn a_policy_in_use_stays_says_who_holds_it_and_goes_once_it_is_detached() {
    let world = World::new("held").await;
    world.apply(ncloud_policy("held")).await;
    let id = upstream_id(&world.ready::<Policy>("held").await);
    let holder = Assignee {
        resource_type: HolderType::SubAccount,
        resource_id: "sub-1".to_owned(),
        resource_name: "alice".to_owned(),
    };
    assert!(world.ncloud.assign(&id, holder));
    world.delete::<Policy>("held").await;
    let message = held::<Policy>(&world, "held", "InUse").await;
    assert!(message.contains("alice") && message.contains("Detach it"), "{message}");
    assert!(world.ncloud.policy_named("held").is_some());
    assert!(world.ncloud.unassign(&id));
    world.gone::<Policy>("held").await;
    assert!(world.ncloud.policies().is_empty());
}

#[tokio::test]
async fn a_network_policy_in_use_stays_until_its_subnet_is_gone() {
    let world = World::new("occupied").await;
    world.apply(network_policy("occupied", &world.spaceone.zone_ids()[0])).await;
    let id = upstream_id(&world.ready::<NetworkPolicy>("occupied").await);
    world.spaceone.occupy(&id, "subnet-1");
    world.delete::<NetworkPolicy>("occupied").await;
    let message = held::<NetworkPolicy>(&world, "occupied", "InUse").await;
    assert!(message.contains("subnet-1"), "{message}");
    world.spaceone.vacate(&id);
    world.gone::<NetworkPolicy>("occupied").await;
    assert!(world.spaceone.network_policies().is_empty());
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_found_and_deleted() {
    let world = World::new("lost-deleted").await;
    // The objects are deleted while the calls wait for the answer that never comes.
    let silence = || Fault::on(Operation::Create).after(Action::Timeout(Duration::from_secs(1)));
    world.ncloud.faults().add(silence());
    world.spaceone.faults().add(silence().times(2));
    world.apply(ncloud_policy("lost-n")).await;
    world.apply(spaceone_policy("lost-p")).await;
    world.apply(network_policy("lost-w", &world.spaceone.zone_ids()[0])).await;
    world
        .eventually("all three to exist upstream", || {
            world.ncloud.journal().effects(Operation::Create) == 1
                && world.spaceone.journal().effects(Operation::Create) == 2
        })
        .await;
    for name in ["lost-n", "lost-p"] {
        world.delete::<Policy>(name).await;
    }
    world.delete::<NetworkPolicy>("lost-w").await;
    world.gone::<Policy>("lost-n").await;
    world.gone::<Policy>("lost-p").await;
    world.gone::<NetworkPolicy>("lost-w").await;
    assert!(world.ncloud.policies().is_empty());
    assert!(world.spaceone.policies().is_empty() && world.spaceone.network_policies().is_empty());
    assert_eq!(world.ncloud.journal().effects(Operation::Create), 1);
}

#[tokio::test]
async fn a_create_that_never_landed_is_awaited_and_then_let_go() {
    let world = World::new("never-landed").await;
    world.ncloud.faults().add(Fault::on(Operation::Create).before(Action::Reset));
    world.apply(ncloud_policy("phantom")).await;
    world.eventually("the create to be tried", || world.ncloud.journal().count(Operation::Create) == 1).await;
    delete_and_wait::<Policy>(&world, "phantom").await;
    assert!(world.ncloud.policies().is_empty());
    assert_eq!(
        (world.ncloud.journal().count(Operation::Create), world.ncloud.journal().count(Operation::Delete)),
        (1, 0)
    );
}

#[tokio::test]
async fn an_invalid_spec_does_not_keep_an_object() {
    let world = World::new("invalid").await;
    world.apply(network_policy("invalid", &world.spaceone.zone_ids()[0])).await;
    world.ready::<NetworkPolicy>("invalid").await;
    world.patch::<NetworkPolicy>("invalid", json!({ "spec": { "spaceone": { "metadata": { "a": 1 } } } })).await;
    world.reason::<NetworkPolicy>("invalid", "InvalidSpec").await;
    delete_and_wait::<NetworkPolicy>(&world, "invalid").await;
    assert!(world.spaceone.network_policies().is_empty());
}

#[tokio::test]
async fn an_upstream_that_is_down_is_awaited() {
    let world = World::new("down").await;
    world.apply(ncloud_policy("patient")).await;
    world.ready::<Policy>("patient").await;
    world.ncloud.faults().add(Fault::any().before(Action::status(503, "")).forever());
    world.delete::<Policy>("patient").await;
    held::<Policy>(&world, "patient", "ConnectionNotReady").await;
    connection_is(&world, "ncloud", "Unreachable").await;
    assert_eq!(world.ncloud.policies().len(), 1);
    world.ncloud.faults().clear();
    world.gone::<Policy>("patient").await;
    assert!(world.ncloud.policies().is_empty());
}

#[tokio::test]
async fn force_orphan_lets_go_at_once_and_leaves_the_upstream_as_it_is() {
    let world = World::new("forced").await;
    world.apply(ncloud_policy("forced")).await;
    world.ready::<Policy>("forced").await;
    world.ncloud.faults().add(Fault::any().before(Action::status(503, "")).forever());
    world.delete::<Policy>("forced").await;
    held::<Policy>(&world, "forced", "ConnectionNotReady").await;
    let annotations = json!({ "metadata": { "annotations": { "cloudpolicy.dev/force-orphan": "true" } } });
    world.patch::<Policy>("forced", annotations).await;
    world.gone::<Policy>("forced").await;
    assert!(world.ncloud.policy_named("forced").is_some());
    let events = world.events("forced").await;
    assert!(events.iter().any(|(reason, note)| reason == "Orphaned" && note.contains("force_orphan")), "{events:?}");
    assert!(world.metrics().contains("why=\"force_orphan\""), "{}", world.metrics());
}

#[tokio::test]
async fn an_object_that_is_deleted_and_made_again_gets_an_upstream_object_of_its_own() {
    let world = World::new("again").await;
    let zone = world.spaceone.zone_ids()[0].clone();
    for _ in 0..2 {
        // The second time as soon as the name is free.
        world.apply(ncloud_policy("again-n")).await;
        world.apply(spaceone_policy("again-p")).await;
        world.apply(network_policy("again-w", &zone)).await;
        world.ready::<Policy>("again-n").await;
        world.ready::<Policy>("again-p").await;
        let uid = world.ready::<NetworkPolicy>("again-w").await.metadata.uid.unwrap();
        let stored = world.spaceone.network_policies();
        assert_eq!(stored.len(), 1);
        let stamp = stored[0].tags["cloudpolicy_owner"].as_str().unwrap().to_owned();
        assert!(stamp.ends_with(&uid), "{stamp} is not of {uid}");
        delete_and_wait::<Policy>(&world, "again-n").await;
        delete_and_wait::<Policy>(&world, "again-p").await;
        delete_and_wait::<NetworkPolicy>(&world, "again-w").await;
    }
    let journal = world.ncloud.journal();
    assert_eq!((journal.effects(Operation::Create), journal.effects(Operation::Delete)), (2, 2));
    let journal = world.spaceone.journal();
    assert_eq!((journal.effects(Operation::Create), journal.effects(Operation::Delete)), (4, 4));
    assert!(world.ncloud.policies().is_empty() && world.spaceone.policies().is_empty());
}

#[tokio::test]
async fn a_deletion_that_something_in_between_answered_is_sent_again() {
    let world = World::new("unproven").await;
    world.apply(ncloud_policy("unproven")).await;
    world.ready::<Policy>("unproven").await;
    world.ncloud.faults().add(Fault::on(Operation::Delete).before(Action::Empty));
    delete_and_wait::<Policy>(&world, "unproven").await;
    assert!(world.ncloud.policies().is_empty());
    assert_eq!(world.ncloud.journal().effects(Operation::Delete), 1);
}
