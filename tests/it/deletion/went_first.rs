//! Deletion when what it needs went first: the Secret, the connection, or everything with the
//! namespace.

use crate::deletion::from_status::{delete_and_wait, held};
use crate::support::links::{asked_for_objects, connection_is};
use crate::support::world::{World, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::{Connection, NetworkPolicy, Policy};
use cloud_policy_testbed::wait_for;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn the_last_good_credentials_delete_when_the_secret_or_the_connection_went_first() {
    let world = World::new("went-first").await;
    world.apply(ncloud_policy("no-secret")).await;
    world.apply(spaceone_policy("no-connection")).await;
    world.ready::<Policy>("no-secret").await;
    world.ready::<Policy>("no-connection").await;
    world.delete::<Secret>("ncloud").await;
    connection_is(&world, "ncloud", "SecretNotFound").await;
    delete_and_wait::<Policy>(&world, "no-secret").await;
    assert!(world.ncloud.policies().is_empty());

    tear_away(&world, "spaceone").await;
    world.reason::<Policy>("no-connection", "ConnectionNotFound").await;
    delete_and_wait::<Policy>(&world, "no-connection").await;
    assert!(world.spaceone.policies().is_empty());
}

#[tokio::test]
async fn without_any_credentials_a_deletion_is_held_until_there_are_some() {
    let mut world = World::new("no-credentials").await;
    world.apply(ncloud_policy("waiting")).await;
    world.ready::<Policy>("waiting").await;
    world.crash();
    tear_away(&world, "ncloud").await;
    world.start(|_| {});
    world.delete::<Policy>("waiting").await;
    let message = held::<Policy>(&world, "waiting", "ConnectionNotFound").await;
    assert!(message.contains("Connection ncloud does not exist"), "{message}");
    assert_eq!(world.ncloud.policies().len(), 1);
    world.connect_ncloud("ncloud").await;
    world.gone::<Policy>("waiting").await;
    assert!(world.ncloud.policies().is_empty());
}

#[tokio::test]
async fn a_deletion_with_a_revoked_key_waits_for_a_new_one() {
    let world = World::new("revoked").await;
    world.apply(ncloud_policy("revoked")).await;
    world.ready::<Policy>("revoked").await;
    let new = "Another/Secret/0000000000000000000000001";
    world.ncloud.set_options(|options| options.secret_key = new.to_owned());
    world.delete::<Policy>("revoked").await;
    held::<Policy>(&world, "revoked", "ConnectionNotReady").await;
    connection_is(&world, "ncloud", "Unauthorized").await;
    assert_eq!(world.ncloud.policies().len(), 1);
    let access = world.ncloud.access_key();
    world.secret("ncloud", &[("accessKey", &access), ("secretKey", new)]).await;
    world.gone::<Policy>("revoked").await;
    assert!(world.ncloud.policies().is_empty());
}

/// Deletes a connection although it is in use, as somebody in a hurry does.
async fn tear_away(world: &World, name: &str) {
    world.delete::<Connection>(name).await;
    let api = world.api::<Connection>();
    let bare = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    while api.get_opt(name).await.unwrap().is_some() {
        // The operator may have put its finalizer on meanwhile, or taken it off.
        let _ = api.patch(name, &PatchParams::default(), &bare).await;
    }
}

#[tokio::test]
async fn a_deleted_namespace_takes_everything_upstream_along() {
    let world = World::new("namespace").await;
    world.apply(ncloud_policy("all-n")).await;
    world.apply(spaceone_policy("all-p")).await;
    world.apply(network_policy("all-w", &world.spaceone.zone_ids()[0])).await;
    world.ready::<Policy>("all-n").await;
    world.ready::<Policy>("all-p").await;
    world.ready::<NetworkPolicy>("all-w").await;
    world.delete_namespace().await;
    namespace_is_gone(&world).await;
    assert!(world.ncloud.policies().is_empty(), "{:?}", world.ncloud.policies());
    assert!(world.spaceone.policies().is_empty() && world.spaceone.network_policies().is_empty());
}

#[tokio::test]
async fn a_namespace_whose_credentials_are_lost_is_let_go_after_the_deadline_and_loudly() {
    let mut world = World::new("deadline").await;
    world.apply(ncloud_policy("left")).await;
    world.ready::<Policy>("left").await;
    world.crash();
    world.delete_namespace().await;
    let no_secret = || async {
        anyhow::ensure!(world.api::<Secret>().get_opt("ncloud").await?.is_none(), "still there");
        Ok(())
    };
    wait_for("the Secret to be gone", NAMESPACE_GOES, no_secret).await.unwrap();
    world.start(|settings| settings.orphan_after = Duration::from_secs(1));
    namespace_is_gone(&world).await;
    assert!(world.ncloud.policy_named("left").is_some());
    assert_eq!(asked_for_objects(world.ncloud.journal()).iter().filter(|call| call.starts_with("DELETE")).count(), 0);
    assert!(world.metrics().contains("why=\"deadline\""), "{}", world.metrics());
}

/// The namespace controller tries again ever more seldom while something holds the namespace.
const NAMESPACE_GOES: Duration = Duration::from_secs(90);

async fn namespace_is_gone(world: &World) {
    let api: Api<Namespace> = Api::all(world.client.clone());
    let probe = || async {
        anyhow::ensure!(api.get_opt(world.namespace()).await?.is_none(), "still there");
        Ok(())
    };
    wait_for("the namespace to be gone", NAMESPACE_GOES, probe).await.unwrap();
}
