//! Deletion of objects whose dependencies are deleted first: the Secret, the connection, or all of them with the
//! namespace.

use crate::deletion::from_status::{blocked, delete_and_wait};
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
async fn deletion_uses_last_credentials_without_secret_or_connection() {
    let env = TestEnv::new("went-first").await;
    env.apply(ncloud_policy("no-secret")).await;
    env.apply(spaceone_policy("no-connection")).await;
    env.ready::<Policy>("no-secret").await;
    env.ready::<Policy>("no-connection").await;
    env.delete::<Secret>("ncloud").await;
    connection_is(&env, "ncloud", "SecretNotFound").await;
    delete_and_wait::<Policy>(&env, "no-secret").await;
    assert!(env.ncloud.policies().is_empty());

    force_delete_connection(&env, "spaceone").await;
    env.reason::<Policy>("no-connection", "ConnectionNotFound").await;
    delete_and_wait::<Policy>(&env, "no-connection").await;
    assert!(env.spaceone.policies().is_empty());
}

#[tokio::test]
async fn deletion_is_blocked_until_credentials_exist() {
    let mut env = TestEnv::new("no-credentials").await;
    env.apply(ncloud_policy("waiting")).await;
    env.ready::<Policy>("waiting").await;
    env.crash();
    force_delete_connection(&env, "ncloud").await;
    env.start(|_| {});
    env.delete::<Policy>("waiting").await;
    let message = blocked::<Policy>(&env, "waiting", "ConnectionNotFound").await;
    assert!(message.contains("Connection ncloud does not exist"), "{message}");
    assert_eq!(env.ncloud.policies().len(), 1);
    env.connect_ncloud("ncloud").await;
    env.gone::<Policy>("waiting").await;
    assert!(env.ncloud.policies().is_empty());
}

#[tokio::test]
async fn deletion_waits_for_new_key_when_key_is_revoked() {
    let env = TestEnv::new("revoked").await;
    env.apply(ncloud_policy("revoked")).await;
    env.ready::<Policy>("revoked").await;
    let new = "Another/Secret/0000000000000000000000001";
    env.ncloud.set_options(|options| options.secret_key = new.to_owned());
    env.delete::<Policy>("revoked").await;
    blocked::<Policy>(&env, "revoked", "ConnectionNotReady").await;
    connection_is(&env, "ncloud", "Unauthorized").await;
    assert_eq!(env.ncloud.policies().len(), 1);
    let access = env.ncloud.access_key();
    env.secret("ncloud", &[("accessKey", &access), ("secretKey", new)]).await;
    env.gone::<Policy>("revoked").await;
    assert!(env.ncloud.policies().is_empty());
}

/// Deletes a connection that is in use by removing its finalizer.
async fn force_delete_connection(env: &TestEnv, name: &str) {
    env.delete::<Connection>(name).await;
    let api = env.api::<Connection>();
    let bare = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    while api.get_opt(name).await.unwrap().is_some() {
        // The operator may have added or removed its finalizer meanwhile.
        let _ = api.patch(name, &PatchParams::default(), &bare).await;
    }
}

#[tokio::test]
async fn namespace_deletion_deletes_all_upstream_objects() {
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
async fn namespace_deletion_orphans_after_deadline_without_secret() {
    let mut env = TestEnv::new("deadline").await;
    env.apply(ncloud_policy("left")).await;
    env.ready::<Policy>("left").await;
    env.crash();
    env.delete_namespace().await;
    let no_secret = || async {
        anyhow::ensure!(env.api::<Secret>().get_opt("ncloud").await?.is_none(), "still there");
        Ok(())
    };
    wait_for("the Secret to be gone", NAMESPACE_DELETION, no_secret).await.unwrap();
    env.start(|settings| settings.orphan_after = Duration::from_secs(1));
    namespace_is_gone(&env).await;
    assert!(env.ncloud.policy_named("left").is_some());
    assert_eq!(requests_for_objects(env.ncloud.journal()).iter().filter(|call| call.starts_with("DELETE")).count(), 0);
    assert!(env.metrics().contains("reason=\"deadline\""), "{}", env.metrics());
}

/// The namespace controller retries with growing delays while objects are left in the namespace.
const NAMESPACE_DELETION: Duration = Duration::from_secs(90);

async fn namespace_is_gone(env: &TestEnv) {
    let api: Api<Namespace> = Api::all(env.client.clone());
    let probe = || async {
        anyhow::ensure!(api.get_opt(env.namespace()).await?.is_none(), "still there");
        Ok(())
    };
    wait_for("the namespace to be gone", NAMESPACE_DELETION, probe).await.unwrap();
}
