//! The generators keep to what the API server takes: a sample is proposed to a real one. Without
//! this, the other properties could speak of specs that nobody can write.

use super::meaning::assert_alike;
use super::{specs, specs::text, upstreams};
use crate::admission::cases::{Base, NCLOUD, NETWORK, SPACEONE, propose};
use crate::support::upstream::{network_policy, owner_tag, policy};
use cloud_policy::engine::Problem;
use cloud_policy_testbed::pick;
use futures::future::join_all;
use serde_json::Value;

const SAMPLE: usize = 60;

/// Proposes objects with these blocks, and reads what the API server would keep.
async fn kept(base: Base, field: &str, blocks: Vec<Value>) -> Vec<Value> {
    let proposals = blocks.into_iter().map(|block| async move {
        let mut object = base.with(&[]);
        object["spec"][field] = block.clone();
        let kept = propose(base, &object).await.unwrap_or_else(|no| panic!("refused: {}\n{block}", no.message));
        assert_alike(&kept["spec"][field], &block, "the API server keeps it as it is");
        kept["spec"][field].clone()
    });
    join_all(proposals).await
}

fn good(problems: &[Problem]) {
    assert!(problems.is_empty(), "{problems:?}");
}

#[tokio::test]
async fn generated_ncloud_policies_are_admitted() {
    let (_ncloud, account) = upstreams::ncloud().await;
    for block in kept(NCLOUD, "ncloud", pick(SAMPLE, 11, specs::ncloud::policy(text::policy_name_alone()))).await {
        good(&policy(&account, "ncloud", &block, &owner_tag("uid")).problems());
    }
}

#[tokio::test]
async fn generated_spaceone_policies_are_admitted() {
    let (_spaceone, account) = upstreams::spaceone().await;
    let blocks = pick(SAMPLE, 12, specs::spaceone::policy("[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?"));
    for block in kept(SPACEONE, "spaceone", blocks).await {
        good(&policy(&account, "spaceone", &block, &owner_tag("uid")).problems());
    }
}

#[tokio::test]
async fn generated_network_policies_are_admitted() {
    let (spaceone, account) = upstreams::spaceone().await;
    for block in kept(NETWORK, "spaceone", pick(SAMPLE, 13, specs::network::policy(&spaceone.zone_ids()))).await {
        good(&network_policy(&account, &block, &owner_tag("uid")).problems());
    }
}
