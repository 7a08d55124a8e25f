//! An adoption that breaks off between the stamp and its record: told as what it is, and never deleted
//! unless the stamp is on it.

use crate::ownership::adoption::{alike, by_hand};
use crate::support::test_env::{TestEnv, common, upstream_id};
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
async fn is_told_as_an_adoption(env: &TestEnv, name: &str, id: &str) {
    let seen: Policy = env.ready(name).await;
    assert_eq!(upstream_id(&seen), id);
    let status = common(&seen);
    assert!(status.upstream.unwrap().adopted && status.operation.is_none());
    let events: Vec<String> = env.events(name).await.into_iter().map(|(reason, _)| reason).collect();
    assert!(events.contains(&"Adopted".to_owned()) && !events.contains(&"Recovered".to_owned()), "{events:?}");
}

#[tokio::test]
async fn an_adoption_whose_answer_is_lost_is_told_as_an_adoption() {
    let env = TestEnv::new("lost-stamp").await;
    let id = by_hand(&env, "lost", None);
    env.ncloud.faults().add(Fault::on(Operation::TagsAdd).after(Action::Reset));
    env.apply(adopting("lost")).await;
    is_told_as_an_adoption(&env, "lost", &id).await;
    assert!(env.ncloud.faults().waiting().is_empty(), "the fault struck");
}

#[tokio::test]
async fn an_adoption_that_had_no_effect_leaves_no_trace_until_it_has() {
    let env = TestEnv::new("refused-stamp").await;
    let id = by_hand(&env, "refused", None);
    let no = Action::status(403, r#"{"success":false,"errorCode":403,"message":"no tags for you"}"#);
    env.ncloud.faults().add(Fault::on(Operation::TagsAdd).before(no).forever());
    env.apply(adopting("refused")).await;
    env.reason::<Policy>("refused", "ValidationFailed").await;
    let clean = |object: &Policy| {
        let status = common(object);
        anyhow::ensure!(status.operation.is_none() && status.upstream.is_none(), "{status:?}");
        Ok(())
    };
    env.until("refused", "without an adoption under way", clean).await;
    env.ncloud.faults().clear();
    env.reconcile_now::<Policy>("refused").await;
    is_told_as_an_adoption(&env, "refused", &id).await;
}

/// An operator that crashed while it put the stamp on; the object is deleted before the next one starts.
async fn deleted_while_nobody_looks(prefix: &str, stamp: Fault, sent: impl Fn(&TestEnv) -> bool) -> TestEnv {
    let mut env = TestEnv::new(prefix).await;
    by_hand(&env, "half", None);
    env.ncloud.faults().add(stamp);
    env.apply(adopting("half")).await;
    env.eventually("the stamp to be sent", || sent(&env)).await;
    env.crash();
    env.ncloud.faults().clear();
    env.delete::<Policy>("half").await;
    env.start(|_| {});
    env.gone::<Policy>("half").await;
    env
}

#[tokio::test]
async fn what_an_adoption_stamped_before_a_crash_goes_with_the_object() {
    let late = Fault::on(Operation::TagsAdd).after(Action::Timeout(Duration::from_secs(20)));
    let stamped = |env: &TestEnv| env.ncloud.journal().effects(Operation::TagsAdd) == 1;
    let env = deleted_while_nobody_looks("stamped", late, stamped).await;
    assert!(env.ncloud.policies().is_empty(), "it bore our stamp");
}

#[tokio::test]
async fn what_an_adoption_did_not_stamp_before_a_crash_stays_a_strangers() {
    let never = Fault::on(Operation::TagsAdd).before(Action::Timeout(Duration::from_secs(20)));
    let sent = |env: &TestEnv| env.ncloud.journal().count(Operation::TagsAdd) == 1;
    let env = deleted_while_nobody_looks("unstamped", never, sent).await;
    let policy = env.ncloud.policy_named("half").expect("it was never ours");
    assert!(policy.tags.is_empty(), "{:?}", policy.tags);
    assert_eq!(env.ncloud.journal().count(Operation::Delete), 0);
}
