//! Helpers for connections: waiting for their reasons, and cluster connections.

use crate::support::test_env::{SOON, TestEnv};
use cloud_policy::api::{ClusterConnection, Connection};
use cloud_policy_simulator::{Journal, Operation};
use cloud_policy_testbed::{wait_for, wait_until};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

/// Waits until `Ready` of the connection has this reason for its newest spec; returns the message.
pub async fn connection_is(env: &TestEnv, name: &str, reason: &str) -> String {
    let object = env
        .until(name, reason, |connection: &Connection| {
            let status = connection.status.clone().unwrap_or_default();
            let seen = ready(&status.conditions).map(|c| c.reason.clone());
            let current = connection.metadata.generation == Some(status.observed_generation);
            anyhow::ensure!(current && seen.as_deref() == Some(reason), "Ready is {seen:?}");
            Ok(())
        })
        .await;
    let status = object.status.unwrap();
    let stalled = status.conditions.iter().any(|c| c.type_ == "Stalled");
    assert_eq!(
        stalled,
        !matches!(
            reason,
            "Authenticated" | "FormerKeyInUse" | "AccountChanged" | "InUse" | "Unreachable" | "RateLimited"
        ),
        "{reason}"
    );
    ready(&status.conditions).unwrap().message.clone()
}

fn ready(conditions: &[Condition]) -> Option<&Condition> {
    conditions.iter().find(|c| c.type_ == "Ready")
}

/// Returns the requests that an upstream received for objects, without the probes of connections.
pub fn requests_for_objects(journal: &Journal) -> Vec<String> {
    let probes = [Operation::List, Operation::Stat];
    let entries = journal.entries().into_iter().filter(|entry| !probes.contains(&entry.operation));
    entries.map(|entry| format!("{} {}", entry.method, entry.target)).collect()
}

/// Only one test at a time may have cluster connections, because every operator sees them all.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Waits until no other test has cluster connections, and keeps the others waiting.
pub async fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().await
}

/// A cluster connection to the simulated NAVER Cloud of a test environment.
pub struct SharedConnection {
    api: Api<ClusterConnection>,
    pub name: String,
    _alone: MutexGuard<'static, ()>,
}

impl SharedConnection {
    /// Creates a cluster connection for the namespaces that `allowed` lists. Its Secret has the same name and is in the
    /// namespace of the environment, which is also the namespace of the operator.
    pub async fn connect(env: &TestEnv, allowed: Value) -> Self {
        let guard = alone().await;
        let name = format!("{}-shared", env.namespace());
        let (access, secret) = (env.ncloud.access_key(), env.ncloud.secret_key());
        env.secret(&name, &[("accessKey", &access), ("secretKey", &secret)]).await;
        let cluster = Self { api: Api::all(env.client.clone()), name, _alone: guard };
        let object = json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1",
            "kind": "ClusterConnection",
            "metadata": { "name": cluster.name },
            "spec": {
                "ncloud": { "endpoint": env.ncloud.url(), "credentialsSecretRef": { "name": cluster.name } },
                "allowedNamespaces": allowed,
            },
        });
        let params = PatchParams::apply("test").force();
        cluster.api.patch(&cluster.name, &params, &Patch::Apply(object)).await.unwrap();
        cluster
    }

    /// Sets its rate limit.
    pub async fn limit(&self, requests_per_second: u32, burst: u32) {
        let patch = json!({ "spec": { "rateLimit": { "requestsPerSecond": requests_per_second, "burst": burst } } });
        self.api.patch(&self.name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    /// Changes the namespaces that may use it.
    pub async fn allow(&self, allowed: Value) {
        let patch = json!({ "spec": { "allowedNamespaces": allowed } });
        self.api.patch(&self.name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    /// Waits until `Ready` has this reason.
    pub async fn is(&self, reason: &str) -> ClusterConnection {
        let what = format!("the cluster connection to be {reason}");
        let check = |connection: &ClusterConnection| {
            let conditions = connection.status.clone().unwrap_or_default().conditions;
            let seen = ready(&conditions).map(|c| c.reason.clone());
            anyhow::ensure!(seen.as_deref() == Some(reason), "Ready is {seen:?}");
            Ok(connection.clone())
        };
        wait_until(&what, SOON, &self.api, &self.name, check).await.unwrap()
    }

    /// Waits until the message of `Ready` is as expected.
    pub async fn says(&self, expected: impl Fn(&str) -> bool) {
        let check = |connection: &ClusterConnection| {
            let conditions = connection.status.clone().unwrap_or_default().conditions;
            let message = ready(&conditions).map(|c| c.message.clone()).unwrap_or_default();
            anyhow::ensure!(expected(&message), "Ready says {message:?}");
            Ok(())
        };
        wait_until("the message of the cluster connection", SOON, &self.api, &self.name, check).await.unwrap();
    }

    /// Deletes it and waits until it is gone.
    pub async fn remove(self) {
        self.api.delete(&self.name, &DeleteParams::default()).await.unwrap();
        let probe = || async {
            anyhow::ensure!(self.api.get_opt(&self.name).await?.is_none(), "still there");
            Ok(())
        };
        wait_for("the cluster connection to be gone", SOON, probe).await.unwrap();
    }
}
