//! One test environment: a namespace, simulated upstreams with a connection to each, and an operator of its own that
//! watches only that namespace.
//!
//! The operator runs in the process of the tests, through the same `controller::run` that the binary calls, so that a
//! test can change its clock and settings, crash it and start it again.

use crate::support::{self, rbac};
use cloud_policy::api::Policy;
use cloud_policy::controller;
use cloud_policy::controller::Settings;
use cloud_policy::controller::clock::{Clock, SystemClock};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy::controller::leader::{Leadership, Revocation};
use cloud_policy::controller::settings::TenantConnections;
use cloud_policy::controller::setup::Options;
use cloud_policy::controller::state::heartbeats::{Heartbeats, Patience};
use cloud_policy::metrics::Metrics;
use cloud_policy_simulator::ncloud::{self, Ncloud};
use cloud_policy_simulator::spaceone::{self, Spaceone};
use cloud_policy_testbed::{TestNamespace, wait_for, wait_until};
use k8s_openapi::api::core::v1::{Event, Namespace, Secret};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::pinned_kind;
use kube::{Api, Client};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use crate::support::kinds::{Kind, common, condition, upstream_id};
pub use crate::support::manifests::{ncloud_policy, network_policy, spaceone_policy};

/// How long a test waits for an effect that takes well under a second in general.
pub const SOON: Duration = Duration::from_mins(2);

/// A running operator. A drop is a crash: the operator does not finish its work.
pub struct Operator {
    shutdown: CancellationToken,
    revocation: Revocation,
    task: JoinHandle<controller::Result<()>>,
    pub metrics: Arc<Metrics>,
    pub heartbeats: Arc<Heartbeats>,
}

impl Operator {
    /// Starts an operator for these namespaces, with the settings of tests, changed by `adjust`.
    pub fn start(client: &Client, namespaces: &[&str], adjust: impl FnOnce(&mut Settings)) -> Self {
        Self::start_with_clock(client, namespaces, Arc::new(SystemClock), adjust)
    }

    /// Starts an operator with another clock.
    pub fn start_with_clock(
        client: &Client,
        namespaces: &[&str],
        clock: Arc<dyn Clock>,
        adjust: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::start_with_patience(client, namespaces, clock, Patience::default(), adjust)
    }

    /// Starts an operator that counts as standing still earlier.
    pub fn start_with_patience(
        client: &Client,
        namespaces: &[&str],
        clock: Arc<dyn Clock>,
        patience: Patience,
        adjust: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = settings(namespaces);
        adjust(&mut settings);
        let metrics = Metrics::new("test");
        let shutdown = CancellationToken::new();
        let (leadership, revocation) = Leadership::revocable();
        let heartbeats = Arc::new(Heartbeats::new(patience, Box::new(Instant::now)));
        let parts = Options {
            client: client.clone(),
            settings,
            clock,
            metrics: Arc::clone(&metrics),
            leadership,
            heartbeats: Arc::clone(&heartbeats),
            instance: Some("test".to_owned()),
        };
        let task = tokio::spawn(controller::run(parts, shutdown.clone()));
        Self { shutdown, revocation, task, metrics, heartbeats }
    }

    /// Stops the operator as SIGTERM does.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        (&mut self.task).await.unwrap().unwrap();
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns the settings of the operator of a test: loopback is allowed, and hours are compressed into seconds.
pub fn settings(namespaces: &[&str]) -> Settings {
    let mut settings = Settings::new(namespaces.first().copied().unwrap_or("default"));
    settings.scope = namespaces.iter().map(|name| (*name).to_owned()).collect();
    settings.cluster_connections = false;
    settings.tenant_connections = TenantConnections::Namespaces(BTreeSet::from_iter(settings.scope.clone()));
    settings.endpoints.allow_http = true;
    settings.endpoints.allow_private = true;
    settings.endpoints.allowed_hosts.push("127.0.0.1".parse().unwrap());
    settings.create_grace = Duration::from_secs(1);
    settings.first_look = Duration::from_millis(50);
    settings.connection_interval = Duration::from_secs(2);
    settings.slow_retry = Duration::from_secs(2);
    settings.backoff = (Duration::from_millis(200), Duration::from_secs(2));
    settings.delete_limit = 0;
    // Five minutes become one second.
    settings.interval_divisor = 300;
    settings
}

/// A namespace, simulated upstreams and an operator.
pub struct TestEnv {
    /// A client with every right; the operator has a client of its own.
    pub client: Client,
    operator_client: Client,
    namespace: TestNamespace,
    pub ncloud: Ncloud,
    pub spaceone: Spaceone,
    operator: Option<Operator>,
}

impl TestEnv {
    /// Starts simulators, creates their Secrets and the connections `ncloud` and `spaceone`, and starts an operator.
    pub async fn new(prefix: &str) -> Self {
        Self::with(prefix, |_| {}).await
    }

    /// Starts an environment with other settings.
    pub async fn with(prefix: &str, adjust: impl FnOnce(&mut Settings)) -> Self {
        let mut env = Self::without_operator(prefix).await;
        env.start(adjust);
        env
    }

    /// Starts an environment without an operator.
    pub async fn without_operator(prefix: &str) -> Self {
        let (client, operator_client) = (support::client().await, rbac::client().await);
        let namespace = TestNamespace::create(&client, prefix).await.unwrap();
        rbac::grant_own(&client, &operator_client, namespace.name()).await;
        Self::set_up(client, operator_client, namespace).await
    }

    /// Starts an environment without an operator, on a control plane that already has the CRDs.
    pub async fn without_operator_on(client: Client, prefix: &str) -> Self {
        let namespace = TestNamespace::create(&client, prefix).await.unwrap();
        Self::set_up(client.clone(), client, namespace).await
    }

    async fn set_up(client: Client, operator_client: Client, namespace: TestNamespace) -> Self {
        let env = Self {
            client,
            operator_client,
            namespace,
            ncloud: Ncloud::start(ncloud::Options::default()).await.unwrap(),
            spaceone: Spaceone::start(spaceone::Options::default()).await.unwrap(),
            operator: None,
        };
        env.connect_ncloud("ncloud").await;
        let spaceone = &env.spaceone;
        env.connect_spaceone("spaceone", &spaceone.url(), "Rest", &spaceone.domain_id(), &spaceone.token()).await;
        env
    }

    /// Starts an operator: the first, or the next after a stop or crash.
    pub fn start(&mut self, adjust: impl FnOnce(&mut Settings)) {
        self.operator = Some(Operator::start(&self.operator_client, &[self.namespace.name()], adjust));
    }

    /// Stops the operator, which finishes its work.
    pub async fn stop(&mut self) {
        if let Some(operator) = self.operator.take() {
            operator.stop().await;
        }
    }

    /// Ends the operator without letting it finish its work.
    pub fn crash(&mut self) {
        self.operator = None;
    }

    /// Takes the leadership from the operator, which continues to run.
    pub fn revoke_leadership(&self) {
        self.operator.as_ref().unwrap().revocation.revoke();
    }

    pub fn metrics(&self) -> String {
        self.operator.as_ref().unwrap().metrics.encode().unwrap()
    }

    /// Returns how often objects of the policy kinds were reconciled so far.
    pub fn reconciles(&self) -> usize {
        let all = self.metrics();
        let ours = |line: &&str| line.contains("_reconciles_total{") && line.contains("Policy\"");
        all.lines().filter(ours).filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
    }

    /// Waits until objects were reconciled so many times more.
    pub async fn wait_for_reconciles(&self, count: usize) {
        let before = self.reconciles();
        self.eventually(&format!("{count} more reconciles"), || self.reconciles() >= before + count).await;
    }

    /// Waits until no object of the policy kinds is reconciled for a while, in environments with long intervals.
    pub async fn wait_until_idle(&self) {
        let last = std::cell::Cell::new((self.reconciles(), Instant::now()));
        self.eventually("the operator to be idle", || {
            let count = self.reconciles();
            if count != last.get().0 {
                last.set((count, Instant::now()));
            }
            last.get().1.elapsed() >= Duration::from_secs(3)
        })
        .await;
    }

    pub fn namespace(&self) -> &str {
        self.namespace.name()
    }
    /// Deletes the namespace, as `kubectl delete namespace` does.
    pub async fn delete_namespace(&self) {
        self.namespace.delete(&self.client).await.unwrap();
    }

    pub async fn connect_ncloud(&self, name: &str) {
        let (access, secret) = (self.ncloud.access_key(), self.ncloud.secret_key());
        self.secret(name, &[("accessKey", access.as_str()), ("secretKey", secret.as_str())]).await;
        self.connection(
            name,
            json!({ "ncloud": {
            "endpoint": self.ncloud.url(),
            "credentialsSecretRef": { "name": name },
        }, "rateLimit": { "requestsPerSecond": 100, "burst": 200 } }),
        )
        .await;
    }

    pub async fn connect_spaceone(&self, name: &str, url: &str, style: &str, domain: &str, token: &str) {
        self.secret(name, &[("token", token)]).await;
        self.connection(
            name,
            json!({ "spaceone": {
            "endpoint": url,
            "apiStyle": style,
            "domainId": domain,
            "tokenSecretRef": { "name": name, "key": "token" },
        }, "rateLimit": { "requestsPerSecond": 100, "burst": 200 } }),
        )
        .await;
    }

    pub async fn connection(&self, name: &str, spec: Value) {
        self.apply(json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1",
            "kind": "Connection",
            "metadata": { "name": name },
            "spec": spec,
        }))
        .await;
    }

    pub async fn secret(&self, name: &str, entries: &[(&str, &str)]) {
        let data: serde_json::Map<String, Value> = entries.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": data });
        let api: Api<Secret> = self.api();
        api.patch(name, &PatchParams::apply("test").force(), &Patch::Apply(secret)).await.unwrap();
    }

    /// Applies an object of our group in the namespace of the test, as GitOps tools do.
    pub async fn apply(&self, object: Value) -> DynamicObject {
        self.try_apply(object).await.unwrap()
    }

    pub async fn try_apply(&self, object: Value) -> kube::Result<DynamicObject> {
        self.try_apply_in(self.namespace(), object).await
    }

    /// Applies an object in another namespace.
    pub async fn try_apply_in(&self, namespace: &str, mut object: Value) -> kube::Result<DynamicObject> {
        object["metadata"]["namespace"] = json!(namespace);
        let kind = object["kind"].as_str().unwrap().to_owned();
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let gvk = GroupVersionKind::gvk("cloudpolicy.dev", "v1alpha1", &kind);
        let (resource, _) = pinned_kind(&self.client, &gvk).await?;
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, &resource);
        api.patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(object)).await
    }

    /// Changes part of an object.
    pub async fn patch<K: Kind>(&self, name: &str, patch: Value) {
        self.api::<K>().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    pub async fn get<K: Kind>(&self, name: &str) -> K {
        self.api().get(name).await.unwrap()
    }

    pub async fn delete<K: Kind>(&self, name: &str) {
        self.api::<K>().delete(name, &DeleteParams::background()).await.unwrap();
    }

    /// Waits until the object is gone from Kubernetes.
    pub async fn gone<K: Kind>(&self, name: &str) {
        let api = self.api::<K>();
        wait_for(&format!("{name} to be gone"), SOON, || async {
            match api.get_opt(name).await? {
                None => Ok(()),
                Some(object) => anyhow::bail!("{}", serde_json::to_string_pretty(&object)?),
            }
        })
        .await
        .unwrap();
    }

    /// Waits until `Ready` has this reason for the newest spec, and returns the object.
    pub async fn reason<K: Managed>(&self, name: &str, reason: &str) -> K {
        self.until(name, reason, |object: &K| {
            let common = common(object);
            let seen = condition(&common, "Ready").map(|c| c.reason.clone());
            let current = object.meta().generation == Some(common.observed_generation);
            (current && seen.as_deref() == Some(reason))
                .then_some(())
                .ok_or_else(|| anyhow::anyhow!("Ready is {seen:?}"))
        })
        .await
    }

    /// Waits until the object is ready with its newest spec, and returns it.
    pub async fn ready<K: Managed>(&self, name: &str) -> K {
        self.reason(name, "UpToDate").await
    }

    /// Waits until `check` accepts the object, and returns it.
    pub async fn until<K: Kind>(&self, name: &str, what: &str, check: impl Fn(&K) -> anyhow::Result<()>) -> K {
        let what = format!("{name} to be {what}");
        let result =
            wait_until(&what, SOON, &self.api::<K>(), name, |object| check(object).map(|()| object.clone())).await;
        result.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Waits until `check`, a condition on an upstream, is true.
    pub async fn eventually(&self, what: &str, check: impl Fn() -> bool) {
        let probe = || async { check().then_some(()).ok_or_else(|| anyhow::anyhow!("not yet")) };
        wait_for(what, SOON, probe).await.unwrap();
    }

    /// Requests an immediate reconcile of an object, and waits until it is done.
    pub async fn reconcile_now<K: Managed>(&self, name: &str) -> K {
        let mark = uuid::Uuid::new_v4().to_string();
        self.patch::<K>(
            name,
            json!({ "metadata": { "annotations": { "cloudpolicy.dev/reconcile-requested-at": mark } } }),
        )
        .await;
        self.until(name, "reconciled again", |object: &K| {
            let seen = common(object).last_handled_reconcile_at;
            (seen.as_deref() == Some(&mark)).then_some(()).ok_or_else(|| anyhow::anyhow!("not yet"))
        })
        .await
    }

    /// Returns the events about an object, reason and note, oldest first, once none waits for its publication.
    pub async fn events(&self, name: &str) -> Vec<(String, String)> {
        let idle = || self.operator.as_ref().is_none_or(|operator| operator.metrics.queued_events() == 0);
        self.eventually("no event to wait", idle).await;
        let list = self.api::<Event>().list(&ListParams::default()).await.unwrap();
        let about = list.items.into_iter().filter(|e| e.involved_object.name.as_deref() == Some(name));
        about.map(|e| (e.reason.unwrap_or_default(), e.message.unwrap_or_default())).collect()
    }

    pub fn api<K: Kind>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), self.namespace())
    }
}

#[tokio::test]
async fn dropped_environment_deletes_its_namespace() {
    let env = TestEnv::new("ends").await;
    env.apply(ncloud_policy("left")).await;
    env.ready::<Policy>("left").await;
    let (namespace, namespaces) = (env.namespace().to_owned(), Api::<Namespace>::all(env.client.clone()));
    drop(env);
    let gone = || async {
        anyhow::ensure!(namespaces.get_opt(&namespace).await?.is_none(), "{namespace} is still there");
        Ok(())
    };
    wait_for("the namespace to go", SOON, gone).await.unwrap();
}
