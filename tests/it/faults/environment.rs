//! The environment of a run: a namespace with a connection, and a simulated upstream that also holds foreign
//! objects. Runs reuse an environment, because a run that passes leaves nothing behind.

use super::process::CLUSTER;
use super::steps::Sequence;
use super::targets::{OBJECT_NAME, Target, api_resource};
use super::upstream;
use crate::support::{manifests, rbac};
use cloud_policy_simulator::ncloud::{self, Ncloud, NewPolicy};
use cloud_policy_simulator::spaceone::{self, Spaceone, StoredNetworkPolicy, StoredPolicy};
use cloud_policy_simulator::{Faults, Journal, Operation};
use cloud_policy_testbed::TestNamespace;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

enum Upstream {
    Ncloud(Ncloud),
    Spaceone(Spaceone),
}

/// How many creates and deletes of the operator took effect upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub creates: usize,
    pub deletes: usize,
}

/// A namespace, a connection and a simulated upstream.
pub struct Environment {
    pub target: Target,
    pub client: Client,
    /// Has the permissions that the manifests grant to the operator.
    pub operator: Client,
    namespace: TestNamespace,
    upstream: Upstream,
    pub zones: Vec<String>,
    foreign_objects: Vec<Value>,
    changes: AtomicU32,
    /// Whether an upstream object may vanish in this run without the operator's doing.
    loses: AtomicBool,
}

impl Environment {
    pub async fn open(target: Target, client: Client) -> anyhow::Result<Self> {
        let operator = rbac::client().await;
        let namespace = TestNamespace::create(&client, "faults").await?;
        rbac::grant_own(&client, &operator, namespace.name()).await;
        let (upstream, zones) = if target == Target::Ncloud {
            (Upstream::Ncloud(Ncloud::start(ncloud::Options::default()).await?), Vec::new())
        } else {
            let simulator = Spaceone::start(spaceone::Options::default()).await?;
            let zones = simulator.zone_ids();
            (Upstream::Spaceone(simulator), zones)
        };
        let (foreign_objects, changes, loses) = (Vec::new(), AtomicU32::default(), AtomicBool::default());
        let mut environment =
            Self { target, client, operator, namespace, upstream, zones, foreign_objects, changes, loses };
        environment.add_foreign_objects();
        environment.foreign_objects = environment.store();
        environment.rotate().await?;
        environment.change_connection().await?;
        Ok(environment)
    }

    pub fn namespace(&self) -> &str {
        self.namespace.name()
    }

    pub fn api(&self) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), self.namespace(), &self.target.api())
    }

    pub fn connections(&self) -> Api<DynamicObject> {
        let connections = api_resource("Connection", "connections");
        Api::namespaced_with(self.client.clone(), self.namespace(), &connections)
    }

    fn journal(&self) -> &Journal {
        match &self.upstream {
            Upstream::Ncloud(simulator) => simulator.journal(),
            Upstream::Spaceone(simulator) => simulator.journal(),
        }
    }

    fn faults(&self) -> &Faults {
        match &self.upstream {
            Upstream::Ncloud(simulator) => simulator.faults(),
            Upstream::Spaceone(simulator) => simulator.faults(),
        }
    }

    /// Records whether an upstream object may vanish in this run without the operator's doing.
    pub fn expect_loss(&self, expected: bool) {
        self.loses.store(expected, Ordering::SeqCst);
    }

    pub fn may_have_lost(&self) -> bool {
        self.loses.load(Ordering::SeqCst)
    }

    /// Returns whether an object with this id exists upstream.
    pub fn holds(&self, id: &str) -> bool {
        self.store().iter().any(|object| self.target.id(object) == id)
    }

    /// Lets the sequence decide what happens to each request to the upstream.
    pub fn direct(&self, sequence: &Arc<Sequence>) {
        upstream::direct(self.faults(), self.target.system(), sequence);
    }

    pub fn undirect(&self) {
        self.faults().clear_decider();
    }

    /// Starts to count from zero.
    pub fn reset_counts(&self) {
        self.journal().clear();
    }

    pub fn counts(&self) -> Counts {
        let effects = |operation| self.journal().effects(operation);
        Counts { creates: effects(Operation::Create), deletes: effects(Operation::Delete) }
    }

    /// Returns every object of the collection, oldest first.
    fn store(&self) -> Vec<Value> {
        let values: Vec<_> = match (&self.upstream, self.target) {
            (Upstream::Ncloud(simulator), _) => simulator.policies().iter().map(|p| json!(p)).collect(),
            (Upstream::Spaceone(simulator), Target::Network) => {
                simulator.network_policies().iter().map(|p| json!(p)).collect()
            }
            (Upstream::Spaceone(simulator), _) => simulator.policies().iter().map(|p| json!(p)).collect(),
        };
        values
    }

    /// Returns the objects upstream that are not foreign. Fails when a foreign object has changed.
    pub fn ours(&self) -> anyhow::Result<Vec<Value>> {
        let (foreign_objects, ours): (Vec<_>, Vec<_>) =
            self.store().into_iter().partition(|o| self.foreign_objects.contains(o));
        anyhow::ensure!(
            foreign_objects.len() == self.foreign_objects.len(),
            "a foreign object was changed: {foreign_objects:?} of {:?}",
            self.foreign_objects
        );
        Ok(ours)
    }

    /// Returns whether an object upstream has the owner tag of this object.
    pub fn is_tagged(&self, uid: &str) -> bool {
        let tag = json!(format!("{CLUSTER}/{uid}"));
        let tags = |object: &Value| object["tags"].as_object().cloned().unwrap_or_default();
        self.store().iter().any(|object| tags(object).values().any(|value| *value == tag))
    }

    fn add_foreign_objects(&self) {
        match (&self.upstream, self.target) {
            (Upstream::Ncloud(simulator), _) => {
                let spec = &manifests::ncloud_policy("any")["spec"]["ncloud"];
                let permissions: Vec<ncloud::Permission> = serde_json::from_value(spec["permissions"].clone()).unwrap();
                // A search by a part of the name also finds this one.
                let policy_name = format!("{OBJECT_NAME}-2");
                simulator.add_policy(NewPolicy { policy_name, permissions, ..NewPolicy::default() });
            }
            (Upstream::Spaceone(simulator), Target::Network) => {
                // Names are not unique: only the owner tag tells these apart from the operator's object.
                for tags in [json!({}), json!({ "cloudpolicy_owner": "another-cluster/4711" })] {
                    let tags = tags.as_object().cloned().unwrap_or_default();
                    let name = OBJECT_NAME.to_owned();
                    simulator.add_network_policy(StoredNetworkPolicy { name, tags, ..StoredNetworkPolicy::default() });
                }
            }
            (Upstream::Spaceone(simulator), _) => {
                let (policy_id, name) = (format!("{OBJECT_NAME}-2"), "Viewer".to_owned());
                simulator.add_policy(StoredPolicy { policy_id, name, ..StoredPolicy::default() });
            }
        }
    }

    /// Changes the operator's object upstream, as another writer would. Returns false when there is none.
    pub fn change_upstream(&self) -> bool {
        let by_hand = || "by hand".to_owned();
        let Some(id) = self.our_id() else { return false };
        match (&self.upstream, self.target) {
            (Upstream::Ncloud(simulator), _) => simulator.edit_policy(&id, |p| p.description = Some(by_hand())),
            (Upstream::Spaceone(simulator), Target::Network) => {
                simulator.edit_network_policy(&id, |p| p.dns = vec!["9.9.9.9".to_owned()])
            }
            (Upstream::Spaceone(simulator), _) => simulator.edit_policy(&id, |p| p.name = by_hand()),
        }
    }

    /// Deletes the operator's object upstream, as another writer would. Returns false when there is none.
    pub fn remove(&self) -> bool {
        let Some(id) = self.our_id() else { return false };
        match (&self.upstream, self.target) {
            (Upstream::Ncloud(simulator), _) => simulator.remove_policy(&id),
            (Upstream::Spaceone(simulator), Target::Network) => simulator.remove_network_policy(&id),
            (Upstream::Spaceone(simulator), _) => simulator.remove_policy(&id),
        }
    }

    fn our_id(&self) -> Option<String> {
        Some(self.target.id(self.ours().ok()?.first()?).to_owned())
    }

    /// Writes new credentials to the Secret and, where the simulator supports it, to the upstream. Returns the
    /// `resourceVersion` of the Secret.
    pub async fn rotate(&self) -> anyhow::Result<String> {
        let change = self.changes.fetch_add(1, Ordering::SeqCst);
        let data = match &self.upstream {
            Upstream::Ncloud(simulator) => {
                let (access, secret) = (format!("ACCESS{change:08}"), format!("secret/{change:08}"));
                simulator.set_options(|o| (o.access_key, o.secret_key) = (access.clone(), secret.clone()));
                json!({ "accessKey": access, "secretKey": secret })
            }
            // The simulator knows one token: only the Secret changes.
            Upstream::Spaceone(simulator) => {
                json!({ "token": simulator.token(), "change": change.to_string() })
            }
        };
        let secret =
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "link" }, "stringData": data });
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), self.namespace());
        let written = secrets.patch("link", &PatchParams::apply("test").force(), &Patch::Apply(secret)).await?;
        Ok(written.resource_version().unwrap_or_default())
    }

    /// Changes the address and the rate limit of the connection. The address is of the same upstream. Returns
    /// the address.
    pub async fn change_connection(&self) -> anyhow::Result<String> {
        let change = self.changes.fetch_add(1, Ordering::SeqCst);
        let url = match &self.upstream {
            Upstream::Ncloud(simulator) => simulator.url(),
            Upstream::Spaceone(simulator) => simulator.url(),
        };
        let url = if change.is_multiple_of(2) { url.replace("127.0.0.1", "localhost") } else { url };
        let mut spec = json!({ "rateLimit": { "requestsPerSecond": 100, "burst": 200 - change % 2 } });
        match &self.upstream {
            Upstream::Ncloud(_) => {
                spec["ncloud"] = json!({ "endpoint": url, "credentialsSecretRef": { "name": "link" } });
            }
            Upstream::Spaceone(simulator) => {
                spec["spaceone"] = json!({
                    "endpoint": url,
                    "apiStyle": "Rest",
                    "domainId": simulator.domain_id(),
                    "tokenSecretRef": { "name": "link", "key": "token" },
                });
            }
        }
        let connection = json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1",
            "kind": "Connection",
            "metadata": { "name": "link" },
            "spec": spec,
        });
        self.connections().patch("link", &PatchParams::apply("test").force(), &Patch::Apply(connection)).await?;
        Ok(url)
    }
}
