//! Status says how the access that another writer made compares with that of the spec, and a metric counts it.

use crate::support::test_env::{TestEnv, common, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::status::DriftAccess;
use cloud_policy::api::{NetworkPolicy, Policy};
use serde_json::json;

#[tokio::test]
async fn status_shows_how_access_differs() {
    let env = TestEnv::new("access").await;
    let mut object = spaceone_policy("access");
    object["spec"]["driftPolicy"] = json!("Report");
    object["spec"]["spaceone"]["permissions"] = json!(["inventory.Server.get", "inventory.Server.list"]);
    env.apply(object).await;
    let id = upstream_id(&env.ready::<Policy>("access").await);
    for (permissions, access, witness) in [
        (&["inventory.Server.get"][..], DriftAccess::Narrower, None),
        (&["inventory.Server.*"], DriftAccess::Wider, Some("inventory.Server.x")),
        (&["inventory.Server.get", "a.B.c"], DriftAccess::Both, Some("a.B.c")),
    ] {
        env.spaceone
            .edit_policy(&id, |policy| policy.permissions = permissions.iter().map(ToString::to_string).collect());
        env.reconcile_now::<Policy>("access").await;
        let drift = common(&env.reason::<Policy>("access", "DriftReported").await).drift.unwrap();
        assert_eq!((drift.access, drift.witness.as_deref()), (Some(access), witness), "{permissions:?}");
    }
    env.spaceone.edit_policy(&id, |policy| {
        policy.permissions = vec!["inventory.Server.list".to_owned(), "inventory.Server.get".to_owned()];
        policy.labels = vec![json!("other")];
    });
    env.reconcile_now::<Policy>("access").await;
    let drift = common(&env.get::<Policy>("access").await).drift.unwrap();
    assert_eq!((drift.access, drift.witness), (Some(DriftAccess::Equal), None));
}

#[tokio::test]
async fn meaning_that_only_others_know_is_unknown_access() {
    let env = TestEnv::new("access-net").await;
    let mut object = network_policy("access-net", &env.spaceone.zone_ids()[0]);
    object["spec"]["driftPolicy"] = json!("Report");
    env.apply(object).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("access-net").await);
    env.spaceone.edit_network_policy(&id, |policy| {
        policy.data.insert("vpc".to_owned(), json!("another"));
    });
    env.reconcile_now::<NetworkPolicy>("access-net").await;
    let drift = common(&env.reason::<NetworkPolicy>("access-net", "DriftReported").await).drift.unwrap();
    assert_eq!(drift.access, Some(DriftAccess::Unknown));
}
