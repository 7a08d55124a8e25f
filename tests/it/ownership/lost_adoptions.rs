//! An adoption that breaks off between the stamp and its record: told as what it is, and never deleted
//! unless the stamp is on it.

use crate::ownership::adoption::{alike, by_hand};
use crate::support::world::{World, common, upstream_id};
use cloud_policy::api::Policy;
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::{Value, json};
use std::time::Duration;

fn adopting(name: &str) -> Value {
    let mut object = alike(name);
    object["spec"]["adoptionPolicy"] = json!("IfIdentical");
    object
}

/// What status and events say of it once it is at rest.
async fn is_told_as_an_adoption(world: &World, name: &str, id: &str) {
    let seen: Policy = world.ready(name).await;
    assert_eq!(upstream_id(&seen), id);
    let status = common(&seen);
    assert!(status.upstream.unwrap().adopted && status.operation.is_none());
    let events: Vec<String> = world.events(name).await.into_iter().map(|(reason, _)| reason).collect();
    assert!(events.contains(&"Adopted".to_owned()) && !events.contains(&"Recovered".to_owned()), "{events:?}");
}

#[tokio::test]
async fn an_adoption_whose_answer_is_lost_is_told_as_an_adoption() {
    let world = World::new("lost-stamp").await;
    let id = by_hand(&world, "lost", None);
    world.ncloud.faults().add(Fault::on(Operation::TagsAdd).after(Action::Reset));
    world.apply(adopting("lost")).await;
    is_told_as_an_adoption(&world, "lost", &id).await;
    assert!(world.ncloud.faults().waiting().is_empty(), "the fault struck");
}

#[tokio::test]
async fn an_adoption_that_had_no_effect_leaves_no_trace_until_it_has() {
    let world = World::new("refused-stamp").await;
    let id = by_hand(&world, "refused", None);
    let no = Action::status(403, r#"{"success":false,"errorCode":403,"message":"no tags for you"}"#);
    world.ncloud.faults().add(Fault::on(Operation::TagsAdd).before(no).forever());
    world.apply(adopting("refused")).await;
    world.reason::<Policy>("refused", "ValidationFailed").await;
    let clean = |object: &Policy| {
        let status = common(object);
        anyhow::ensure!(status.operation.is_none() && status.upstream.is_none(), "{status:?}");
        Ok(())
    };
    world.until("refused", "without an adoption under way", clean).await;
    world.ncloud.faults().clear();
    world.look_again::<Policy>("refused").await;
    is_told_as_an_adoption(&world, "refused", &id).await;
}

/// An operator that crashed while it put the stamp on; the object is deleted before the next one starts.
async fn deleted_while_nobody_looks(prefix: &str, stamp: Fault, sent: impl Fn(&World) -> bool) -> World {
    let mut world = World::new(prefix).await;
    by_hand(&world, "half", None);
    world.ncloud.faults().add(stamp);
    world.apply(adopting("half")).await;
    world.eventually("the stamp to be sent", || sent(&world)).await;
    world.crash();
    world.ncloud.faults().clear();
    world.delete::<Policy>("half").await;
    world.start(|_| {});
    world.gone::<Policy>("half").await;
    world
}

#[tokio::test]
async fn what_an_adoption_stamped_before_a_crash_goes_with_the_object() {
    let late = Fault::on(Operation::TagsAdd).after(Action::Timeout(Duration::from_secs(20)));
    let stamped = |world: &World| world.ncloud.journal().effects(Operation::TagsAdd) == 1;
    let world = deleted_while_nobody_looks("stamped", late, stamped).await;
    assert!(world.ncloud.policies().is_empty(), "it bore our stamp");
}

#[tokio::test]
async fn what_an_adoption_did_not_stamp_before_a_crash_stays_a_strangers() {
    let never = Fault::on(Operation::TagsAdd).before(Action::Timeout(Duration::from_secs(20)));
    let sent = |world: &World| world.ncloud.journal().count(Operation::TagsAdd) == 1;
    let world = deleted_while_nobody_looks("unstamped", never, sent).await;
    let policy = world.ncloud.policy_named("half").expect("it was never ours");
    assert!(policy.tags.is_empty(), "{:?}", policy.tags);
    assert_eq!(world.ncloud.journal().count(Operation::Delete), 0);
}
