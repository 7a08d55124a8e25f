//! Equal access is no drift, however the permissions are written.

use crate::support::test_env::{TestEnv, common, ncloud_policy, spaceone_policy, upstream_id};
use cloud_policy::api::Policy;
use cloud_policy_simulator::Operation;
use serde_json::json;

#[tokio::test]
async fn redundant_actions_are_no_drift_and_cause_no_write() {
    let env = TestEnv::new("equal").await;
    let mut object = ncloud_policy("equal");
    object["spec"]["ncloud"]["permissions"][0]["targets"][0]["actions"] =
        json!(["View*", "View/getServerInstanceList"]);
    env.apply(object).await;
    let id = upstream_id(&env.ready::<Policy>("equal").await);
    let journal = env.ncloud.journal();
    journal.clear();
    env.ncloud.edit_policy(&id, |policy| policy.permissions[0].targets[0].actions = vec!["View*".to_owned()]);
    env.eventually("three more reads", || journal.count(Operation::Get) >= 3).await;
    env.ncloud.edit_policy(&id, |policy| {
        policy.permissions[0].targets[0].actions = vec!["View/x".to_owned(), "View*".to_owned(), "View/y*".to_owned()];
    });
    env.reconcile_now::<Policy>("equal").await;
    assert!(common(&env.ready::<Policy>("equal").await).drift.is_none());
    assert!(journal.writes().is_empty(), "{:?}", journal.writes());
    env.ncloud.edit_policy(&id, |policy| policy.permissions[0].targets[0].actions = vec!["View/x".to_owned()]);
    env.eventually("less access to be corrected", || journal.effects(Operation::Update) == 1).await;
}

#[tokio::test]
async fn covered_permissions_are_no_drift_and_cause_no_write() {
    let env = TestEnv::new("covered").await;
    let mut object = spaceone_policy("covered");
    object["spec"]["spaceone"]["permissions"] = json!(["inventory.*"]);
    env.apply(object).await;
    let id = upstream_id(&env.ready::<Policy>("covered").await);
    let journal = env.spaceone.journal();
    journal.clear();
    env.spaceone.edit_policy(&id, |policy| {
        policy.permissions = vec!["inventory.Server.list".to_owned(), "inventory.*".to_owned()];
    });
    env.reconcile_now::<Policy>("covered").await;
    assert!(common(&env.ready::<Policy>("covered").await).drift.is_none());
    assert!(journal.writes().is_empty(), "{:?}", journal.writes());
    env.spaceone.edit_policy(&id, |policy| {
        policy.permissions = vec!["inventory.[!A-Z]*".to_owned(), "inventory.[A-Z]*".to_owned()];
    });
    env.reconcile_now::<Policy>("covered").await;
    assert!(common(&env.ready::<Policy>("covered").await).drift.is_none(), "both together");
    assert!(journal.writes().is_empty(), "{:?}", journal.writes());
    env.spaceone.edit_policy(&id, |policy| policy.permissions = vec!["inventory*".to_owned()]);
    env.eventually("wider access to be corrected", || journal.effects(Operation::Update) == 1).await;
}
