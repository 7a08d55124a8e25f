//! Objects that claim what another object owns or may own: a claim alone blocks no object.

use super::adoption::by_hand;
use super::lost_finalizers::only_triggers;
use crate::support::connection_helpers::SharedConnection;
use crate::support::rbac;
use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_simulator::spaceone::StoredNetworkPolicy;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use std::time::Duration;

fn claiming(mut object: Value, name: &str, id: &str, adoption: &str) -> Value {
    object["metadata"]["name"] = json!(name);
    object["spec"]["externalId"] = json!(id);
    object["spec"]["adoptionPolicy"] = json!(adoption);
    object
}

/// An older object names the id of an object that it may not adopt.
#[tokio::test]
async fn refused_claim_blocks_no_other_object() {
    let env = TestEnv::new("refused-claim").await;
    let zone = env.spaceone.zone_ids()[0].clone();
    let id = by_hand(&env, "theirs", None);
    let net = env.spaceone.add_network_policy(StoredNetworkPolicy { zone_id: zone.clone(), ..Default::default() });
    env.apply(claiming(ncloud_policy("theirs"), "older", &id, "Never")).await;
    env.apply(claiming(network_policy("x", &zone), "older", &net, "Never")).await;
    env.reason::<Policy>("older", "Conflict").await;
    env.reason::<NetworkPolicy>("older", "Conflict").await;
    env.apply(claiming(ncloud_policy("theirs"), "younger", &id, "Always")).await;
    env.apply(claiming(network_policy("x", &zone), "younger", &net, "Always")).await;
    assert_eq!(upstream_id(&env.ready::<Policy>("younger").await), id);
    assert_eq!(upstream_id(&env.ready::<NetworkPolicy>("younger").await), net);
}

/// An older object that owns another upstream object names the id of this one.
#[tokio::test]
async fn claim_on_recorded_object_does_not_keep_it_from_its_owner() {
    let env = TestEnv::with("recorded-claim", only_triggers).await;
    let zone = env.spaceone.zone_ids()[0].clone();
    env.apply(ncloud_policy("older")).await;
    env.apply(network_policy("older", &zone)).await;
    env.ready::<Policy>("older").await;
    env.ready::<NetworkPolicy>("older").await;
    let id = by_hand(&env, "theirs", None);
    let net = env.spaceone.add_network_policy(StoredNetworkPolicy { zone_id: zone.clone(), ..Default::default() });
    env.apply(claiming(ncloud_policy("theirs"), "owner", &id, "Always")).await;
    env.apply(claiming(network_policy("x", &zone), "owner", &net, "Always")).await;
    env.ready::<Policy>("owner").await;
    env.ready::<NetworkPolicy>("owner").await;
    env.patch::<Policy>("older", json!({ "spec": { "externalId": id, "adoptionPolicy": "Always" } })).await;
    env.patch::<NetworkPolicy>("older", json!({ "spec": { "externalId": net, "adoptionPolicy": "Always" } })).await;
    env.ready::<Policy>("older").await;
    env.ready::<NetworkPolicy>("older").await;
    // Another writer deletes what the younger ones own: they create it again.
    assert!(env.ncloud.remove_policy(&id) && env.spaceone.remove_network_policy(&net));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_ne!(upstream_id(&env.reconcile_now::<Policy>("owner").await), id);
    env.reconcile_now::<NetworkPolicy>("owner").await;
    let own = upstream_id(&env.ready::<NetworkPolicy>("owner").await);
    assert_ne!(own, net);
    env.ready::<Policy>("owner").await;
}

/// A tenant makes a claim first, and never uses it.
#[tokio::test]
async fn tenant_blocks_no_object_of_others_by_a_claim() {
    let mut env = TestEnv::without_operator("claim-tenants").await;
    let other = rbac::tenant(&env.client, "claim-tenants").await;
    let cluster = SharedConnection::connect(&env, json!({ "names": [env.namespace(), other.name()] })).await;
    let scope = other.name().to_owned();
    let shared = |object: Value| {
        let mut object = object;
        object["spec"]["connectionRef"] = json!({ "kind": "ClusterConnection", "name": cluster.name });
        object
    };
    let id = by_hand(&env, "theirs", None);
    env.try_apply_in(other.name(), shared(claiming(ncloud_policy("elsewhere"), "claim", &id, "Never"))).await.unwrap();
    env.try_apply_in(other.name(), shared(claiming(ncloud_policy("squatted"), "absent", "none-such", "Never")))
        .await
        .unwrap();
    env.start(|settings| {
        settings.scope.insert(scope);
        settings.cluster_connections = true;
    });
    cluster.is("Authenticated").await;
    env.wait_for_reconciles(6).await;
    env.apply(shared(claiming(ncloud_policy("theirs"), "mine", &id, "Always"))).await;
    env.apply(shared(ncloud_policy("squatted"))).await;
    assert_eq!(upstream_id(&env.ready::<Policy>("mine").await), id);
    env.ready::<Policy>("squatted").await;
    let theirs: Api<Policy> = Api::namespaced(env.client.clone(), other.name());
    for name in ["claim", "absent"] {
        theirs.delete(name, &DeleteParams::default()).await.unwrap();
    }
    for name in ["mine", "squatted"] {
        env.delete::<Policy>(name).await;
        env.gone::<Policy>(name).await;
    }
    cluster.remove().await;
}
