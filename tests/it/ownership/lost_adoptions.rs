//! Adoptions that end between the write of the owner tag and the record in status: the operator reports them as
//! adoptions, and deletes the upstream object only if it has the owner tag.

use crate::ownership::adoption::{alike, by_hand};
use crate::ownership::hidden_refusals::is_refused;
use crate::ownership::in_lag::{NEVER, looked_for, show_after, slow};
use crate::support::test_env::{SOON, TestEnv, common, spaceone_policy, upstream_id};
use cloud_policy::api::Policy;
use cloud_policy_simulator::spaceone::StoredPolicy;
use cloud_policy_simulator::{Action, Fault, Lag, Operation};
use cloud_policy_testbed::wait_for;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use std::time::Duration;

fn adopting(name: &str) -> Value {
    let mut object = alike(name);
    object["spec"]["adoptionPolicy"] = json!("IfIdentical");
    object
}

/// Waits until the object is ready, and asserts that status and events report an adoption.
async fn is_reported_as_adoption(env: &TestEnv, name: &str, id: &str) {
    let seen: Policy = env.ready(name).await;
    assert_eq!(upstream_id(&seen), id);
    let status = common(&seen);
    assert!(status.upstream.unwrap().adopted && status.operation.is_none());
    let events: Vec<String> = env.events(name).await.into_iter().map(|(reason, _)| reason).collect();
    assert!(events.contains(&"Adopted".to_owned()) && !events.contains(&"Recovered".to_owned()), "{events:?}");
}

#[tokio::test]
async fn adoption_is_reported_as_adopted_when_response_is_lost() {
    let env = TestEnv::new("lost-tag").await;
    let id = by_hand(&env, "lost", None);
    env.ncloud.faults().add(Fault::on(Operation::TagsAdd).after(Action::Reset));
    env.apply(adopting("lost")).await;
    is_reported_as_adoption(&env, "lost", &id).await;
    assert!(env.ncloud.faults().waiting().is_empty(), "the fault was injected");
}

#[tokio::test]
async fn rejected_adoption_leaves_no_trace_until_it_succeeds() {
    let env = TestEnv::new("refused-tag").await;
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
    is_reported_as_adoption(&env, "refused", &id).await;
}

/// Crashes the operator while it writes the owner tag, deletes the object, and starts the operator again.
async fn deleted_while_operator_is_down(prefix: &str, fault: Fault, sent: impl Fn(&TestEnv) -> bool) -> TestEnv {
    let mut env = TestEnv::new(prefix).await;
    by_hand(&env, "half", None);
    env.ncloud.faults().add(fault);
    env.apply(adopting("half")).await;
    env.eventually("the owner tag to be sent", || sent(&env)).await;
    env.crash();
    env.ncloud.faults().clear();
    env.delete::<Policy>("half").await;
    env.start(|_| {});
    env.gone::<Policy>("half").await;
    env
}

#[tokio::test]
async fn adopted_object_is_deleted_when_tagged_before_crash() {
    let late = Fault::on(Operation::TagsAdd).after(Action::Timeout(Duration::from_secs(20)));
    let tagged = |env: &TestEnv| env.ncloud.journal().effects(Operation::TagsAdd) == 1;
    let env = deleted_while_operator_is_down("tagged", late, tagged).await;
    assert!(env.ncloud.policies().is_empty(), "the policy had the owner tag of the object");
}

#[tokio::test]
async fn adopted_object_is_kept_when_not_tagged_before_crash() {
    let never = Fault::on(Operation::TagsAdd).before(Action::Timeout(Duration::from_secs(20)));
    let sent = |env: &TestEnv| env.ncloud.journal().count(Operation::TagsAdd) == 1;
    let env = deleted_while_operator_is_down("untagged", never, sent).await;
    let policy = env.ncloud.policy_named("half").expect("a policy without the owner tag is kept");
    assert!(policy.tags.is_empty(), "{:?}", policy.tags);
    assert_eq!(env.ncloud.journal().count(Operation::Delete), 0);
}

/// Until reads show the owner tag, its absence is no conflict.
#[tokio::test]
async fn deletion_awaits_the_owner_tag_of_an_adoption_in_lag() {
    let second = Duration::from_secs(1);
    let env = TestEnv::with("late-tag", |settings| {
        settings.create_grace = second * 10;
        settings.slow_retry = second * 60;
    })
    .await;
    let lag = Lag { reads: second * 3, lists: second * 3, deletions: Duration::ZERO };
    env.spaceone.add_policy(StoredPolicy {
        policy_id: "late".to_owned(),
        name: "Viewer".to_owned(),
        ..StoredPolicy::default()
    });
    tokio::time::sleep(second * 4).await;
    env.spaceone.set_options(|switches| switches.lag = lag);
    let mut object = spaceone_policy("late");
    object["spec"]["adoptionPolicy"] = json!("Always");
    env.apply(object).await;
    let is_adopted = |object: &Policy| {
        anyhow::ensure!(common(object).upstream.is_some_and(|upstream| upstream.adopted));
        Ok(())
    };
    env.until("late", "adopted", is_adopted).await;
    env.delete::<Policy>("late").await;
    env.gone::<Policy>("late").await;
    let events = env.events("late").await;
    assert!(events.iter().all(|(reason, _)| reason != "Conflict") && env.spaceone.policies().is_empty(), "{events:?}");
}

/// The upstream answers the write of the owner tag with a refusal, although it takes effect.
#[tokio::test]
async fn adoption_that_was_throttled_is_reported_as_adopted() {
    for code in [429, 403] {
        let env = TestEnv::new("throttled-tag").await;
        let id = by_hand(&env, "throttled", None);
        env.ncloud.faults().add(Fault::on(Operation::TagsAdd).after(Action::status(code, "{}")));
        env.apply(adopting("throttled")).await;
        is_reported_as_adoption(&env, "throttled", &id).await;
        assert_eq!(env.ncloud.journal().count(Operation::TagsAdd), 1, "after {code}");
    }
}

/// The same, while reads lag: neither a deletion nor a restart leaves the owner tag behind.
#[tokio::test]
async fn deletion_awaits_the_owner_tag_of_a_refused_adoption_in_lag() {
    for (code, restart) in [(429, false), (403, false), (429, true)] {
        let mut env = TestEnv::with("refused-tag-lag", slow).await;
        by_hand(&env, "late", None);
        show_after(&env, NEVER);
        env.ncloud.faults().add(Fault::on(Operation::TagsAdd).after(Action::status(code, "{}")));
        env.ncloud.faults().add(Fault::on(Operation::TagsAdd).before(Action::status(code, "{}")).forever());
        env.apply(adopting("late")).await;
        env.eventually("the owner tag", || env.ncloud.journal().effects(Operation::TagsAdd) == 1).await;
        is_refused::<Policy>(&env, "late").await;
        if restart {
            env.crash();
        }
        env.delete::<Policy>("late").await;
        if restart {
            env.start(slow);
        }
        looked_for::<Policy>(&env, "late").await;
        show_after(&env, Duration::ZERO);
        env.gone::<Policy>("late").await;
        assert!(env.ncloud.policies().is_empty(), "the policy had the owner tag of the object ({code})");
    }
}

/// An operator that waits long enough for reads that lag, and a policy that an object names by its id.
async fn throttled_by_id(prefix: &str) -> (TestEnv, [String; 2]) {
    let second = Duration::from_secs(1);
    let env = TestEnv::with(prefix, |settings| {
        settings.create_grace = second * 6;
        settings.slow_retry = second * 60;
    })
    .await;
    let ids = ["by-id", "other"].map(|name| by_hand(&env, name, None));
    env.ncloud.set_options(|options| {
        options.switches.lag = Lag { reads: second * 4, lists: second * 4, deletions: Duration::ZERO };
    });
    env.ncloud.faults().add(Fault::on(Operation::TagsAdd).after(Action::status(429, "{}")));
    let mut object = adopting("one");
    object["spec"]["externalId"] = json!(ids[0]);
    object["spec"]["adoptionPolicy"] = json!("Always");
    env.apply(object).await;
    env.eventually("the owner tag", || env.ncloud.journal().effects(Operation::TagsAdd) == 1).await;
    (env, ids)
}

/// The object names the policy by its id, and has another name.
#[tokio::test]
async fn deletion_finds_the_owner_tag_of_a_refused_adoption_by_id() {
    let (env, _) = throttled_by_id("refused-by-id").await;
    env.delete::<Policy>("one").await;
    env.gone::<Policy>("one").await;
    let left: Vec<String> = env.ncloud.policies().into_iter().map(|policy| policy.policy_name).collect();
    assert_eq!(left, ["other"], "the policy had the owner tag of the object");
}

/// The same, and the spec names another policy meanwhile.
#[tokio::test]
async fn refused_adoption_leaves_no_owner_tag_when_another_is_named() {
    let (env, [_, other]) = throttled_by_id("refused-other").await;
    env.ncloud.faults().add(Fault::on(Operation::TagsAdd).before(Action::status(429, "{}")).forever());
    // Status records the adoption while it is tried again.
    let changed = || async {
        let patch = Patch::Merge(json!({ "spec": { "externalId": other } }));
        Ok(env.api::<Policy>().patch("one", &PatchParams::default(), &patch).await.map(drop)?)
    };
    wait_for("the change of externalId", SOON, changed).await.unwrap();
    env.ncloud.faults().clear();
    env.until("one", "adopted", |object: &Policy| {
        anyhow::ensure!(common(object).upstream.is_some_and(|upstream| upstream.id.is_some()));
        Ok(())
    })
    .await;
    let tagged = env.ncloud.policies().into_iter().filter(|policy| !policy.tags.is_empty()).count();
    assert_eq!(tagged, 1, "{:?}", env.ncloud.policies());
}
