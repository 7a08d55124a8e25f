//! What the operator does without one of its rights: it says so where that can be said, writes
//! nothing that it could not answer for, and goes on by itself once it has the right.

use super::apiserver_proxy::ApiserverProxy;
use crate::security::tenants::told;
use crate::support::connection_helpers::{SharedConnection, connection_is, requests_for_objects};
use crate::support::rbac;
use crate::support::test_env::{Operator, TestEnv, common, ncloud_policy, spaceone_policy};
use cloud_policy::api::{Connection, Policy};
use cloud_policy::controller::Settings;
use cloud_policy::controller::settings::TenantConnections;
use cloud_policy_simulator::Operation;
use cloud_policy_testbed::TestNamespace;
use kube::ResourceExt;
use serde_json::json;
use std::time::Duration;

/// An operator of this environment whose requests go through the proxy.
async fn start(env: &TestEnv, proxy: &ApiserverProxy, adjust: impl FnOnce(&mut Settings)) -> Operator {
    Operator::start(&proxy.client(&rbac::client().await), &[env.namespace()], adjust)
}

/// Waits until something was refused so often.
async fn refused(env: &TestEnv, proxy: &ApiserverProxy, times: usize) {
    env.eventually(&format!("{times} refusals"), || proxy.refusals() >= times).await;
}

#[tokio::test]
async fn without_the_role_of_the_tenant_namespace_a_connection_says_so_and_heals_when_it_is_bound() {
    let mut env = TestEnv::without_operator("unbound").await;
    let other = TestNamespace::create(&env.client, "unbound").await.unwrap();
    let name = other.name().to_owned();
    env.start(|settings| {
        settings.scope.insert(name);
        settings.tenant_connections = TenantConnections::All;
    });
    let connection = json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1",
        "kind": "Connection",
        "metadata": { "name": "early" },
        "spec": { "ncloud": { "endpoint": env.ncloud.url(), "credentialsSecretRef": { "name": "none" } } },
    });
    env.try_apply_in(other.name(), connection).await.unwrap();
    let message = told::<Connection>(&env, &other, "early", "SecretsNotPermitted").await;
    assert!(message.contains(other.name()) && message.contains("grant `get` on its Secrets"), "{message}");
    rbac::grant_tenant(&env.client, &rbac::client().await, other.name()).await;
    told::<Connection>(&env, &other, "early", "SecretNotFound").await;
}

#[tokio::test]
async fn without_secrets_connections_of_both_kinds_say_so_and_heal() {
    let env = TestEnv::without_operator("no-secrets").await;
    let proxy = ApiserverProxy::refusing(|asked| asked.resource == "secrets");
    let cluster = SharedConnection::connect(&env, json!({ "all": true })).await;
    let _operator = start(&env, &proxy, |settings| settings.cluster_connections = true).await;
    connection_is(&env, "ncloud", "SecretsNotPermitted").await;
    cluster.is("SecretsNotPermitted").await;
    env.apply(ncloud_policy("waiting")).await;
    env.reason::<Policy>("waiting", "ConnectionNotReady").await;
    assert!(env.ncloud.journal().entries().is_empty(), "no call without credentials");
    proxy.open();
    connection_is(&env, "ncloud", "Authenticated").await;
    cluster.is("Authenticated").await;
    env.ready::<Policy>("waiting").await;
    cluster.remove().await;
}

#[tokio::test]
async fn without_the_right_to_list_a_kind_it_ends_all_the_same_when_it_is_told_to() {
    let env = TestEnv::without_operator("no-list").await;
    let proxy = ApiserverProxy::refusing(|asked| asked.resource == "networkpolicies" && asked.verb == "list");
    let operator = start(&env, &proxy, |_| {}).await;
    refused(&env, &proxy, 2).await;
    tokio::time::timeout(Duration::from_secs(30), operator.stop()).await.expect("nothing is under way");
}

#[tokio::test]
async fn without_the_right_to_write_status_nothing_is_created_and_with_it_once() {
    let env = TestEnv::without_operator("no-status").await;
    let proxy = ApiserverProxy::refusing(|asked| asked.resource == "policies/status");
    let _operator = start(&env, &proxy, |_| {}).await;
    for object in [ncloud_policy("waiting"), spaceone_policy("also-waiting")] {
        env.apply(object).await;
    }
    refused(&env, &proxy, 6).await;
    let effects =
        || (env.ncloud.journal().effects(Operation::Create), env.spaceone.journal().effects(Operation::Create));
    assert_eq!(effects(), (0, 0), "an intent that cannot be written down is none");
    proxy.open();
    env.ready::<Policy>("waiting").await;
    env.ready::<Policy>("also-waiting").await;
    assert_eq!(effects(), (1, 1));
}

#[tokio::test]
async fn without_the_right_to_put_the_finalizer_on_nothing_is_created() {
    let env = TestEnv::without_operator("no-finalizer").await;
    let proxy = ApiserverProxy::refusing(|asked| asked.resource == "policies" && asked.verb == "patch");
    let _operator = start(&env, &proxy, |_| {}).await;
    env.apply(ncloud_policy("waiting")).await;
    refused(&env, &proxy, 3).await;
    assert_eq!(requests_for_objects(env.ncloud.journal()), Vec::<String>::new());
    assert!(env.get::<Policy>("waiting").await.finalizers().is_empty());
    proxy.open();
    env.ready::<Policy>("waiting").await;
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 1);
}

#[tokio::test]
async fn where_nothing_tells_whether_the_kind_is_going_a_deletion_waits() {
    let env = TestEnv::without_operator("no-kinds").await;
    let proxy =
        ApiserverProxy::refusing(|asked| asked.resource == "customresourcedefinitions" || asked.resource.is_empty());
    let _operator = start(&env, &proxy, |_| {}).await;
    env.apply(ncloud_policy("waiting")).await;
    env.ready::<Policy>("waiting").await;
    env.delete::<Policy>("waiting").await;
    refused(&env, &proxy, 3).await;
    assert!(env.ncloud.policy_named("waiting").is_some(), "it may be an uninstallation");
    proxy.open();
    env.gone::<Policy>("waiting").await;
    assert!(env.ncloud.policies().is_empty());
}

#[tokio::test]
async fn without_the_right_to_write_events_everything_else_works() {
    let env = TestEnv::without_operator("no-events").await;
    let proxy = ApiserverProxy::refusing(|asked| asked.resource == "events");
    let _operator = start(&env, &proxy, |_| {}).await;
    env.apply(ncloud_policy("silent")).await;
    let seen: Policy = env.ready("silent").await;
    assert!(common(&seen).operation.is_none());
    env.delete::<Policy>("silent").await;
    env.gone::<Policy>("silent").await;
    assert!(env.ncloud.policies().is_empty() && proxy.refusals() > 0);
    assert_eq!(env.events("silent").await, vec![]);
}

#[tokio::test]
async fn without_the_right_to_read_the_cluster_id_the_operator_waits_for_it() {
    let env = TestEnv::without_operator("no-cluster-id").await;
    let proxy = ApiserverProxy::refusing(|asked| asked.resource == "namespaces");
    let _operator = start(&env, &proxy, |_| {}).await;
    env.apply(ncloud_policy("waiting")).await;
    refused(&env, &proxy, 2).await;
    assert!(env.ncloud.journal().entries().is_empty(), "without it there is no stamp");
    proxy.open();
    env.ready::<Policy>("waiting").await;
}
