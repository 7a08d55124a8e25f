//! An operator for single namespaces: it has the Role of the documentation, and no permission in the cluster.

use crate::approvals::{approve, required};
use crate::docs::markdown::Page;
use crate::security::apiserver_proxy::ApiserverProxy;
use crate::security::grants::{self, Within};
use crate::support;
use crate::support::connection_helpers::{SharedConnection, connection_is};
use crate::support::installation::{Installation, OWN, TENANT, ours, secret};
use crate::support::rbac;
use crate::support::test_env::{
    Operator, SOON, TestEnv, common, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::{ClusterConnection, Connection, NetworkPolicy, Policy};
use cloud_policy::controller;
use cloud_policy::controller::Settings;
use cloud_policy_simulator::Operation;
use cloud_policy_testbed::{ControlPlane, TestNamespace};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Returns the Role in the documentation.
fn documented() -> Role {
    let page = Page::read("docs/operator-flags.md");
    let mut found = page.fences.iter().filter(|fence| fence.body.contains("kind: Role\n"));
    let fence = found.next().expect("a Role");
    assert!(found.next().is_none(), "two Roles");
    serde_saphyr::from_str(&fence.body).unwrap()
}

/// Returns a client with the documented Role in this namespace, and no other permission.
async fn narrow_client(control_plane: &ControlPlane, admin: &Client, namespace: &str) -> Client {
    let mut role = documented();
    role.metadata.namespace = Some(namespace.to_owned());
    let binding: RoleBinding = serde_json::from_value(json!({
        "metadata": { "name": "narrow", "namespace": namespace },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role.name_any() },
        "subjects": [{ "kind": "ServiceAccount", "name": "narrow", "namespace": namespace }],
    }))
    .unwrap();
    let roles: Api<Role> = Api::namespaced(admin.clone(), namespace);
    let params = PatchParams::apply("narrow").force();
    roles.patch(&role.name_any(), &params, &Patch::Apply(&role)).await.unwrap();
    Api::namespaced(admin.clone(), namespace).create(&kube::api::PostParams::default(), &binding).await.unwrap();
    let user = format!("system:serviceaccount:{namespace}:narrow");
    let groups = [&format!("system:serviceaccounts:{namespace}"), "system:serviceaccounts", "system:authenticated"];
    let client = control_plane.client_as(&user, &groups.map(|group| group as &str)).unwrap();
    let (policies, one): (Api<Policy>, _) =
        (Api::namespaced(client.clone(), namespace), ListParams::default().limit(1));
    rbac::wait_until_allowed(|| policies.list(&one)).await;
    client
}

/// Returns a test environment without an operator, and a client for an operator of this namespace only.
async fn narrow_env(prefix: &str) -> (TestEnv, Client) {
    let env = TestEnv::without_operator(prefix).await;
    let client = narrow_client(support::control_plane().await, &env.client, env.namespace()).await;
    (env, client)
}

fn start(env: &TestEnv, client: &Client) -> Operator {
    Operator::start(client, &[env.namespace()], identified)
}

fn identified(settings: &mut Settings) {
    settings.cluster_id = Some("a-cluster".to_owned());
}

/// Returns whether the response is 403.
fn is_forbidden<T>(answer: kube::Result<T>) -> bool {
    matches!(answer, Err(kube::Error::Api(status)) if status.code == 403)
}

#[tokio::test]
async fn namespaced_role_grants_nothing_in_cluster() {
    let (env, client) = narrow_env("narrow-rights").await;
    let other = TestNamespace::create(&env.client, "narrow-rights").await.unwrap();
    let list = ListParams::default();
    assert!(is_forbidden(Api::<Policy>::all(client.clone()).list(&list).await));
    assert!(is_forbidden(Api::<Policy>::namespaced(client.clone(), other.name()).list(&list).await));
    assert!(is_forbidden(Api::<ClusterConnection>::all(client.clone()).list(&list).await));
    assert!(is_forbidden(Api::<CustomResourceDefinition>::all(client.clone()).get("policies.cloudpolicy.dev").await));
    assert!(is_forbidden(Api::<Namespace>::all(client.clone()).get("kube-system").await));
    Api::<Namespace>::all(client).get(env.namespace()).await.expect("its own namespace");
}

#[tokio::test]
async fn namespaced_operator_manages_only_its_namespace() {
    let (env, client) = narrow_env("narrow").await;
    let elsewhere = rbac::tenant(&env.client, "narrow").await;
    env.try_apply_in(elsewhere.name(), ncloud_policy("elsewhere")).await.unwrap();
    let proxy = ApiserverProxy::default();
    let _operator = start(&env, &proxy.client(&client));
    let zone = env.spaceone.zone_ids()[0].clone();
    for object in [ncloud_policy("narrow-n"), spaceone_policy("narrow-p"), network_policy("narrow-w", &zone)] {
        env.apply(object).await;
    }
    let policy: Policy = env.ready("narrow-n").await;
    env.ready::<Policy>("narrow-p").await;
    env.ready::<NetworkPolicy>("narrow-w").await;
    env.patch::<Policy>("narrow-n", json!({ "spec": { "ncloud": { "description": "second" } } })).await;
    env.ready::<Policy>("narrow-n").await;
    let described = || env.ncloud.policy_named("narrow-n").unwrap().description.unwrap_or_default();
    assert_eq!(described(), "second");
    for hand in ["by hand", "by hand again"] {
        env.ncloud.edit_policy(&upstream_id(&policy), |policy| policy.description = Some(hand.to_owned()));
        env.reconcile_now::<Policy>("narrow-n").await;
        env.eventually("the drift to be corrected", || described() == "second").await;
    }
    required(&env, "ncloud").await;
    env.apply(ncloud_policy("narrow-a")).await;
    approve(&env, "yes", "narrow-a").await;
    env.ready::<Policy>("narrow-a").await;
    env.delete::<Policy>("narrow-a").await;
    env.gone::<Policy>("narrow-a").await;
    let mut alone = ncloud_policy("alone");
    alone["spec"]["connectionRef"] = json!({ "name": "nowhere" });
    env.apply(alone).await;
    env.reason::<Policy>("alone", "ConnectionNotFound").await;
    env.delete::<Policy>("narrow-n").await;
    env.delete::<Policy>("narrow-p").await;
    env.delete::<NetworkPolicy>("narrow-w").await;
    env.gone::<Policy>("narrow-n").await;
    env.gone::<Policy>("narrow-p").await;
    env.gone::<NetworkPolicy>("narrow-w").await;
    assert!(env.ncloud.policies().is_empty() && env.spaceone.policies().is_empty());
    assert!(env.spaceone.network_policies().is_empty());
    let other: Policy = Api::namespaced(env.client.clone(), elsewhere.name()).get("elsewhere").await.unwrap();
    assert!(common(&other).conditions.is_empty() && other.finalizers().is_empty(), "{other:?}");
    assert_every_grant_was_used(&env, &proxy);
}

/// Asserts that every permission of the Role was used. The operator reads the namespace only when its
/// connection is gone, which another test covers.
fn assert_every_grant_was_used(env: &TestEnv, proxy: &ApiserverProxy) {
    let (namespace, asked) = (env.namespace(), proxy.asked());
    let granted = grants::split_rules(Within::TenantNamespace, &documented().rules.unwrap());
    let used = |grant: &&grants::Grant| asked.iter().any(|asked| grant.permits(asked, "none", namespace));
    let unused: Vec<_> = granted.iter().filter(|grant| !used(grant) && !grant.is_about("namespaces")).collect();
    assert!(unused.is_empty(), "granted and not requested: {unused:?}");
}

#[tokio::test]
async fn namespaced_operator_does_not_wait_for_hidden_kinds() {
    let (env, client) = narrow_env("narrow-start").await;
    let mut settings = Settings::new(env.namespace());
    settings.scope = [env.namespace().to_owned()].into();
    settings.cluster_connections = false;
    let shutdown = CancellationToken::new();
    timeout(SOON, controller::wait_for_crds(&client, &settings, &shutdown)).await.expect("the kinds exist");
    settings.cluster_connections = true;
    let waits = timeout(Duration::from_secs(3), controller::wait_for_crds(&client, &settings, &shutdown)).await;
    assert!(waits.is_err(), "the operator waits for a kind that it may not list");
}

#[tokio::test]
async fn namespaced_operator_refuses_cluster_connection() {
    let (env, client) = narrow_env("narrow-shared").await;
    let cluster = SharedConnection::connect(&env, json!({ "all": true })).await;
    let _operator = start(&env, &client);
    let mut object = ncloud_policy("shared");
    object["spec"]["connectionRef"] = json!({ "kind": "ClusterConnection", "name": cluster.name });
    env.apply(object).await;
    let seen: Policy = env.reason("shared", "ConnectionNotFound").await;
    let conditions = common(&seen).conditions.clone();
    let told = &conditions.iter().find(|c| c.type_ == "Ready").unwrap().message;
    assert!(told.contains("--watch-namespaces") && told.contains("Name a Connection of this namespace"), "{told}");
    assert!(conditions.iter().any(|c| c.type_ == "Stalled" && c.status == "True"), "{conditions:?}");
    assert!(env.ncloud.policies().is_empty());
    env.delete::<Policy>("shared").await;
    env.gone::<Policy>("shared").await;
    cluster.remove().await;
}

#[tokio::test]
async fn deletion_is_blocked_when_connection_is_gone() {
    let (env, client) = narrow_env("narrow-lost").await;
    let operator = start(&env, &client);
    env.apply(ncloud_policy("lost")).await;
    env.ready::<Policy>("lost").await;
    operator.stop().await;
    env.patch::<Connection>("ncloud", json!({ "metadata": { "finalizers": null } })).await;
    env.delete::<Connection>("ncloud").await;
    env.gone::<Connection>("ncloud").await;
    let _operator = start(&env, &client);
    env.delete::<Policy>("lost").await;
    env.reason::<Policy>("lost", "ConnectionNotFound").await;
    assert!(env.ncloud.policy_named("lost").is_some());
    env.connect_ncloud("ncloud").await;
    connection_is(&env, "ncloud", "Authenticated").await;
    env.gone::<Policy>("lost").await;
    assert_eq!(env.ncloud.journal().effects(Operation::Delete), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crd_deletion_keeps_upstream_when_crds_are_unreadable() {
    let installation = Installation::new().await;
    let client = narrow_client(&installation.control_plane, &installation.admin, TENANT).await;
    let operator = Operator::start(&client, &[TENANT], identified);
    let keys = json!({ "accessKey": installation.ncloud.access_key(), "secretKey": installation.ncloud.secret_key() });
    installation.apply(Some(TENANT), secret("ncloud", &keys)).await;
    let endpoint = installation.ncloud.url();
    let spec = json!({ "ncloud": { "endpoint": endpoint, "credentialsSecretRef": { "name": "ncloud" } } });
    installation.apply(Some(TENANT), ours("Connection", "ncloud", &spec)).await;
    for name in ["stays-a", "stays-b"] {
        installation.apply(Some(TENANT), ncloud_policy(name)).await;
        installation.reason("Policy", name, "UpToDate").await;
    }
    installation.delete_crds().await;
    assert_eq!(
        installation.ncloud.policies().len(),
        2,
        "the upstream objects stay when the CRDs are deleted, {OWN} or not"
    );
    let metrics = operator.metrics.encode().unwrap();
    let told = "cloud_policy_orphans_total{kind=\"Policy\",reason=\"crd_deleted\"} 2\n";
    assert!(metrics.contains(told), "{metrics}");
    operator.stop().await;
}
