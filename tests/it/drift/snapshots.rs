//! Snapshots: one list serves all objects of a connection, and a list alone never causes a write.

use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_simulator::{Action, Fault, Journal, Operation};
use serde_json::json;

/// Counts the operator's lists of whole collections.
fn full_lists(journal: &Journal) -> usize {
    let whole =
        |target: &str| !target.contains("size=1&") && !target.ends_with("size=1") && !target.contains("searchWord");
    let lists = journal.entries().into_iter().filter(|entry| entry.operation == Operation::List);
    lists.filter(|entry| whole(&entry.target) && !entry.request_body.contains("repository_type")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarted_operator_reads_each_collection_with_one_list() {
    let mut env = TestEnv::with("restart", |settings| settings.interval_divisor = 1).await;
    let zone = env.spaceone.zone_ids()[0].clone();
    for i in 0..15 {
        env.apply(ncloud_policy(&format!("n-{i}"))).await;
        env.apply(spaceone_policy(&format!("p-{i}"))).await;
        env.apply(network_policy(&format!("w-{i}"), &zone)).await;
    }
    for i in 0..15 {
        env.ready::<Policy>(&format!("n-{i}")).await;
        env.ready::<Policy>(&format!("p-{i}")).await;
        env.ready::<NetworkPolicy>(&format!("w-{i}")).await;
    }
    env.stop().await;
    env.ncloud.journal().clear();
    env.spaceone.journal().clear();
    env.start(|settings| settings.interval_divisor = 1);
    let (ncloud, spaceone) = (env.ncloud.journal(), env.spaceone.journal());
    // The operator requeues an object until its connection is checked.
    env.eventually("the lists", || full_lists(ncloud) >= 1 && full_lists(spaceone) >= 2).await;
    env.wait_until_idle().await;
    assert_eq!((full_lists(ncloud), ncloud.count(Operation::Get)), (1, 0), "NAVER Cloud");
    assert_eq!((full_lists(spaceone), spaceone.count(Operation::Get)), (2, 0), "SpaceONE, one list a collection");
    assert_eq!((ncloud.writes(), spaceone.writes()), (vec![], vec![]));
}

#[tokio::test]
async fn drift_is_found_by_get_when_list_omits_field() {
    let env = TestEnv::new("listed").await;
    env.apply(ncloud_policy("listed")).await;
    env.ready::<Policy>("listed").await;
    let id = env.ncloud.policy_named("listed").unwrap().policy_id;
    env.ncloud.journal().clear();
    env.ncloud.edit_policy(&id, |policy| policy.permissions[0].effect = "Deny".to_owned());
    env.eventually("the permissions to be corrected", || env.ncloud.journal().effects(Operation::Update) == 1).await;
    env.ready::<Policy>("listed").await;
    assert_eq!(env.ncloud.policy_named("listed").unwrap().permissions[0].effect, "Allow");
}

#[tokio::test]
async fn operator_gets_object_before_write_when_list_differs() {
    let env = TestEnv::new("closely").await;
    env.apply(spaceone_policy("close")).await;
    env.ready::<Policy>("close").await;
    // A proxy returns a wrong list for every request.
    let wrong = json!({ "results": [], "total_count": 0 }).to_string();
    env.spaceone.faults().add(Fault::on(Operation::List).forever().before(Action::status(200, wrong)));
    env.spaceone.journal().clear();
    env.wait_for_reconciles(6).await;
    assert_eq!(env.spaceone.journal().writes(), vec![], "the object exists although the lists omit it");
    assert!(env.spaceone.journal().count(Operation::Get) >= 3);
    let policy: Policy = env.get("close").await;
    assert_eq!(condition(&common(&policy), "Ready").unwrap().reason, "UpToDate");
}

#[tokio::test]
async fn operator_gets_each_object_when_list_fails() {
    let env = TestEnv::new("no-lists").await;
    env.apply(spaceone_policy("alone")).await;
    env.ready::<Policy>("alone").await;
    let refused = json!({ "error": { "code": "ERROR_PERMISSION_DENIED", "message": "no" } }).to_string();
    env.spaceone.faults().add(Fault::on(Operation::List).forever().before(Action::status(403, refused)));
    env.spaceone.edit_policy("alone", |policy| policy.name = "Changed by another writer".to_owned());
    env.eventually("the name to be corrected", || {
        env.spaceone.policies().iter().all(|policy| policy.name != "Changed by another writer")
    })
    .await;
    env.ready::<Policy>("alone").await;
}

#[tokio::test]
async fn edited_object_is_never_compared_with_older_list() {
    let env = TestEnv::with("edit", |settings| settings.interval_divisor = 30).await;
    let edited = |name: &str| {
        let mut policy = spaceone_policy("edited");
        policy["spec"]["spaceone"]["name"] = json!(name);
        policy
    };
    for round in 0..4 {
        for name in ["One", "Two"] {
            env.apply(edited(name)).await;
            env.ready::<Policy>("edited").await;
            assert_eq!(env.spaceone.policies()[0].name, name, "round {round}");
            env.reconcile_now::<Policy>("edited").await;
            assert_eq!(env.spaceone.policies()[0].name, name, "round {round}");
        }
    }
}
