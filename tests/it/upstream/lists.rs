//! Lists over many pages. An object that a list lacks counts as absent, so an incomplete list is an error.

use crate::support::upstream::{create, network_policy, owner_tag, refusal};
use crate::upstream::ncloud;
use crate::upstream::spaceone_servers::simulated_rest;
use cloud_policy::engine::ErrorKind;
use cloud_policy_simulator::ncloud::NewPolicy;
use cloud_policy_simulator::spaceone::StoredNetworkPolicy;
use cloud_policy_simulator::{Action, Decision, Fault, Operation, When};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test]
async fn tagged_network_policies_are_found_across_all_pages() {
    let server = simulated_rest().await;
    let simulator = server.simulator.as_ref().unwrap();
    let tags = json!({ "cloudpolicy_owner": "cluster/uid-1" });
    let Value::Object(tags) = tags else { panic!("tags are an object") };
    let one = StoredNetworkPolicy { name: "same".to_owned(), tags, ..StoredNetworkPolicy::default() };
    let made: BTreeSet<String> = (0..450).map(|_| simulator.add_network_policy(one.clone())).collect();
    let subject = network_policy(&server.account(), &server.network_policy(), &owner_tag("uid-1"));
    let found: Vec<String> = subject.find().await.unwrap().into_iter().map(|seen| seen.id).collect();
    assert_eq!((found.len(), found.into_iter().collect::<BTreeSet<_>>()), (450, made));
    assert_eq!(simulator.journal().count(Operation::List), 3, "two full pages and a part of one");
}

#[tokio::test]
async fn incomplete_list_is_read_again_then_reported_as_error() {
    let (simulator, account) = ncloud::simulator(|_| {}).await;
    simulator.add_policy(NewPolicy { policy_name: "another".to_owned(), ..NewPolicy::default() });
    let subject = ncloud::bound(&account, &ncloud::block());
    let id = create(&*subject).await;
    let holes = json!({ "items": [], "totalItems": 1, "isLast": true }).to_string();
    simulator.faults().add(Fault::on(Operation::List).before(Action::status(200, holes.clone())));
    assert_eq!(subject.find().await.unwrap()[0].id, id, "the second read is complete");
    simulator.faults().add(Fault::on(Operation::List).forever().before(Action::status(200, holes)));
    assert_eq!(refusal(subject.find().await, &[]).kind, ErrorKind::Unavailable);

    let server = simulated_rest().await;
    let subject = network_policy(&server.account(), &server.network_policy(), &owner_tag("uid-1"));
    let holes = json!({ "total_count": 1 }).to_string();
    server
        .simulator
        .as_ref()
        .unwrap()
        .faults()
        .add(Fault::on(Operation::List).forever().before(Action::status(200, holes)));
    assert_eq!(refusal(subject.find().await, &[]).kind, ErrorKind::Unavailable);
}

/// A server may show fewer objects in a page than were asked for, and a gateway may leave the count out.
#[tokio::test]
async fn list_without_a_count_is_read_to_its_end() {
    for ignores_pages in [false, true] {
        let server = simulated_rest().await;
        let simulator = server.simulator.as_ref().unwrap();
        let tags = json!({ "cloudpolicy_owner": "cluster/uid-1" });
        let Value::Object(tags) = tags else { panic!("tags are an object") };
        let one = StoredNetworkPolicy { name: "same".to_owned(), tags: tags.clone(), ..StoredNetworkPolicy::default() };
        let made: Vec<String> = (0..15).map(|_| simulator.add_network_policy(one.clone())).collect();
        let ids = made.clone();
        simulator.faults().decide_with(move |request| {
            if request.operation != Operation::List {
                return None;
            }
            let query: Value = serde_json::from_str(request.body).unwrap_or_default();
            let start = query["query"]["page"]["start"].as_u64().unwrap_or(1);
            let (skip, take) = if ignores_pages { (0, 15) } else { (usize::try_from(start).unwrap() - 1, 10) };
            let object = |id: &String| json!({ "network_policy_id": id, "name": "same", "tags": tags });
            let results: Vec<Value> = ids.iter().skip(skip).take(take).map(object).collect();
            Some(Decision::Inject(When::Before, Action::status(200, json!({ "results": results }).to_string())))
        });
        let subject = network_policy(&server.account(), &server.network_policy(), &owner_tag("uid-1"));
        let found: BTreeSet<String> = subject.find().await.unwrap().into_iter().map(|seen| seen.id).collect();
        assert_eq!(found, made.into_iter().collect());
    }
}

#[tokio::test]
async fn endless_list_is_aborted() {
    let (simulator, account) = ncloud::simulator(|_| {}).await;
    let subject = ncloud::bound(&account, &ncloud::block());
    let more = json!({ "items": [{ "policyId": "same", "policyName": "other" }], "hasNext": true }).to_string();
    simulator.faults().add(Fault::on(Operation::List).forever().before(Action::status(200, more)));
    let error = refusal(subject.find().await, &[]);
    assert!(error.kind == ErrorKind::Unavailable && error.message.contains("pages"), "{error}");
}
