//! The API server, the objects in it, and the writes that it counts.

use crate::workload::Workload;
use anyhow::Context;
use cloud_policy_testbed::{ControlPlane, install_crds, repository};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use std::fs;
use std::ops::Sub;

/// How many requests of users are under way.
const USERS: usize = 32;

/// The highest rate limit of the definitions that the program installs.
const HIGHEST_RATE: u32 = 1_000_000;

const VERBS: [&str; 6] = ["POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"];

/// The API server of the run.
pub struct Cluster {
    control_plane: ControlPlane,
    pub client: Client,
}

/// The writes that the API server has carried out or refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    /// Writes of objects of the managed kinds, status included.
    pub objects: u64,
    /// Writes of events.
    pub events: u64,
}

impl Sub for Writes {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { objects: self.objects - before.objects, events: self.events - before.events }
    }
}

impl Cluster {
    /// Starts the control plane, and installs the definitions without the maximum of the rate limit.
    pub async fn start() -> anyhow::Result<Self> {
        let control_plane = ControlPlane::start()?;
        let client = control_plane.client()?;
        install_crds(&client, &definitions()?).await?;
        Ok(Self { control_plane, client })
    }

    pub fn kubeconfig(&self) -> &std::path::Path {
        self.control_plane.kubeconfig()
    }

    /// Returns the writes so far, as the API server counts them.
    pub async fn writes(&self) -> anyhow::Result<Writes> {
        let metrics = self.client.request_text(http::Request::get("/metrics").body(Vec::new())?).await?;
        Ok(parse(&metrics))
    }

    pub async fn create_namespace(&self, name: &str) -> anyhow::Result<()> {
        let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        let namespace: Namespace = serde_json::from_value(object)?;
        Api::all(self.client.clone()).create(&PostParams::default(), &namespace).await?;
        Ok(())
    }

    /// Creates the connection of a workload and its Secret.
    pub async fn connect(&self, workload: Workload, upstream: (Value, Value), rate: u32) -> anyhow::Result<()> {
        let (namespace, name) = (workload.namespace(), workload.connection());
        let (block, data) = upstream;
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": data });
        let secret: Secret = serde_json::from_value(secret)?;
        Api::namespaced(self.client.clone(), namespace).create(&PostParams::default(), &secret).await?;
        let burst = rate.saturating_mul(2).min(HIGHEST_RATE);
        let connection: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1",
            "kind": "Connection",
            "metadata": { "name": name },
            "spec": { name: block, "rateLimit": { "requestsPerSecond": rate, "burst": burst } },
        }))?;
        let gvk = GroupVersionKind::gvk("cloudpolicy.dev", "v1alpha1", "Connection");
        let resource = ApiResource::from_gvk_with_plural(&gvk, "connections");
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, &resource);
        api.create(&PostParams::default(), &connection).await?;
        Ok(())
    }

    pub fn objects(&self, workload: Workload) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), workload.namespace(), &workload.resource())
    }

    /// Creates objects with these names, as many users at once would.
    pub async fn create(&self, workload: Workload, names: &[String], zone: &str) -> anyhow::Result<()> {
        let api = self.objects(workload);
        let each = stream::iter(names).map(async |name| {
            let object: DynamicObject = serde_json::from_value(workload.object(name, zone))?;
            api.create(&PostParams::default(), &object).await.with_context(|| format!("cannot create {name}"))?;
            anyhow::Ok(())
        });
        each.buffer_unordered(USERS).try_collect().await
    }

    /// Deletes these objects, one by one as kubectl does.
    pub async fn delete(&self, workload: Workload, names: &[String]) -> anyhow::Result<()> {
        let api = self.objects(workload);
        let each = stream::iter(names).map(async |name| {
            api.delete(name, &DeleteParams::background()).await.with_context(|| format!("cannot delete {name}"))?;
            anyhow::Ok(())
        });
        each.buffer_unordered(USERS).try_collect().await
    }

    /// Edits an object, and returns its new generation.
    pub async fn edit(&self, workload: Workload, name: &str) -> anyhow::Result<i64> {
        let patch = Patch::Merge(workload.edit());
        let edited = self.objects(workload).patch(name, &PatchParams::default(), &patch).await?;
        edited.metadata.generation.with_context(|| format!("{} has no generation", edited.name_any()))
    }
}

/// Returns the definitions of the checkout with a higher rate limit.
fn definitions() -> anyhow::Result<Vec<CustomResourceDefinition>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(repository().join("crds"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let mut definition: Value = serde_saphyr::from_str(&fs::read_to_string(&path)?)?;
            lift(&mut definition);
            all.push(serde_json::from_value(definition).with_context(|| path.display().to_string())?);
        }
    }
    Ok(all)
}

/// Lifts the maximum of each rate limit in a schema.
fn lift(schema: &mut Value) {
    for field in ["requestsPerSecond", "burst"] {
        if let Some(maximum) = schema.pointer_mut(&format!("/rateLimit/properties/{field}/maximum")) {
            *maximum = json!(HIGHEST_RATE);
        }
    }
    match schema {
        Value::Array(items) => items.iter_mut().for_each(lift),
        Value::Object(fields) => fields.values_mut().for_each(lift),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Sums the API server's counters of writes.
fn parse(metrics: &str) -> Writes {
    let mut writes = Writes::default();
    let counters = metrics.lines().filter_map(|line| line.strip_prefix("apiserver_request_total{"));
    for (labels, value) in counters.filter_map(|line| line.rsplit_once("} ")) {
        let has = |label: &str, value: &str| labels.contains(&format!("{label}=\"{value}\""));
        // Large counters have an exponent.
        let Some(count) = value.parse::<f64>().ok().map(whole) else { continue };
        if !VERBS.iter().any(|verb| has("verb", verb)) {
            continue;
        }
        if has("resource", "events") {
            writes.events += count;
        } else if has("resource", "policies") || has("resource", "networkpolicies") {
            writes.objects += count;
        }
    }
    writes
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counters are whole and not negative")]
fn whole(counter: f64) -> u64 {
    counter as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_counted_without_reads() {
        let line = |verb: &str, resource: &str, count: &str| {
            format!(
                "apiserver_request_total{{code=\"200\",group=\"g\",resource=\"{resource}\",subresource=\"status\",verb=\"{verb}\"}} {count}\n"
            )
        };
        let metrics = [
            line("PATCH", "policies", "3"),
            line("POST", "networkpolicies", "1e+06"),
            line("LIST", "policies", "7"),
            line("POST", "events", "5"),
            line("POST", "secrets", "9"),
        ];
        assert_eq!(parse(&metrics.concat()), Writes { objects: 1_000_003, events: 5 });
    }

    #[test]
    fn definitions_allow_a_high_rate() {
        let connection = json!({ "spec": [{ "rateLimit": { "properties": { "burst": { "maximum": 200 } } } }] });
        let mut lifted = connection.clone();
        lift(&mut lifted);
        assert_eq!(lifted["spec"][0]["rateLimit"]["properties"]["burst"]["maximum"], HIGHEST_RATE);
        assert!(definitions().is_ok_and(|all| all.len() == 5));
    }
}
