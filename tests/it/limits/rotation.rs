//! A key that is rotated under load: the operator verifies the new key first, and finishes pending requests with the
//! old one.

use crate::support::connection_helpers::connection_is;
use crate::support::test_env::{SOON, TestEnv, ncloud_policy};
use cloud_policy::api::{Connection, Policy};
use cloud_policy_simulator::{Action, Fault, Operation};
use cloud_policy_testbed::wait_for;
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const OBJECTS: usize = 30;

/// Writes this key to the Secret, and revokes all other keys as soon as the connection shows that Secret.
async fn rotate(env: &TestEnv, access: &str, secret: &str) {
    env.ncloud.set_options(|o| o.further_keys.push((access.to_owned(), secret.to_owned())));
    env.secret("ncloud", &[("accessKey", access), ("secretKey", secret)]).await;
    let version = env.get::<Secret>("ncloud").await.metadata.resource_version;
    env.until("ncloud", "shown with the new key", |connection: &Connection| {
        let seen = connection.status.clone().unwrap_or_default().secret_resource_version;
        anyhow::ensure!(seen.is_some() && seen == version, "{seen:?}");
        Ok(())
    })
    .await;
    env.ncloud.set_options(|o| {
        (o.access_key, o.secret_key) = (access.to_owned(), secret.to_owned());
        o.further_keys.clear();
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_rotation_under_load_fails_no_write() {
    let env = TestEnv::new("rotation").await;
    let done = AtomicBool::new(false);
    // Changes and new objects all the time.
    let load = async {
        let mut last = 0;
        for round in 0.. {
            for i in 0..OBJECTS {
                let mut object = ncloud_policy(&format!("busy-{i}"));
                object["spec"]["ncloud"]["description"] = json!(format!("round {round}"));
                env.apply(object).await;
            }
            env.apply(ncloud_policy(&format!("new-{round}"))).await;
            last = round;
            if done.load(Ordering::Relaxed) {
                break;
            }
        }
        last
    };
    let rotations = async {
        env.eventually("the load", || env.ncloud.journal().effects(Operation::Update) >= 10).await;
        for number in 1..=3 {
            rotate(
                &env,
                &format!("ROTATEDACCESSKEY000{number}"),
                &format!("RotatedSecret/00000000000000000000{number}"),
            )
            .await;
            let before = env.ncloud.journal().effects(Operation::Update);
            env.eventually("more of the load", || env.ncloud.journal().effects(Operation::Update) >= before + 10).await;
        }
        done.store(true, Ordering::Relaxed);
    };
    let (last, ()) = tokio::join!(load, rotations);
    for i in 0..OBJECTS {
        env.ready::<Policy>(&format!("busy-{i}")).await;
        let written = env.ncloud.policy_named(&format!("busy-{i}")).unwrap().description;
        assert_eq!(written.as_deref(), Some(format!("round {last}").as_str()));
    }
    for round in 0..=last {
        env.ready::<Policy>(&format!("new-{round}")).await;
    }
    let entries = env.ncloud.journal().entries();
    let refused: Vec<String> =
        entries.iter().filter(|e| e.status == Some(401)).map(|e| format!("{} {}", e.method, e.target)).collect();
    assert!(refused.is_empty(), "{refused:?} of {} requests", entries.len());
    assert_eq!(env.ncloud.journal().count(Operation::Create), OBJECTS + last + 1);
}

/// Returns the version of the Secret that the connection shows.
async fn shown_version(env: &TestEnv) -> Option<String> {
    env.get::<Connection>("ncloud").await.status.unwrap().secret_resource_version
}

#[tokio::test]
async fn refused_new_key_leaves_former_key_in_use() {
    let env = TestEnv::new("former").await;
    env.apply(ncloud_policy("served")).await;
    env.ready::<Policy>("served").await;
    let (access, good) = (env.ncloud.access_key(), env.ncloud.secret_key());
    let wrong = "WrongSecret/000000000000000000000000003";
    for (bad, text) in [(wrong, "refused"), (" ", "empty")] {
        let version = shown_version(&env).await;
        env.secret("ncloud", &[("accessKey", &access), ("secretKey", bad)]).await;
        let told = connection_is(&env, "ncloud", "FormerKeyInUse").await;
        assert!(told.contains(&format!("from version {} of the Secret", version.as_deref().unwrap())), "{told}");
        assert!(!told.contains(wrong), "{told}");
        assert_eq!(shown_version(&env).await, version, "the former key must not be revoked yet");
        env.patch::<Policy>("served", json!({ "spec": { "ncloud": { "description": text } } })).await;
        env.ready::<Policy>("served").await;
        assert_eq!(env.ncloud.policy_named("served").unwrap().description.as_deref(), Some(text));
        env.secret("ncloud", &[("accessKey", &access), ("secretKey", &good)]).await;
        connection_is(&env, "ncloud", "Authenticated").await;
        assert_ne!(shown_version(&env).await, version);
    }
    env.delete::<Secret>("ncloud").await;
    connection_is(&env, "ncloud", "SecretNotFound").await;
}

#[tokio::test]
async fn new_key_is_used_soon_after_a_failure_that_passes() {
    let env = TestEnv::with("former-soon", |settings| {
        settings.connection_interval = Duration::from_hours(1);
        settings.http.read_attempts = 1;
    })
    .await;
    connection_is(&env, "ncloud", "Authenticated").await;
    let version = shown_version(&env).await;
    env.ncloud.faults().add(Fault::any().before(Action::status(503, "")));
    let (access, good) = (env.ncloud.access_key(), env.ncloud.secret_key());
    env.secret("ncloud", &[("accessKey", &access), ("secretKey", &good), ("rotated", "yes")]).await;
    let told = || async {
        anyhow::ensure!(env.events("ncloud").await.iter().any(|(reason, _)| reason == "FormerKeyInUse"));
        Ok(())
    };
    wait_for("the former key to be told", SOON, told).await.unwrap();
    connection_is(&env, "ncloud", "Authenticated").await;
    assert_ne!(shown_version(&env).await, version);
}

#[tokio::test]
async fn revoked_former_key_is_not_kept_in_use() {
    let env = TestEnv::new("former-gone").await;
    connection_is(&env, "ncloud", "Authenticated").await;
    let access = env.ncloud.access_key();
    env.secret("ncloud", &[("accessKey", &access), ("secretKey", "wrong-wrong-wrong")]).await;
    connection_is(&env, "ncloud", "FormerKeyInUse").await;
    let next = "NextSecret/0000000000000000000000000004";
    env.ncloud.set_options(|options| options.secret_key = next.to_owned());
    connection_is(&env, "ncloud", "Unauthorized").await;
    env.secret("ncloud", &[("accessKey", &access), ("secretKey", next)]).await;
    connection_is(&env, "ncloud", "Authenticated").await;
}
