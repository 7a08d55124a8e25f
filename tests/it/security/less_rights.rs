//! What the operator does without one of its rights: it says so where that can be said, writes
//! nothing that it could not answer for, and goes on by itself once it has the right.

use super::door::Door;
use crate::security::tenants::told;
use crate::support::links::{Cluster, asked_for_objects, connection_is};
use crate::support::role;
use crate::support::world::{Operator, World, common, ncloud_policy, spaceone_policy};
use cloud_policy::api::{Connection, Policy};
use cloud_policy::controller::Settings;
use cloud_policy::controller::settings::TenantConnections;
use cloud_policy_simulator::Operation;
use cloud_policy_testbed::TestNamespace;
use kube::ResourceExt;
use serde_json::json;
use std::time::Duration;

/// An operator of this world whose requests go through the door.
async fn start(world: &World, door: &Door, adjust: impl FnOnce(&mut Settings)) -> Operator {
    Operator::start(&door.client(&role::client().await), &[world.namespace()], adjust)
}

/// Waits until something was refused so often.
async fn refused(world: &World, door: &Door, times: usize) {
    world.eventually(&format!("{times} refusals"), || door.refusals() >= times).await;
}

#[tokio::test]
async fn without_the_role_of_the_tenant_namespace_a_connection_says_so_and_heals_when_it_is_bound() {
    let mut world = World::still("unbound").await;
    let other = TestNamespace::create(&world.client, "unbound").await.unwrap();
    let name = other.name().to_owned();
    world.start(|settings| {
        settings.scope.insert(name);
        settings.tenant_connections = TenantConnections::All;
    });
    let connection = json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1",
        "kind": "Connection",
        "metadata": { "name": "early" },
        "spec": { "ncloud": { "endpoint": world.ncloud.url(), "credentialsSecretRef": { "name": "none" } } },
    });
    world.try_apply_in(other.name(), connection).await.unwrap();
    let message = told::<Connection>(&world, &other, "early", "SecretsNotPermitted").await;
    assert!(message.contains(other.name()) && message.contains("grant `get` on its Secrets"), "{message}");
    role::grant_tenant(&world.client, &role::client().await, other.name()).await;
    told::<Connection>(&world, &other, "early", "SecretNotFound").await;
}

#[tokio::test]
async fn without_secrets_connections_of_both_kinds_say_so_and_heal() {
    let world = World::still("no-secrets").await;
    let door = Door::refusing(|asked| asked.resource == "secrets");
    let cluster = Cluster::connect(&world, json!({ "all": true })).await;
    let _operator = start(&world, &door, |settings| settings.cluster_connections = true).await;
    connection_is(&world, "ncloud", "SecretsNotPermitted").await;
    cluster.is("SecretsNotPermitted").await;
    world.apply(ncloud_policy("waiting")).await;
    world.reason::<Policy>("waiting", "ConnectionNotReady").await;
    assert!(world.ncloud.journal().entries().is_empty(), "no call without credentials");
    door.open();
    connection_is(&world, "ncloud", "Authenticated").await;
    cluster.is("Authenticated").await;
    world.ready::<Policy>("waiting").await;
    cluster.remove().await;
}

#[tokio::test]
async fn without_the_right_to_list_a_kind_it_ends_all_the_same_when_it_is_told_to() {
    let world = World::still("no-list").await;
    let door = Door::refusing(|asked| asked.resource == "networkpolicies" && asked.verb == "list");
    let operator = start(&world, &door, |_| {}).await;
    refused(&world, &door, 2).await;
    tokio::time::timeout(Duration::from_secs(30), operator.stop()).await.expect("nothing is under way");
}

#[tokio::test]
async fn without_the_right_to_write_status_nothing_is_created_and_with_it_once() {
    let world = World::still("no-status").await;
    let door = Door::refusing(|asked| asked.resource == "policies/status");
    let _operator = start(&world, &door, |_| {}).await;
    for object in [ncloud_policy("waiting"), spaceone_policy("also-waiting")] {
        world.apply(object).await;
    }
    refused(&world, &door, 6).await;
    let effects =
        || (world.ncloud.journal().effects(Operation::Create), world.spaceone.journal().effects(Operation::Create));
    assert_eq!(effects(), (0, 0), "an intent that cannot be written down is none");
    door.open();
    world.ready::<Policy>("waiting").await;
    world.ready::<Policy>("also-waiting").await;
    assert_eq!(effects(), (1, 1));
}

#[tokio::test]
async fn without_the_right_to_put_the_finalizer_on_nothing_is_created() {
    let world = World::still("no-finalizer").await;
    let door = Door::refusing(|asked| asked.resource == "policies" && asked.verb == "patch");
    let _operator = start(&world, &door, |_| {}).await;
    world.apply(ncloud_policy("waiting")).await;
    refused(&world, &door, 3).await;
    assert_eq!(asked_for_objects(world.ncloud.journal()), Vec::<String>::new());
    assert!(world.get::<Policy>("waiting").await.finalizers().is_empty());
    door.open();
    world.ready::<Policy>("waiting").await;
    assert_eq!(world.ncloud.journal().effects(Operation::Create), 1);
}

#[tokio::test]
async fn where_nothing_tells_whether_the_kind_is_going_a_deletion_waits() {
    let world = World::still("no-kinds").await;
    let door = Door::refusing(|asked| asked.resource == "customresourcedefinitions" || asked.resource.is_empty());
    let _operator = start(&world, &door, |_| {}).await;
    world.apply(ncloud_policy("waiting")).await;
    world.ready::<Policy>("waiting").await;
    world.delete::<Policy>("waiting").await;
    refused(&world, &door, 3).await;
    assert!(world.ncloud.policy_named("waiting").is_some(), "it may be an uninstallation");
    door.open();
    world.gone::<Policy>("waiting").await;
    assert!(world.ncloud.policies().is_empty());
}

#[tokio::test]
async fn without_the_right_to_write_events_everything_else_works() {
    let world = World::still("no-events").await;
    let door = Door::refusing(|asked| asked.resource == "events");
    let _operator = start(&world, &door, |_| {}).await;
    world.apply(ncloud_policy("silent")).await;
    let seen: Policy = world.ready("silent").await;
    assert!(common(&seen).operation.is_none());
    world.delete::<Policy>("silent").await;
    world.gone::<Policy>("silent").await;
    assert!(world.ncloud.policies().is_empty() && door.refusals() > 0);
    assert_eq!(world.events("silent").await, vec![]);
}

#[tokio::test]
async fn without_the_right_to_read_the_cluster_id_the_operator_waits_for_it() {
    let world = World::still("no-cluster-id").await;
    let door = Door::refusing(|asked| asked.resource == "namespaces");
    let _operator = start(&world, &door, |_| {}).await;
    world.apply(ncloud_policy("waiting")).await;
    refused(&world, &door, 2).await;
    assert!(world.ncloud.journal().entries().is_empty(), "without it there is no stamp");
    door.open();
    world.ready::<Policy>("waiting").await;
}
