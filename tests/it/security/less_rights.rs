//! The operator without one of its permissions: it reports that where possible, writes nothing that it cannot
//! record, and continues without a restart once it has the permission.

use super::apiserver_proxy::ApiserverProxy;
use crate::security::tenants::ready_message;
use crate::support::connection_helpers::{SharedConnection, connection_is};
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

/// Starts an operator for this environment whose requests go through the proxy.
async fn start(env: &TestEnv, proxy: &ApiserverProxy, adjust: impl FnOnce(&mut Settings)) -> Operator {
    Operator::start(&proxy.client(&rbac::client().await), &[env.namespace()], adjust)
}

/// Waits until this many requests were refused.
async fn refused(env: &TestEnv, proxy: &ApiserverProxy, times: usize) {
    env.eventually(&format!("{times} refusals"), || proxy.refusals() >= times).await;
}

#[tokio::test]
async fn connection_recovers_when_tenant_role_is_bound() {
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
    let message = ready_message::<Connection>(&env, &other, "early", "SecretsNotPermitted").await;
    assert!(message.contains(other.name()) && message.contains("grant `get` on its Secrets"), "{message}");
    rbac::grant_tenant(&env.client, &rbac::client().await, other.name()).await;
    ready_message::<Connection>(&env, &other, "early", "SecretNotFound").await;
}

#[tokio::test]
async fn connections_recover_when_secrets_become_readable() {
    let env = TestEnv::without_operator("no-secrets").await;
    let proxy = ApiserverProxy::refusing(|asked| asked.resource == "secrets");
    let cluster = SharedConnection::connect(&env, json!({ "all": true })).await;
    let _operator = start(&env, &proxy, |settings| settings.cluster_connections = true).await;
    connection_is(&env, "ncloud", "SecretsNotPermitted").await;
    cluster.is("SecretsNotPermitted").await;
    env.apply(ncloud_policy("waiting")).await;
    env.reason::<Policy>("waiting", "ConnectionNotReady").await;
    assert!(env.ncloud.journal().entries().is_empty(), "no request without credentials");
    proxy.allow_all();
    connection_is(&env, "ncloud", "Authenticated").await;
    cluster.is("Authenticated").await;
    env.ready::<Policy>("waiting").await;
    cluster.remove().await;
}

#[tokio::test]
async fn operator_stops_when_kind_cannot_be_listed() {
    let env = TestEnv::without_operator("no-list").await;
    let proxy = ApiserverProxy::refusing(|asked| asked.resource == "networkpolicies" && asked.verb == "list");
    let operator = start(&env, &proxy, |_| {}).await;
    refused(&env, &proxy, 2).await;
    tokio::time::timeout(Duration::from_secs(30), operator.stop()).await.expect("the operator stops");
}

#[tokio::test]
async fn operator_creates_nothing_when_status_is_forbidden() {
    let env = TestEnv::without_operator("no-status").await;
    let proxy = ApiserverProxy::refusing(|asked| asked.resource == "policies/status");
    let _operator = start(&env, &proxy, |_| {}).await;
    for object in [ncloud_policy("waiting"), spaceone_policy("also-waiting")] {
        env.apply(object).await;
    }
    refused(&env, &proxy, 6).await;
    let effects =
        || (env.ncloud.journal().effects(Operation::Create), env.spaceone.journal().effects(Operation::Create));
    assert_eq!(effects(), (0, 0), "no create without a recorded intent");
    proxy.allow_all();
    env.ready::<Policy>("waiting").await;
    env.ready::<Policy>("also-waiting").await;
    assert_eq!(effects(), (1, 1));
}

#[tokio::test]
async fn operator_creates_nothing_when_finalizer_is_forbidden() {
    let env = TestEnv::without_operator("no-finalizer").await;
    let proxy = ApiserverProxy::refusing(|asked| asked.resource == "policies" && asked.verb == "patch");
    let _operator = start(&env, &proxy, |_| {}).await;
    env.apply(ncloud_policy("waiting")).await;
    refused(&env, &proxy, 3).await;
    assert!(env.ncloud.journal().writes().is_empty(), "{:?}", env.ncloud.journal().writes());
    assert!(env.get::<Policy>("waiting").await.finalizers().is_empty());
    proxy.allow_all();
    env.ready::<Policy>("waiting").await;
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 1);
}

#[tokio::test]
async fn deletion_is_blocked_when_crd_state_is_unknown() {
    let env = TestEnv::without_operator("no-kinds").await;
    let proxy =
        ApiserverProxy::refusing(|asked| asked.resource == "customresourcedefinitions" || asked.resource.is_empty());
    let _operator = start(&env, &proxy, |_| {}).await;
    env.apply(ncloud_policy("waiting")).await;
    env.ready::<Policy>("waiting").await;
    env.delete::<Policy>("waiting").await;
    refused(&env, &proxy, 3).await;
    assert!(env.ncloud.policy_named("waiting").is_some(), "the CRD may be being deleted");
    proxy.allow_all();
    env.gone::<Policy>("waiting").await;
    assert!(env.ncloud.policies().is_empty());
}

#[tokio::test]
async fn operator_works_when_events_are_forbidden() {
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
async fn operator_waits_when_cluster_id_is_unreadable() {
    let env = TestEnv::without_operator("no-cluster-id").await;
    let proxy = ApiserverProxy::refusing(|asked| asked.resource == "namespaces");
    let _operator = start(&env, &proxy, |_| {}).await;
    env.apply(ncloud_policy("waiting")).await;
    refused(&env, &proxy, 2).await;
    assert!(env.ncloud.journal().entries().is_empty(), "no owner tag without a cluster id");
    proxy.allow_all();
    env.ready::<Policy>("waiting").await;
}
