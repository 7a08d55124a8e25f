//! The role that the manifests ship, and the operators of the tests under it.
//!
//! The tests themselves may do everything; what they test may do what `deploy` grants and nothing
//! else. The cluster's part is applied once; the Role of the operator's namespace, or that of a
//! namespace with Connections, is bound in each namespace that stands for one.

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

/// What the operator may do in its own namespace.
pub const OWN: &str = "deploy/base/rbac.yaml";
/// What it may do in a namespace with Connections.
pub const TENANT: &str = "deploy/tenant-connections/rbac.yaml";

/// A client that is the operator's service account, for the runtime of the calling test.
pub async fn client() -> Client {
    let control_plane = support::control_plane().await;
    GRANTED.get_or_init(|| grant_cluster(control_plane)).await;
    client_of(control_plane)
}

/// The same for a control plane that was granted the role.
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

/// Makes a namespace one that an operator may call its own.
pub async fn grant_own(admin: &Client, operator: &Client, namespace: &str) {
    bind(admin, operator, namespace, OWN).await;
}

/// Makes a namespace one in which Connections may be used.
pub async fn grant_tenant(admin: &Client, operator: &Client, namespace: &str) {
    bind(admin, operator, namespace, TENANT).await;
}

/// A namespace beside that of the operator, in which Connections may be used.
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

/// The API server's authorizer follows its own watch of roles and bindings.
pub async fn wait_until_allowed<T, F: Future<Output = kube::Result<T>>>(request: impl Fn() -> F) {
    wait_for("the role to take effect", TAKES_EFFECT, || async { Ok(request().await.map(drop)?) }).await.unwrap();
}

/// Waits until an operator may do what it may in the cluster and in these two namespaces.
pub async fn await_rights(operator: &Client, own: &str, tenant: &str) {
    let policies: Api<cloud_policy::api::Policy> = Api::all(operator.clone());
    let one = ListParams::default().limit(1);
    wait_until_allowed(|| policies.list(&one)).await;
    for namespace in [own, tenant] {
        let secrets: Api<Secret> = Api::namespaced(operator.clone(), namespace);
        wait_until_allowed(|| secrets.get_opt("none")).await;
    }
}

/// The only object of this kind in a manifest.
pub fn only<K: DeserializeOwned>(file: &str, kind: &str) -> K {
    let mut found: Vec<_> = manifests(file).into_iter().filter(|object| object["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind} in {file}");
    serde_json::from_value(found.remove(0)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Every object of a manifest.
pub fn manifests(file: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(repository().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}
