//! Deletion of a crowd whose objects share lists: whatever the lists show, the operator deletes what is its own, and lets
//! no object go whose upstream object is left.

use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::Settings;
use cloud_policy_simulator::{Action, Fault, Lag, Operation};
use serde_json::json;
use std::time::Duration;

/// Objects of each collection.
const CROWD: usize = 12;

/// The owner tag of another cluster.
const FOREIGN: &str = "elsewhere/uid";

fn unlimited(settings: &mut Settings) {
    settings.delete_limit = 0;
}

/// Creates a crowd of each collection, and deletes it while no operator runs.
async fn deleted_crowds(prefix: &str) -> TestEnv {
    let mut env = TestEnv::with(prefix, unlimited).await;
    let zone = env.spaceone.zone_ids()[0].clone();
    for i in 0..CROWD {
        env.apply(ncloud_policy(&format!("nc{i}"))).await;
        env.apply(spaceone_policy(&format!("sp{i}"))).await;
        env.apply(network_policy(&format!("nw{i}"), &zone)).await;
    }
    for i in 0..CROWD {
        env.ready::<Policy>(&format!("nc{i}")).await;
        env.ready::<Policy>(&format!("sp{i}")).await;
        env.ready::<NetworkPolicy>(&format!("nw{i}")).await;
    }
    env.stop().await;
    for i in 0..CROWD {
        env.delete::<Policy>(&format!("nc{i}")).await;
        env.delete::<Policy>(&format!("sp{i}")).await;
        env.delete::<NetworkPolicy>(&format!("nw{i}")).await;
    }
    env
}

async fn all_gone(env: &TestEnv) {
    for i in 0..CROWD {
        env.gone::<Policy>(&format!("nc{i}")).await;
        env.gone::<Policy>(&format!("sp{i}")).await;
        env.gone::<NetworkPolicy>(&format!("nw{i}")).await;
    }
}

/// Returns how many objects are left upstream, by collection.
fn left(env: &TestEnv) -> [usize; 3] {
    [env.ncloud.policies().len(), env.spaceone.policies().len(), env.spaceone.network_policies().len()]
}

fn deletes(env: &TestEnv) -> usize {
    env.ncloud.journal().effects(Operation::Delete) + env.spaceone.journal().effects(Operation::Delete)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_deletion_leaves_objects_of_other_owners() {
    let mut env = deleted_crowds("crowd-foreign").await;
    let (ncloud, spaceone) = (env.ncloud.policies(), env.spaceone.policies());
    let network = env.spaceone.network_policies();
    env.ncloud.edit_policy(&ncloud[5].policy_id, |policy| {
        policy.tags.insert("cloudpolicy-owner".to_owned(), FOREIGN.to_owned());
    });
    env.spaceone.edit_policy(&spaceone[5].policy_id, |policy| {
        policy.tags.insert("cloudpolicy_owner".to_owned(), json!(FOREIGN));
    });
    env.spaceone.edit_network_policy(&network[5].network_policy_id, |policy| {
        policy.tags.insert("cloudpolicy_owner".to_owned(), json!(FOREIGN));
    });
    env.start(unlimited);
    all_gone(&env).await;
    assert_eq!(env.ncloud.policies()[0].policy_id, ncloud[5].policy_id);
    assert_eq!(env.spaceone.policies()[0].policy_id, spaceone[5].policy_id);
    assert_eq!(env.spaceone.network_policies()[0].network_policy_id, network[5].network_policy_id);
    assert_eq!(left(&env), [1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_deletion_succeeds_although_lists_fail() {
    let mut env = deleted_crowds("crowd-failing").await;
    let failing = |skip| Fault::on(Operation::List).skip(skip).times(6).before(Action::status(500, "{}"));
    env.ncloud.faults().add(failing(1));
    env.spaceone.faults().add(failing(1));
    env.start(unlimited);
    all_gone(&env).await;
    assert_eq!((left(&env), deletes(&env)), ([0, 0, 0], 3 * CROWD));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_deletion_awaits_what_lists_still_show() {
    let mut env = deleted_crowds("crowd-lagging").await;
    let behind = Duration::from_secs(2);
    let lag = Lag { reads: behind, lists: behind, deletions: behind };
    env.ncloud.set_options(|options| options.switches.lag = lag);
    env.spaceone.set_options(|switches| switches.lag = lag);
    env.start(unlimited);
    all_gone(&env).await;
    assert_eq!((left(&env), deletes(&env)), ([0, 0, 0], 3 * CROWD));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_deletion_is_finished_by_the_next_process() {
    let mut env = deleted_crowds("crowd-crash").await;
    for _ in 0..4 {
        let before = deletes(&env);
        env.start(unlimited);
        env.eventually("some deletions", || deletes(&env) >= (before + 6).min(3 * CROWD)).await;
        env.crash();
    }
    env.start(unlimited);
    all_gone(&env).await;
    assert_eq!((left(&env), deletes(&env)), ([0, 0, 0], 3 * CROWD));
}
