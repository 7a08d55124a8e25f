//! Deletion when what it needs went first: the Secret, the connection, or everything with the
//! namespace.

use crate::deletion::from_status::{delete_and_wait, held};
use crate::support::connection_helpers::{connection_is, requests_for_objects};
use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::{Connection, NetworkPolicy, Policy};
use cloud_policy_testbed::wait_for;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn the_last_good_credentials_delete_when_the_secret_or_the_connection_went_first() {
    let env = TestEnv::new("went-first").await;
    env.apply(ncloud_policy("no-secret")).await;
    env.apply(spaceone_policy("no-connection")).await;
    env.ready::<Policy>("no-secret").await;
    env.ready::<Policy>("no-connection").await;
    env.delete::<Secret>("ncloud").await;
    connection_is(&env, "ncloud", "SecretNotFound").await;
    delete_and_wait::<Policy>(&env, "no-secret").await;
    assert!(env.ncloud.policies().is_empty());

    tear_away(&env, "spaceone").await;
    env.reason::<Policy>("no-connection", "ConnectionNotFound").await;
    delete_and_wait::<Policy>(&env, "no-connection").await;
    assert!(env.spaceone.policies().is_empty());
}

#[tokio::test]
async fn without_any_credentials_a_deletion_is_held_until_there_are_some() {
    let mut env = TestEnv::new("no-credentials").await;
    env.apply(ncloud_policy("waiting")).await;
    env.ready::<Policy>("waiting").await;
    env.crash();
    tear_away(&env, "ncloud").await;
    env.start(|_| {});
    env.delete::<Policy>("waiting").await;
    let message = held::<Policy>(&env, "waiting", "ConnectionNotFound").await;
    assert!(message.contains("Connection ncloud does not exist"), "{message}");
    assert_eq!(env.ncloud.policies().len(), 1);
    env.connect_ncloud("ncloud").await;
    env.gone::<Policy>("waiting").await;
    assert!(env.ncloud.policies().is_empty());
}

#[tokio::test]
async fn a_deletion_with_a_revoked_key_waits_for_a_new_one() {
    let env = TestEnv::new("revoked").await;
    env.apply(ncloud_policy("revoked")).await;
    env.ready::<Policy>("revoked").await;
    let new = "Another/Secret/0000000000000000000000001";
    env.ncloud.set_options(|options| options.secret_key = new.to_owned());
    env.delete::<Policy>("revoked").await;
    held::<Policy>(&env, "revoked", "ConnectionNotReady").await;
    connection_is(&env, "ncloud", "Unauthorized").await;
    assert_eq!(env.ncloud.policies().len(), 1);
    let access = env.ncloud.access_key();
    env.secret("ncloud", &[("accessKey", &access), ("secretKey", new)]).await;
    env.gone::<Policy>("revoked").await;
    assert!(env.ncloud.policies().is_empty());
}

/// Deletes a connection although it is in use, as somebody in a hurry does.
async fn tear_away(env: &TestEnv, name: &str) {
    env.delete::<Connection>(name).await;
    let api = env.api::<Connection>();
    let bare = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    while api.get_opt(name).await.unwrap().is_some() {
        // The operator may have put its finalizer on meanwhile, or taken it off.
        let _ = api.patch(name, &PatchParams::default(), &bare).await;
    }
}

#[tokio::test]
async fn a_deleted_namespace_takes_everything_upstream_along() {
    let env = TestEnv::new("namespace").await;
    env.apply(ncloud_policy("all-n")).await;
    env.apply(spaceone_policy("all-p")).await;
    env.apply(network_policy("all-w", &env.spaceone.zone_ids()[0])).await;
    env.ready::<Policy>("all-n").await;
    env.ready::<Policy>("all-p").await;
    env.ready::<NetworkPolicy>("all-w").await;
    env.delete_namespace().await;
    namespace_is_gone(&env).await;
    assert!(env.ncloud.policies().is_empty(), "{:?}", env.ncloud.policies());
    assert!(env.spaceone.policies().is_empty() && env.spaceone.network_policies().is_empty());
}

#[tokio::test]
async fn a_namespace_whose_credentials_are_lost_is_let_go_after_the_deadline_and_loudly() {
    let mut env = TestEnv::new("deadline").await;
    env.apply(ncloud_policy("left")).await;
    env.ready::<Policy>("left").await;
    env.crash();
    env.delete_namespace().await;
    let no_secret = || async {
        anyhow::ensure!(env.api::<Secret>().get_opt("ncloud").await?.is_none(), "still there");
        Ok(())
    };
    wait_for("the Secret to be gone", NAMESPACE_GOES, no_secret).await.unwrap();
    env.start(|settings| settings.orphan_after = Duration::from_secs(1));
    namespace_is_gone(&env).await;
    assert!(env.ncloud.policy_named("left").is_some());
    assert_eq!(requests_for_objects(env.ncloud.journal()).iter().filter(|call| call.starts_with("DELETE")).count(), 0);
    assert!(env.metrics().contains("reason=\"deadline\""), "{}", env.metrics());
}

/// The namespace controller tries again ever more seldom while something holds the namespace.
const NAMESPACE_GOES: Duration = Duration::from_secs(90);

async fn namespace_is_gone(env: &TestEnv) {
    let api: Api<Namespace> = Api::all(env.client.clone());
    let probe = || async {
        anyhow::ensure!(api.get_opt(env.namespace()).await?.is_none(), "still there");
        Ok(())
    };
    wait_for("the namespace to be gone", NAMESPACE_GOES, probe).await.unwrap();
}
