//! The environment of a run: a namespace with a connection, and a simulated upstream that also holds foreign
//! objects. Another upstream exists elsewhere, to which the connection can be re-pointed. Runs reuse an
//! environment, because a run that passes leaves nothing behind.

use super::oracles::owner_tag;
use super::simulated::Simulated;
use super::steps::Sequence;
use super::targets::{Target, api_resource, owner_tag_of};
use super::tenants::Shared;
use super::upstream;
use super::weather::Weather;
use crate::support::rbac;
use cloud_policy_simulator::{Action, Collection, Fault, Operation};
use cloud_policy_testbed::TestNamespace;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// The keys of the tokens in the Secret.
const TOKENS: [&str; 2] = ["token", "elsewhere"];

/// How many creates and deletes of the operator took effect upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub creates: usize,
    pub deletes: usize,
}

/// A namespace, a connection and simulated upstreams.
pub struct Environment {
    pub target: Target,
    pub weather: Weather,
    pub client: Client,
    /// Has the permissions that the manifests grant to the operator.
    pub operator: Client,
    namespace: TestNamespace,
    /// The upstream to which the connection leads, and another one.
    upstreams: [Simulated; 2],
    pub zones: Vec<String>,
    foreign_objects: Vec<Value>,
    changes: AtomicU32,
    /// Whether an upstream object may vanish in this run without the operator's doing.
    loses: AtomicBool,
    /// The address of the upstream, as the connection spells it.
    home: Mutex<String>,
    /// Whether the connection leads elsewhere.
    is_away: AtomicBool,
    shared: Option<Shared>,
    /// The uids of another tenant's objects.
    neighbours: Mutex<HashSet<String>>,
}

impl Environment {
    /// Opens an environment; with a cluster connection, which another tenant uses, too, if it is shared.
    pub async fn open(target: Target, weather: Weather, is_shared: bool, client: Client) -> anyhow::Result<Self> {
        let operator = rbac::client().await;
        let namespace = TestNamespace::create(&client, "faults").await?;
        rbac::grant_own(&client, &operator, namespace.name()).await;
        let shared = if is_shared { Some(Shared::open(&client).await?) } else { None };
        let home = Simulated::start(target, weather, false).await?;
        let elsewhere = Simulated::start(target, weather, true).await?;
        home.add_foreign_objects(target);
        let (foreign_objects, zones) = (home.store(target), home.zones());
        let environment = Self {
            target,
            weather,
            client,
            operator,
            namespace,
            upstreams: [home, elsewhere],
            zones,
            foreign_objects,
            changes: AtomicU32::default(),
            loses: AtomicBool::default(),
            home: Mutex::default(),
            is_away: AtomicBool::default(),
            shared,
            neighbours: Mutex::default(),
        };
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
        if self.shared.is_some() {
            return Api::all_with(self.client.clone(), &api_resource("ClusterConnection", "clusterconnections"));
        }
        let connections = api_resource("Connection", "connections");
        Api::namespaced_with(self.client.clone(), self.namespace(), &connections)
    }

    /// Returns the namespaces that the operator watches.
    pub fn scope(&self) -> Vec<&str> {
        [self.namespace()].into_iter().chain(self.shared.iter().map(|shared| shared.tenant.name())).collect()
    }

    /// Returns the namespace of the other tenant, or the own one.
    pub fn tenant(&self) -> &str {
        self.scope().last().copied().unwrap_or_default()
    }

    pub fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    pub fn connection_name(&self) -> String {
        if self.is_shared() { format!("{}-shared", self.namespace()) } else { "link".to_owned() }
    }

    /// Returns the manifest of the object under test.
    pub fn manifest(&self) -> Value {
        let mut object = self.target.manifest(&self.zones);
        if self.is_shared() {
            object["spec"]["connectionRef"] = json!({ "kind": "ClusterConnection", "name": self.connection_name() });
        }
        object
    }

    /// Records an object of another tenant.
    pub fn add_neighbour(&self, uid: &str) {
        self.neighbours.lock().unwrap().insert(uid.to_owned());
    }

    /// Removes the connection, which is not in a namespace.
    pub async fn close(&self) -> anyhow::Result<()> {
        if self.is_shared() {
            let name = self.connection_name();
            self.connections().delete(&name, &DeleteParams::background()).await?;
            let free = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
            // It is gone already if the operator let it go.
            let _ = self.connections().patch(&name, &PatchParams::default(), &free).await;
        }
        Ok(())
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

    /// Returns whether the upstream elsewhere holds an object.
    pub fn is_elsewhere(&self) -> bool {
        !self.upstreams[1].store(self.target).is_empty()
    }

    /// Lets the sequence decide what happens to each request to the upstreams.
    pub fn direct(&self, sequence: &Arc<Sequence>) {
        for (simulated, place) in self.upstreams.iter().zip(["", " elsewhere"]) {
            upstream::direct(simulated.faults(), self.target.system(), place, sequence);
        }
    }

    pub fn undirect(&self) {
        for simulated in &self.upstreams {
            simulated.faults().clear_decider();
            simulated.faults().clear();
        }
    }

    /// Has the upstream refuse a create of the object under test, which takes effect all the same.
    pub fn refuse_create(&self) {
        let collection = if self.target == Target::Network { Collection::NetworkPolicy } else { Collection::Policy };
        let refused = Fault::on(Operation::Create).of(collection).after(Action::status(400, "{}"));
        self.upstreams[0].faults().add(refused);
    }

    /// Starts to count from zero.
    pub fn reset_counts(&self) {
        for simulated in &self.upstreams {
            simulated.journal().clear();
        }
    }

    pub fn counts(&self) -> Counts {
        let effects = |operation| self.upstreams.iter().map(|simulated| simulated.effects(operation)).sum();
        Counts { creates: effects(Operation::Create), deletes: effects(Operation::Delete) }
    }

    /// Returns every object of the collection in both upstreams, oldest first.
    fn store(&self) -> Vec<Value> {
        self.upstreams.iter().flat_map(|simulated| simulated.store(self.target)).collect()
    }

    /// Returns the objects upstream that are neither foreign nor of neighbours. Fails when a foreign object has changed.
    pub fn ours(&self) -> anyhow::Result<Vec<Value>> {
        let managed = self.managed()?;
        let neighbours = self.neighbours.lock().unwrap();
        let is_neighbours = |object: &Value| neighbours.iter().any(|uid| owner_tag(object).ends_with(uid));
        Ok(managed.into_iter().filter(|object| !is_neighbours(object)).collect())
    }

    /// Returns the objects upstream that bear the owner tag of this object.
    pub fn tagged(&self, uid: &str) -> anyhow::Result<Vec<Value>> {
        let tag = owner_tag_of(uid);
        Ok(self.managed()?.into_iter().filter(|object| owner_tag(object) == tag).collect())
    }

    /// Returns the objects upstream that are not foreign. Fails when a foreign object has changed.
    pub fn managed(&self) -> anyhow::Result<Vec<Value>> {
        let (foreign_objects, ours): (Vec<_>, Vec<_>) =
            self.store().into_iter().partition(|o| self.foreign_objects.contains(o));
        anyhow::ensure!(
            foreign_objects.len() == self.foreign_objects.len(),
            "a foreign object was changed: {foreign_objects:?} of {:?}",
            self.foreign_objects
        );
        Ok(ours)
    }

    /// Limits how many objects a page of the upstream shows.
    pub fn limit_pages(&self, limit: Option<u32>) {
        self.upstreams[0].limit_pages(limit);
    }

    /// Returns whether an object upstream has the owner tag of this object.
    pub fn is_tagged(&self, uid: &str) -> bool {
        let tag = json!(owner_tag_of(uid));
        let tags = |object: &Value| object["tags"].as_object().cloned().unwrap_or_default();
        self.store().iter().any(|object| tags(object).values().any(|value| *value == tag))
    }

    /// Changes the operator's object upstream, as another writer would. Returns false when there is none.
    pub fn change_upstream(&self) -> bool {
        let Some(id) = self.our_id() else { return false };
        self.upstreams.iter().any(|simulated| simulated.edit(self.target, &id))
    }

    /// Deletes the operator's object upstream, as another writer would. Returns false when there is none.
    pub fn remove(&self) -> bool {
        let Some(id) = self.our_id() else { return false };
        self.upstreams.iter().any(|simulated| simulated.remove(self.target, &id))
    }

    fn our_id(&self) -> Option<String> {
        Some(self.target.id(self.ours().ok()?.first()?).to_owned())
    }

    /// Writes new credentials to the Secret and, where the simulator supports it, to the upstream. Returns the
    /// `resourceVersion` of the Secret.
    pub async fn rotate(&self) -> anyhow::Result<String> {
        let change = self.changes.fetch_add(1, Ordering::SeqCst);
        let mut data = json!({});
        for (simulated, key) in self.upstreams.iter().zip(TOKENS) {
            let more = simulated.rotate(change, key);
            data.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        }
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
        let url = self.upstreams[0].url();
        let url = if change.is_multiple_of(2) { url.replace("127.0.0.1", "localhost") } else { url };
        self.connect(0, &url, 200 - change % 2).await?;
        self.home.lock().unwrap().clone_from(&url);
        Ok(url)
    }

    /// Points the connection to the upstream elsewhere, or back. Returns the address.
    pub async fn point(&self, elsewhere: bool) -> anyhow::Result<String> {
        self.is_away.store(elsewhere, Ordering::SeqCst);
        let place = &self.upstreams[usize::from(elsewhere)];
        let url = if elsewhere { place.url() } else { self.home.lock().unwrap().clone() };
        self.connect(usize::from(elsewhere), &url, 200).await?;
        Ok(url)
    }

    /// Points the connection back if it leads elsewhere.
    pub async fn return_home(&self) -> anyhow::Result<()> {
        if self.is_away.load(Ordering::SeqCst) {
            self.point(false).await?;
        }
        Ok(())
    }

    async fn connect(&self, place: usize, url: &str, burst: u32) -> anyhow::Result<()> {
        let mut spec = self.upstreams[place].lead(url, TOKENS[place]);
        spec["rateLimit"] = json!({ "requestsPerSecond": 100, "burst": burst });
        if self.is_shared() {
            spec["allowedNamespaces"] = json!({ "names": self.scope() });
        }
        let connection = json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1",
            "kind": if self.is_shared() { "ClusterConnection" } else { "Connection" },
            "metadata": { "name": self.connection_name() },
            "spec": spec,
        });
        let params = PatchParams::apply("test").force();
        self.connections().patch(&self.connection_name(), &params, &Patch::Apply(connection)).await?;
        Ok(())
    }
}
