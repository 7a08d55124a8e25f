//! A real API server accepts a sample of the generated specs. The other properties are about specs that users
//! can write.

use super::comparison::assert_alike;
use super::{specs, specs::text, upstreams};
use crate::admission::cases::{Base, NCLOUD, NETWORK, SPACEONE, propose};
use crate::support::upstream::{network_policy, owner_tag, policy};
use cloud_policy::engine::Problem;
use cloud_policy_testbed::pick;
use futures::future::join_all;
use serde_json::Value;

const SAMPLE: usize = 60;

/// Sends objects with these blocks as dry runs, and returns the blocks that the API server would store.
async fn admitted(base: Base, field: &str, blocks: Vec<Value>) -> Vec<Value> {
    let proposals = blocks.into_iter().map(|block| async move {
        let mut object = base.with(&[]);
        object["spec"][field] = block.clone();
        let admitted =
            propose(base, &object).await.unwrap_or_else(|refusal| panic!("refused: {}\n{block}", refusal.message));
        let errors = crate::lint::check(&object).findings.into_iter().filter(|it| it.level == "error");
        assert_eq!(errors.collect::<Vec<_>>(), [], "cloud-policy lint accepts it");
        assert_alike(&admitted["spec"][field], &block, "the API server stores it unchanged");
        admitted["spec"][field].clone()
    });
    join_all(proposals).await
}

fn assert_valid(problems: &[Problem]) {
    assert!(problems.is_empty(), "{problems:?}");
}

#[tokio::test]
async fn generated_ncloud_policies_are_admitted() {
    let (_ncloud, account) = upstreams::ncloud().await;
    for block in admitted(NCLOUD, "ncloud", pick(SAMPLE, 11, specs::ncloud::policy(text::policy_name_alone()))).await {
        assert_valid(&policy(&account, "ncloud", &block, &owner_tag("uid")).validate());
    }
}

#[tokio::test]
async fn generated_spaceone_policies_are_admitted() {
    let (_spaceone, account) = upstreams::spaceone().await;
    let blocks = pick(SAMPLE, 12, specs::spaceone::policy("[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?"));
    for block in admitted(SPACEONE, "spaceone", blocks).await {
        assert_valid(&policy(&account, "spaceone", &block, &owner_tag("uid")).validate());
    }
}

#[tokio::test]
async fn generated_network_policies_are_admitted() {
    let (spaceone, account) = upstreams::spaceone().await;
    for block in admitted(NETWORK, "spaceone", pick(SAMPLE, 13, specs::network::policy(&spaceone.zone_ids()))).await {
        assert_valid(&network_policy(&account, &block, &owner_tag("uid")).validate());
    }
}
