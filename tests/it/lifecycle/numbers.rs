//! Numbers in free values: what the upstream cannot hold is refused, and every other change is seen.

use crate::support::test_env::{TestEnv, common, condition, network_policy, spaceone_policy};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use serde_json::{Value, json};

#[tokio::test]
async fn long_whole_number_is_refused_before_it_is_sent() {
    let env = TestEnv::new("numbers").await;
    let numbers: [Value; 5] = [
        json!(9_007_199_254_740_993_i64),
        json!(-9_007_199_254_740_993_i64),
        json!(i64::MAX),
        json!(1e300),
        json!({ "deep": [{ "er": 900_719_925_474_099_300_i64 }] }),
    ];
    for (index, number) in numbers.into_iter().enumerate() {
        let name = format!("number-{index}");
        let mut policy = spaceone_policy(&name);
        policy["spec"]["spaceone"]["tags"] = json!({ "v": number });
        env.apply(policy).await;
        assert_refused(&env.reason::<Policy>(&name, "InvalidSpec").await, "spec.spaceone.tags.v");
        let mut network = network_policy(&name, &env.spaceone.zone_ids()[0]);
        network["spec"]["spaceone"]["data"] = json!({ "account": number });
        env.apply(network).await;
        assert_refused(&env.reason::<NetworkPolicy>(&name, "InvalidSpec").await, "spec.spaceone.data.account");
    }
    assert!(env.spaceone.policies().is_empty() && env.spaceone.network_policies().is_empty());
    env.patch::<Policy>("number-0", json!({ "spec": { "spaceone": { "tags": { "v": "9007199254740993" } } } })).await;
    env.ready::<Policy>("number-0").await;
    assert_eq!(env.spaceone.policies()[0].tags["v"], "9007199254740993");
}

fn assert_refused<K: Managed>(object: &K, field: &str) {
    let status = common(object);
    let message = &condition(&status, "Ready").unwrap().message;
    assert!(message.contains(field) && message.contains("write it as text"), "{message}");
    assert!(status.upstream.is_none() && status.operation.is_none());
}

#[tokio::test]
async fn drift_of_one_is_seen_in_large_whole_number() {
    let env = TestEnv::new("numbers").await;
    let large = 9_007_199_254_740_990_i64;
    let mut policy = spaceone_policy("large");
    policy["spec"]["spaceone"]["tags"] = json!({ "v": large });
    env.apply(policy).await;
    env.ready::<Policy>("large").await;
    assert!(env.spaceone.edit_policy("large", |policy| policy.tags["v"] = json!(large + 1)));
    env.reconcile_now::<Policy>("large").await;
    let held = || env.spaceone.policies()[0].tags["v"].as_f64() == json!(large).as_f64();
    env.eventually("the number to be corrected", held).await;
}
