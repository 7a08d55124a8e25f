//! Permissions that an update takes away from a `SpaceONE` policy: identity may grant them for up to 70 minutes.

use crate::faults::clock::Offset;
use crate::support::rbac;
use crate::support::test_env::{Operator, TestEnv, common, condition, ncloud_policy, spaceone_policy};
use cloud_policy::api::Policy;
use cloud_policy::api::status::Narrowing;
use cloud_policy::controller::clock::Clock;
use cloud_policy_simulator::{Action, Fault, Operation};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

fn narrowing(object: &Policy) -> Option<Narrowing> {
    object.status.clone().and_then(|status| status.narrowing)
}

async fn permit(env: &TestEnv, name: &str, permissions: Value) -> Policy {
    env.patch::<Policy>(name, json!({ "spec": { "spaceone": { "permissions": permissions } } })).await;
    env.ready::<Policy>(name).await
}

#[tokio::test]
async fn narrowing_is_told_until_permissions_are_out_of_force() {
    let env = TestEnv::without_operator("narrowing").await;
    let clock = Arc::new(Offset::default());
    let shared = Arc::clone(&clock) as Arc<dyn Clock>;
    let _operator = Operator::start_with_clock(&rbac::client().await, &[env.namespace()], shared, |_| {});
    env.apply(spaceone_policy("narrowing")).await;
    assert_eq!(narrowing(&env.ready("narrowing").await), None);
    let wider = permit(&env, "narrowing", json!(["inventory.Server.list", "inventory.Server.get", "a.B.c"])).await;
    assert_eq!(narrowing(&wider), None, "nothing was taken away");
    let before = Timestamp::now();
    let narrower = permit(&env, "narrowing", json!(["inventory.Server.list"])).await;
    let told = narrowing(&narrower).expect("permissions were taken away");
    let (written, until): (Timestamp, Timestamp) =
        (told.written_at.parse().unwrap(), told.in_force_by.parse().unwrap());
    assert!(written.duration_since(before).as_secs() >= -1, "{told:?}");
    assert_eq!(until.duration_since(written).as_secs(), 4200);
    let ready = condition(&common(&narrower), "Ready").unwrap().clone();
    assert!(ready.status == "True" && ready.message.contains("status.narrowing.inForceBy"), "{ready:?}");
    let events = env.events("narrowing").await;
    assert!(events.iter().any(|(reason, note)| reason == "Narrowed" && note.contains(&told.in_force_by)), "{events:?}");
    clock.jump(4201);
    let over = |object: &Policy| {
        let ready = condition(&common(object), "Ready").unwrap().message.clone();
        anyhow::ensure!(narrowing(object).is_none() && !ready.contains("narrowing"), "{ready}");
        Ok(())
    };
    env.until("narrowing", "out of force", over).await;
}

#[tokio::test]
async fn correction_that_takes_permissions_away_is_a_narrowing() {
    let env = TestEnv::new("narrow-drift").await;
    env.apply(spaceone_policy("narrow-drift")).await;
    env.ready::<Policy>("narrow-drift").await;
    assert!(env.spaceone.edit_policy("narrow-drift", |policy| policy.permissions.push("*".to_owned())));
    let seen = |object: &Policy| narrowing(object).map(drop).ok_or_else(|| anyhow::anyhow!("no narrowing"));
    env.until("narrow-drift", "narrowed", seen).await;
}

/// The response to the update is lost, and the operator finds that nothing differs any more.
#[tokio::test]
async fn narrowing_is_told_when_the_response_is_lost() {
    let env = TestEnv::new("narrow-lost").await;
    env.apply(spaceone_policy("narrow-lost")).await;
    env.ready::<Policy>("narrow-lost").await;
    env.spaceone.faults().add(Fault::on(Operation::Update).after(Action::Reset));
    let seen = permit(&env, "narrow-lost", json!(["inventory.Server.list"])).await;
    assert!(narrowing(&seen).is_some());
}

#[tokio::test]
async fn policy_of_ncloud_has_no_narrowing() {
    let env = TestEnv::new("narrow-ncloud").await;
    env.apply(ncloud_policy("narrow-ncloud")).await;
    env.ready::<Policy>("narrow-ncloud").await;
    let mut object = ncloud_policy("narrow-ncloud");
    object["spec"]["ncloud"]["permissions"][0]["targets"][0]["actions"] = json!(["View/getServerInstanceList"]);
    env.apply(object).await;
    assert_eq!(narrowing(&env.ready("narrow-ncloud").await), None);
}

/// The upstream refuses the update, which takes effect all the same.
#[tokio::test]
async fn narrowing_is_told_when_the_update_is_refused() {
    for code in [400, 429] {
        let env = TestEnv::new("narrow-refused").await;
        env.apply(spaceone_policy("narrow-refused")).await;
        env.ready::<Policy>("narrow-refused").await;
        env.spaceone.faults().add(Fault::on(Operation::Update).after(Action::status(code, "{}")));
        let seen = permit(&env, "narrow-refused", json!(["inventory.Server.list"])).await;
        assert!(narrowing(&seen).is_some(), "after {code}");
        let ready = condition(&common(&seen), "Ready").unwrap().clone();
        assert!(ready.message.contains("status.narrowing.inForceBy"), "{ready:?}");
    }
}

/// Another writer wipes status while removed permissions may be in force.
#[tokio::test]
async fn narrowing_is_told_again_when_status_is_wiped() {
    let env = TestEnv::new("narrow-wiped").await;
    env.apply(spaceone_policy("narrow-wiped")).await;
    env.ready::<Policy>("narrow-wiped").await;
    let told = narrowing(&permit(&env, "narrow-wiped", json!(["inventory.Server.list"])).await);
    assert!(told.is_some());
    let wiped = kube::api::Patch::Merge(json!({ "status": null }));
    env.api::<Policy>().patch_status("narrow-wiped", &kube::api::PatchParams::default(), &wiped).await.unwrap();
    let again = env.ready::<Policy>("narrow-wiped").await;
    assert_eq!(narrowing(&again), told);
}
