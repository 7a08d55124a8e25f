//! The role that the manifests ship, and the operators of the tests under it.
//!
//! The tests have every right. The operators under test have only the permissions that `deploy` grants. The cluster's
//! part is applied once. The Role of the operator's namespace, or of a namespace with Connections, is bound in each
//! namespace that serves as one.

use crate::support;
use cloud_policy_testbed::{ControlPlane, TestNamespace, repository, wait_for};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::fs;
use std::future::Future;
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long a new binding may take to take effect; in general it is milliseconds.
const TAKES_EFFECT: Duration = Duration::from_secs(30);

static GRANTED: OnceCell<()> = OnceCell::const_new();

/// The permissions of the operator in its own namespace.
pub const OWN: &str = "deploy/base/rbac.yaml";
/// The permissions of the operator in a namespace with Connections.
pub const TENANT: &str = "deploy/tenant-connections/rbac.yaml";

/// Returns a client of the operator's service account, for the runtime of the calling test.
pub async fn client() -> Client {
    let control_plane = support::control_plane().await;
    GRANTED.get_or_init(|| grant_cluster(control_plane)).await;
    client_of(control_plane)
}

/// Returns the same client for a control plane to which the role is already applied.
pub fn client_of(control_plane: &ControlPlane) -> Client {
    let account: ServiceAccount = only("deploy/base/serviceaccount.yaml", "ServiceAccount");
    let namespace = account.namespace().unwrap();
    let user = format!("system:serviceaccount:{namespace}:{}", account.name_any());
    let own_group = format!("system:serviceaccounts:{namespace}");
    let groups = ["system:serviceaccounts", own_group.as_str(), "system:authenticated"];
    control_plane.client_as(&user, &groups).unwrap()
}

/// Applies the cluster's part to a control plane.
pub async fn grant_cluster(control_plane: &ControlPlane) {
    let admin = control_plane.client().unwrap();
    apply(&Api::all(admin.clone()), &only::<ClusterRole>(OWN, "ClusterRole")).await;
    apply(&Api::all(admin), &only::<ClusterRoleBinding>(OWN, "ClusterRoleBinding")).await;
    let policies: Api<cloud_policy::api::Policy> = Api::all(client_of(control_plane));
    let one = ListParams::default().limit(1);
    wait_until_allowed(|| policies.list(&one)).await;
}

/// Grants an operator the permissions of its own namespace in this namespace.
pub async fn grant_own(admin: &Client, operator: &Client, namespace: &str) {
    bind(admin, operator, namespace, OWN).await;
}

/// Grants an operator the permissions of a namespace with Connections in this namespace.
pub async fn grant_tenant(admin: &Client, operator: &Client, namespace: &str) {
    bind(admin, operator, namespace, TENANT).await;
}

/// Creates one more namespace besides that of the operator, in which Connections may be used.
pub async fn tenant(admin: &Client, prefix: &str) -> TestNamespace {
    let namespace = TestNamespace::create(admin, prefix).await.unwrap();
    grant_tenant(admin, &client().await, namespace.name()).await;
    namespace
}

async fn bind(admin: &Client, operator: &Client, namespace: &str, file: &str) {
    let (mut role, mut binding): (Role, RoleBinding) = (only(file, "Role"), only(file, "RoleBinding"));
    role.metadata.namespace = Some(namespace.to_owned());
    binding.metadata.namespace = Some(namespace.to_owned());
    let roles = Api::namespaced(admin.clone(), namespace);
    let bindings = Api::namespaced(admin.clone(), namespace);
    tokio::join!(apply(&roles, &role), apply(&bindings, &binding));
    let secrets: Api<Secret> = Api::namespaced(operator.clone(), namespace);
    wait_until_allowed(|| secrets.get_opt("none")).await;
}

async fn apply<K>(api: &Api<K>, object: &K)
where
    K: kube::Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
{
    api.patch(&object.name_any(), &PatchParams::apply("test").force(), &Patch::Apply(object)).await.unwrap();
}

/// Waits until a request is allowed: the API server's authorizer sees roles and bindings by a watch of its own.
pub async fn wait_until_allowed<T, F: Future<Output = kube::Result<T>>>(request: impl Fn() -> F) {
    wait_for("the role to take effect", TAKES_EFFECT, || async { Ok(request().await.map(drop)?) }).await.unwrap();
}

/// Waits until the permissions of an operator in the cluster and in these two namespaces have taken effect.
pub async fn await_rights(operator: &Client, own: &str, tenant: &str) {
    let policies: Api<cloud_policy::api::Policy> = Api::all(operator.clone());
    let one = ListParams::default().limit(1);
    wait_until_allowed(|| policies.list(&one)).await;
    for namespace in [own, tenant] {
        let secrets: Api<Secret> = Api::namespaced(operator.clone(), namespace);
        wait_until_allowed(|| secrets.get_opt("none")).await;
    }
}

/// Returns the only object of this kind in a manifest.
pub fn only<K: DeserializeOwned>(file: &str, kind: &str) -> K {
    let mut found: Vec<_> = manifests(file).into_iter().filter(|object| object["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind} in {file}");
    serde_json::from_value(found.remove(0)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Returns every object of a manifest.
pub fn manifests(file: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(repository().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}
