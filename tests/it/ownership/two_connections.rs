//! Objects that adopt one upstream object through two connections at the same moment: it gets one owner.

use super::adoption::by_hand;
use super::claims::settled;
use crate::support::test_env::{Kind, TestEnv, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::spaceone::{StoredNetworkPolicy, StoredPolicy};
use cloud_policy_simulator::{Decision, Lag, Operation};
use serde_json::{Value, json};
use std::time::Duration;

/// How many pairs of rivals adopt at the same moment.
const PAIRS: usize = 3;

/// Returns the object under another name and connection, permitted to adopt whatever is there.
fn rival(mut object: Value, name: &str, connection: &str) -> Value {
    object["metadata"]["name"] = json!(name);
    object["spec"]["connectionRef"]["name"] = json!(connection);
    object["spec"]["adoptionPolicy"] = json!("Always");
    object
}

/// Adds upstream objects of each kind, and two objects for each, through two connections to the same account.
async fn adopt_at_once(env: &TestEnv) {
    env.connect_ncloud("ncloud-b").await;
    let spaceone = &env.spaceone;
    env.connect_spaceone("spaceone-b", &spaceone.url(), "Rest", &spaceone.domain_id(), &spaceone.token()).await;
    let zone = spaceone.zone_ids()[0].clone();
    let mut all = Vec::new();
    for n in 0..PAIRS {
        by_hand(env, &format!("n-{n}"), None);
        let id = format!("s-{n}");
        spaceone.add_policy(StoredPolicy { policy_id: id.clone(), name: "x".to_owned(), ..StoredPolicy::default() });
        let stored = StoredNetworkPolicy { name: "w".to_owned(), zone_id: zone.clone(), ..Default::default() };
        let network = spaceone.add_network_policy(stored);
        for rank in ["a", "b"] {
            let suffix = if rank == "a" { "" } else { "-b" };
            let mut net = network_policy("w", &zone);
            net["spec"]["externalId"] = json!(network);
            all.push(rival(ncloud_policy(&format!("n-{n}")), &format!("n-{n}-{rank}"), &format!("ncloud{suffix}")));
            all.push(rival(spaceone_policy(&id), &format!("s-{n}-{rank}"), &format!("spaceone{suffix}")));
            all.push(rival(net, &format!("w-{n}-{rank}"), &format!("spaceone{suffix}")));
        }
    }
    futures::future::join_all(all.into_iter().map(|object| env.apply(object))).await;
}

/// Asserts that one of two rivals is ready, that the owner tag is its own, and that nothing is written any more.
async fn has_one_owner<K: Managed + Kind>(env: &TestEnv, name: &str, tag: impl Fn(&str) -> String) {
    let (winner, loser, _) = settled::<K>(env, &format!("{name}-a"), &format!("{name}-b")).await;
    let winner: K = env.get(&winner).await;
    assert!(tag(&upstream_id(&winner)).ends_with(&winner.uid().unwrap()), "{name}: the tag is not that of the owner");
    let events = env.events(&loser).await;
    assert!(!events.iter().any(|(reason, _)| reason == "Adopted"), "{events:?}");
}

async fn have_one_owner(env: &TestEnv) {
    for n in 0..PAIRS {
        has_one_owner::<Policy>(env, &format!("n-{n}"), |id| {
            let policies = env.ncloud.policies();
            policies.iter().find(|policy| policy.policy_id == id).unwrap().tags["cloudpolicy-owner"].clone()
        })
        .await;
        has_one_owner::<Policy>(env, &format!("s-{n}"), |id| {
            let all = env.spaceone.policies();
            let policy = all.iter().find(|policy| policy.policy_id == id).unwrap();
            policy.tags["cloudpolicy_owner"].as_str().unwrap().to_owned()
        })
        .await;
        has_one_owner::<NetworkPolicy>(env, &format!("w-{n}"), |id| {
            let all = env.spaceone.network_policies();
            let policy = all.iter().find(|policy| policy.network_policy_id == id).unwrap();
            policy.tags["cloudpolicy_owner"].as_str().unwrap().to_owned()
        })
        .await;
    }
    assert_eq!(env.ncloud.journal().effects(Operation::TagsAdd), PAIRS, "each owner tag is written once");
    let writes = || [env.ncloud.journal(), env.spaceone.journal()].map(cloud_policy_simulator::Journal::writes);
    let before = writes().map(|writes| writes.len());
    env.wait_for_reconciles(20).await;
    let later: Vec<_> =
        writes().into_iter().zip(before).flat_map(|(all, before)| all.into_iter().skip(before)).collect();
    assert!(later.is_empty(), "written later: {later:#?}");
}

#[tokio::test]
async fn rivals_of_two_connections_end_with_one_owner() {
    let env = TestEnv::new("rivals").await;
    // Both rivals see the object untagged before one of them tags it.
    for faults in [env.ncloud.faults(), env.spaceone.faults()] {
        faults.decide_with(|request| {
            let later = || Decision::DelayAnswer(Box::pin(tokio::time::sleep(Duration::from_millis(150))));
            matches!(request.operation, Operation::Get | Operation::List | Operation::TagsGet).then(later)
        });
    }
    adopt_at_once(&env).await;
    have_one_owner(&env).await;
}

#[tokio::test]
async fn rivals_end_with_one_owner_when_reads_lag() {
    let env = TestEnv::with("rivals-lag", |settings| settings.create_grace = Duration::from_secs(6)).await;
    // Shorter than the looks after a write last.
    let lag = Lag { reads: Duration::from_secs(1), lists: Duration::from_secs(1), ..Lag::default() };
    env.ncloud.set_options(|options| options.switches.lag = lag);
    env.spaceone.set_options(|switches| switches.lag = lag);
    adopt_at_once(&env).await;
    have_one_owner(&env).await;
}
