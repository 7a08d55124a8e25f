//! The number of objects and their names, which every kind keeps.

use super::{bound, message};
use crate::support::test_env::{TestEnv, common, condition, network_policy, spaceone_policy};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_simulator::Operation;
use serde_json::json;

#[tokio::test]
async fn oldest_objects_stay_within_the_number() {
    let env = TestEnv::new("guard-number").await;
    bound(&env, "spaceone", json!([{ "maxPolicies": 2 }])).await;
    let mut watching = spaceone_policy("watching");
    watching["spec"]["managementPolicy"] = json!("Observe");
    env.apply(watching).await;
    env.apply(spaceone_policy("one")).await;
    env.ready::<Policy>("one").await;
    env.apply(network_policy("two", &env.spaceone.zone_ids()[0])).await;
    env.ready::<NetworkPolicy>("two").await;
    env.apply(spaceone_policy("three")).await;
    let told = message(&env.reason::<Policy>("three", "GuardrailDenied").await);
    assert!(told.contains("spec.guardrails[0] permits 2 objects in the namespace"), "{told}");
    assert_eq!(env.spaceone.journal().effects(Operation::Create), 2);
    env.delete::<Policy>("one").await;
    env.gone::<Policy>("one").await;
    env.ready::<Policy>("three").await;
    env.ready::<NetworkPolicy>("two").await;
}

#[tokio::test]
async fn crowd_of_one_moment_stays_within_the_number() {
    let env = TestEnv::new("guard-crowd").await;
    bound(&env, "spaceone", json!([{ "maxPolicies": 5 }])).await;
    let names: Vec<String> = (0..20).map(|n| format!("crowd-{n}")).collect();
    futures::future::join_all(names.iter().map(|name| env.apply(spaceone_policy(name)))).await;
    let mut ready = 0;
    for name in &names {
        let ended = |object: &Policy| {
            let reason = condition(&common(object), "Ready").map(|ready| ready.reason.clone()).unwrap_or_default();
            anyhow::ensure!(["UpToDate", "GuardrailDenied"].contains(&reason.as_str()), "{reason}");
            Ok(())
        };
        let object: Policy = env.until(name, "judged", ended).await;
        ready += usize::from(condition(&common(&object), "Ready").unwrap().reason == "UpToDate");
    }
    assert_eq!((ready, env.spaceone.journal().effects(Operation::Create)), (5, 5));
}
