//! Refusals of `SpaceONE`: the message names the cause and what helps.

use crate::support::test_env::{TestEnv, common, condition, network_policy};
use cloud_policy::api::NetworkPolicy;
use cloud_policy_simulator::spaceone::{Era, Options, Spaceone};
use serde_json::json;

#[tokio::test]
async fn message_names_servers_that_offer_network_policies() {
    let env = TestEnv::new("no-netpols").await;
    let server = Spaceone::start(Options { era: Era::Verb, ..Options::default() }).await.unwrap();
    env.connect_spaceone("later", &server.url(), "Verb", &server.domain_id(), &server.token()).await;
    let mut object = network_policy("unoffered", "zone-1");
    object["spec"]["connectionRef"]["name"] = json!("later");
    env.apply(object).await;
    let seen: NetworkPolicy = env.reason("unoffered", "UnsupportedByUpstream").await;
    let message = condition(&common(&seen), "Ready").unwrap().message.clone();
    assert!(message.contains("only servers until June 2020 offer network policies"), "{message}");
    assert!(!message.contains("apiStyle"), "{message}");
}
