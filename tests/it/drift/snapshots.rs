//! One list serves all objects of a connection, and never decides a write.

use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_simulator::{Action, Fault, Journal, Operation};
use serde_json::json;

/// Lists of whole collections, as the operator asks for them.
fn sweeps(journal: &Journal) -> usize {
    let whole =
        |target: &str| !target.contains("size=1&") && !target.ends_with("size=1") && !target.contains("searchWord");
    let lists = journal.entries().into_iter().filter(|entry| entry.operation == Operation::List);
    lists.filter(|entry| whole(&entry.target) && !entry.request_body.contains("repository_type")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_a_connection_costs_one_list_and_not_one_get_for_each_object() {
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
    // Until its connection is checked, an object comes and goes.
    env.eventually("the lists", || sweeps(ncloud) >= 1 && sweeps(spaceone) >= 2).await;
    env.wait_until_idle().await;
    assert_eq!((sweeps(ncloud), ncloud.count(Operation::Get)), (1, 0), "NAVER Cloud");
    assert_eq!((sweeps(spaceone), spaceone.count(Operation::Get)), (2, 0), "SpaceONE, one list a collection");
    assert_eq!((ncloud.writes(), spaceone.writes()), (vec![], vec![]));
}

#[tokio::test]
async fn what_lists_leave_out_is_looked_at_in_turn() {
    let env = TestEnv::new("turns").await;
    env.apply(ncloud_policy("turn")).await;
    env.ready::<Policy>("turn").await;
    let id = env.ncloud.policy_named("turn").unwrap().policy_id;
    env.ncloud.journal().clear();
    env.ncloud.edit_policy(&id, |policy| policy.permissions[0].effect = "Deny".to_owned());
    env.eventually("the permissions to be put right", || env.ncloud.journal().effects(Operation::Update) == 1).await;
    env.ready::<Policy>("turn").await;
    assert_eq!(env.ncloud.policy_named("turn").unwrap().permissions[0].effect, "Allow");
}

#[tokio::test]
async fn what_a_list_seems_to_show_is_looked_at_closely_before_anything_is_written() {
    let env = TestEnv::new("closely").await;
    env.apply(spaceone_policy("close")).await;
    env.ready::<Policy>("close").await;
    // A list that is wrong, from something in between, for as long as it likes.
    let wrong = json!({ "results": [], "total_count": 0 }).to_string();
    env.spaceone.faults().add(Fault::on(Operation::List).forever().before(Action::status(200, wrong)));
    env.spaceone.journal().clear();
    env.wait_for_reconciles(6).await;
    assert_eq!(env.spaceone.journal().writes(), vec![], "the object is there, whatever lists say");
    assert!(env.spaceone.journal().count(Operation::Get) >= 3);
    let policy: Policy = env.get("close").await;
    assert_eq!(condition(&common(&policy), "Ready").unwrap().reason, "UpToDate");
}

#[tokio::test]
async fn where_lists_cannot_be_had_objects_are_looked_at_one_by_one() {
    let env = TestEnv::new("no-lists").await;
    env.apply(spaceone_policy("alone")).await;
    env.ready::<Policy>("alone").await;
    let refused = json!({ "error": { "code": "ERROR_PERMISSION_DENIED", "message": "no" } }).to_string();
    env.spaceone.faults().add(Fault::on(Operation::List).forever().before(Action::status(403, refused)));
    env.spaceone.edit_policy("alone", |policy| policy.name = "Somebody else's".to_owned());
    env.eventually("the name to be put right", || {
        env.spaceone.policies().iter().all(|policy| policy.name != "Somebody else's")
    })
    .await;
    env.ready::<Policy>("alone").await;
}

#[tokio::test]
async fn an_edit_is_never_judged_by_a_list_from_before_it() {
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
