//! The operator installed as the documentation says, in a control plane of its own, so that its namespaces have their
//! real names and a test may delete the CRDs.

use crate::support::kinds::shown_condition;
use crate::support::manifests::{ncloud_policy, network_policy, spaceone_policy};
use crate::support::{self, rbac, test_env};
use cloud_policy::api::crds;
use cloud_policy::controller;
use cloud_policy::controller::Settings;
use cloud_policy::controller::clock::SystemClock;
use cloud_policy::controller::leader::{Elector, ElectorConfig, End};
use cloud_policy::controller::settings::TenantConnections;
use cloud_policy::controller::setup::Options;
use cloud_policy::metrics::Metrics;
use cloud_policy_simulator::ncloud::{self, Ncloud};
use cloud_policy_simulator::spaceone::{self, Spaceone};
use cloud_policy_testbed::{ControlPlane, repository, wait_for};
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The operator's namespace, by its default.
pub const OWN: &str = "cloud-policy-system";
/// The namespace that `deploy/tenant-connections` names.
pub const TENANT: &str = "team-a";

/// The deletion of a namespace takes several rounds of its controller.
const LIMIT: Duration = Duration::from_mins(3);

pub struct Installation {
    pub control_plane: ControlPlane,
    pub admin: Client,
    pub ncloud: Ncloud,
    pub spaceone: Spaceone,
    /// Outlives the control plane that lies in it.
    _directory: TempDir,
}

impl Installation {
    /// Creates a cluster with the CRDs and permissions, applied by kubectl.
    pub async fn new() -> Self {
        let installation = Self::empty().await;
        let path = |name: &str| repository().join(name).display().to_string();
        for arguments in [
            &["apply", "--server-side", "-f", &path("crds")][..],
            &["create", "namespace", TENANT],
            &["apply", "--validate=strict", "-k", &path("deploy/base")],
            &["apply", "--validate=strict", "-k", &path("deploy/tenant-connections")],
        ] {
            installation.control_plane.run_kubectl(arguments).unwrap();
        }
        installation
    }

    /// Creates a cluster without any part of the operator.
    pub async fn empty() -> Self {
        support::install_crypto();
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().to_owned();
        let control_plane = tokio::task::spawn_blocking(move || ControlPlane::start_in(&place, &[]).unwrap());
        let control_plane = control_plane.await.unwrap();
        Self {
            admin: control_plane.client().unwrap(),
            control_plane,
            ncloud: Ncloud::start(ncloud::Options::default()).await.unwrap(),
            spaceone: Spaceone::start(spaceone::Options::default()).await.unwrap(),
            _directory: directory,
        }
    }

    /// Creates a NAVER Cloud `Connection` of the tenant, and a SpaceONE `ClusterConnection`.
    pub async fn connect(&self) {
        self.apply(Some(TENANT), secret("ncloud", &keys(&self.ncloud))).await;
        self.apply(Some(OWN), secret("spaceone", &json!({ "token": self.spaceone.token() }))).await;
        let ncloud =
            json!({ "ncloud": { "endpoint": self.ncloud.url(), "credentialsSecretRef": { "name": "ncloud" } } });
        self.apply(Some(TENANT), ours("Connection", "ncloud", &ncloud)).await;
        let spaceone = json!({
            "spaceone": {
                "endpoint": self.spaceone.url(), "apiStyle": "Rest", "domainId": self.spaceone.domain_id(),
                "tokenSecretRef": { "name": "spaceone", "key": "token" },
            },
            "allowedNamespaces": { "names": [TENANT] },
        });
        self.apply(None, ours("ClusterConnection", "spaceone", &spaceone)).await;
    }

    /// Creates one policy of each collection, and waits until all are ready.
    pub async fn populate(&self) {
        let shared = json!({ "kind": "ClusterConnection", "name": "spaceone" });
        let (mut policy, mut network) =
            (spaceone_policy("tale-p"), network_policy("tale-w", &self.spaceone.zone_ids()[0]));
        policy["spec"]["connectionRef"] = shared.clone();
        network["spec"]["connectionRef"] = shared;
        for object in [ncloud_policy("tale-n"), policy, network] {
            self.apply(Some(TENANT), object).await;
        }
        for (kind, name) in [("Policy", "tale-n"), ("Policy", "tale-p"), ("NetworkPolicy", "tale-w")] {
            self.reason(kind, name, "UpToDate").await;
        }
    }

    pub async fn apply(&self, namespace: Option<&str>, object: Value) {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let api = self.api(object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap(), namespace);
        api.patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(object)).await.unwrap();
    }

    /// Returns an API for objects of any kind, without a Rust type.
    pub fn api(&self, version: &str, kind: &str, namespace: Option<&str>) -> Api<DynamicObject> {
        let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        match namespace {
            Some(namespace) => Api::namespaced_with(self.admin.clone(), namespace, &resource),
            None => Api::all_with(self.admin.clone(), &resource),
        }
    }

    /// Returns an API for the tenant's objects of one of our kinds.
    pub fn objects(&self, kind: &str) -> Api<DynamicObject> {
        self.api("cloudpolicy.dev/v1alpha1", kind, Some(TENANT))
    }

    /// Waits until `Ready` of one of the tenant's objects has this reason.
    pub async fn reason(&self, kind: &str, name: &str, reason: &str) {
        self.ready_in(TENANT, kind, name, |ready| ready["reason"] == reason).await;
    }

    /// Waits until `check` accepts the condition `Ready` of an object.
    pub async fn ready_in(&self, namespace: &str, kind: &str, name: &str, check: impl Fn(&Value) -> bool) {
        let api = self.api("cloudpolicy.dev/v1alpha1", kind, Some(namespace));
        wait_for(&format!("{kind} {namespace}/{name}"), LIMIT, || async {
            let object = api.get(name).await?;
            let ready = shown_condition(&object.data["status"], "Ready").cloned().unwrap_or_default();
            anyhow::ensure!(check(&ready), "Ready is {ready}");
            Ok(())
        })
        .await
        .unwrap();
    }

    /// Deletes one object and waits until it is gone.
    pub async fn delete(&self, api: &Api<DynamicObject>, name: &str) {
        api.delete(name, &DeleteParams::default()).await.unwrap();
        self.gone(api, name).await;
    }

    /// Waits until an object is gone.
    pub async fn gone(&self, api: &Api<DynamicObject>, name: &str) {
        wait_for(&format!("{name} to be gone"), LIMIT, || async {
            match api.get_opt(name).await? {
                None => Ok(()),
                Some(object) => anyhow::bail!("{}", object.data["status"]),
            }
        })
        .await
        .unwrap();
    }

    /// Deletes our CRDs, and waits until they are gone with all their objects.
    pub async fn delete_crds(&self) {
        let kinds = self.api("apiextensions.k8s.io/v1", "CustomResourceDefinition", None);
        for kind in crds::all() {
            kinds.delete(&kind.name_any(), &DeleteParams::default()).await.unwrap();
        }
        for kind in crds::all() {
            self.gone(&kinds, &kind.name_any()).await;
        }
    }
}

/// Returns a Secret.
pub fn secret(name: &str, entries: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": entries })
}

/// Returns the entries of a Secret for an account.
pub fn keys(ncloud: &Ncloud) -> Value {
    json!({ "accessKey": ncloud.access_key(), "secretKey": ncloud.secret_key() })
}

/// Returns an object of our group.
pub fn ours(kind: &str, name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "cloudpolicy.dev/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

/// An operator for all namespaces with leader election, as `cloud-policy run` starts it.
pub struct Process {
    pub metrics: Arc<Metrics>,
    shutdown: CancellationToken,
    controllers: JoinHandle<controller::Result<()>>,
    resign: CancellationToken,
    election: JoinHandle<End>,
}

impl Process {
    pub async fn start(client: Client, adjust: impl FnOnce(&mut Settings)) -> Self {
        let (shutdown, resign) = (CancellationToken::new(), CancellationToken::new());
        let mut settings = settings();
        adjust(&mut settings);
        controller::wait_for_crds(&client, &settings, &shutdown).await;
        let elector = Elector::new(client.clone(), ElectorConfig::new(OWN, "cloud-policy-operator", "one")).unwrap();
        let leadership = elector.leadership();
        let election = tokio::spawn(elector.run(resign.clone()));
        assert!(leadership.acquired().await);
        let metrics = Metrics::new("test");
        let parts = Options {
            client,
            settings,
            clock: Arc::new(SystemClock),
            metrics: Arc::clone(&metrics),
            leadership,
            heartbeats: Arc::default(),
            instance: Some("one".to_owned()),
        };
        let controllers = tokio::spawn(controller::run(parts, shutdown.clone()));
        Self { metrics, shutdown, controllers, resign, election }
    }

    /// Stops the operator as SIGTERM does.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.controllers.await.unwrap().unwrap();
        self.resign.cancel();
        assert_eq!(self.election.await.unwrap(), End::Released);
    }
}

fn settings() -> Settings {
    Settings {
        scope: std::collections::BTreeSet::new(),
        cluster_connections: true,
        tenant_connections: TenantConnections::Namespaces([TENANT.to_owned()].into()),
        ..test_env::settings(&[OWN])
    }
}

/// Returns the operator's own client once its permissions have taken effect.
pub async fn operator_client(installation: &Installation) -> Client {
    let client = rbac::client_of(&installation.control_plane);
    rbac::await_rights(&client, OWN, TENANT).await;
    client
}
