//! The environment of the crowds, and what happens to them.

use super::{Collection, Cost, EVENTS, Event};
use crate::support::install_crypto;
use crate::support::kinds::shown_condition;
use crate::support::test_env::{Operator, TestEnv, ncloud_policy, network_policy, spaceone_policy};
use crate::support::write_counter::WriteCounter;
use cloud_policy::api::{Connection, crds};
use cloud_policy::controller::Settings;
use cloud_policy_simulator::Journal;
use cloud_policy_simulator::ncloud::StoredPolicy;
use cloud_policy_simulator::spaceone::{self, Spaceone};
use cloud_policy_testbed::{ControlPlane, install_crds, wait_for};
use futures::{StreamExt, stream};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long neither a request nor a write happens when an event is over.
const QUIET: Duration = Duration::from_millis(500);

/// The patience for a crowd.
const LIMIT: Duration = Duration::from_mins(3);

/// The number of objects that change while the operator does not run.
const CROWD: usize = 300;

/// The highest rate limit: requests per second, and in a burst.
const RATE: (u32, u32) = (1000, 2000);

/// The text by which another writer replaces a field.
const DRIFT: &str = "drift";

/// The environment of all crowds: each collection has a connection and an upstream of its own, with the highest rate
/// limit.
pub struct Crowds {
    env: TestEnv,
    network: Spaceone,
    writes: WriteCounter,
    operator: Option<Operator>,
    /// How many crowds have lived. Each gets names of its own, because the operator waits before it creates an object
    /// whose namesake was deleted.
    gathered: usize,
    _control_plane: ControlPlane,
}

impl Crowds {
    pub async fn set_up() -> Self {
        install_crypto();
        let control_plane = ControlPlane::start().unwrap();
        let client = control_plane.client().unwrap();
        install_crds(&client, &crds::all()).await.unwrap();
        let env = TestEnv::without_operator_on(client.clone(), "requests").await;
        let network = Spaceone::start(spaceone::Options::default()).await.unwrap();
        env.connect_spaceone("network", &network.url(), "Rest", &network.domain_id(), &network.token()).await;
        let rate = json!({ "requestsPerSecond": RATE.0, "burst": RATE.1 });
        for collection in Collection::ALL {
            env.patch::<Connection>(collection.name(), json!({ "spec": { "rateLimit": rate } })).await;
        }
        Self {
            env,
            network,
            writes: WriteCounter::new(client),
            operator: None,
            gathered: 0,
            _control_plane: control_plane,
        }
    }

    /// Lets a crowd of each collection live, and returns the costs of each event by collection.
    pub async fn live(&mut self, size: usize) -> [[Cost; EVENTS.len()]; 3] {
        let mut costs = [[(0, 0); EVENTS.len()]; 3];
        self.gathered += 1;
        for (index, event) in EVENTS.into_iter().enumerate() {
            if size >= CROWD && event == Event::Edit {
                continue;
            }
            if size >= CROWD || !matches!(event, Event::Create | Event::Edit | Event::Delete) {
                self.stop().await;
            } else if self.operator.is_none() {
                self.start();
                self.quiet().await;
            }
            self.forget();
            self.change(event, size).await;
            if self.operator.is_none() {
                self.start();
            }
            self.over(event, size).await;
            for (collection, costs) in Collection::ALL.into_iter().zip(&mut costs) {
                costs[index] = self.cost(collection);
            }
        }
        costs
    }

    /// Starts an operator that compares and probes only once.
    fn start(&mut self) {
        let once = |settings: &mut Settings| {
            (settings.interval_divisor, settings.connection_interval) = (1, Duration::from_hours(1));
        };
        self.operator = Some(Operator::start(&self.writes.client(), &[self.env.namespace()], once));
    }

    async fn stop(&mut self) {
        if let Some(operator) = self.operator.take() {
            operator.stop().await;
        }
    }

    fn journal(&self, collection: Collection) -> &Journal {
        match collection {
            Collection::Spaceone => self.env.spaceone.journal(),
            Collection::Network => self.network.journal(),
            Collection::Ncloud => self.env.ncloud.journal(),
        }
    }

    fn forget(&self) {
        for collection in Collection::ALL {
            self.journal(collection).clear();
        }
        self.writes.clear();
    }

    fn cost(&self, collection: Collection) -> Cost {
        (self.journal(collection).total(), self.writes.of(collection.name()))
    }

    /// Waits until neither requests nor writes happen any more.
    async fn quiet(&self) {
        let mut last = (Vec::new(), Instant::now());
        while last.1.elapsed() < QUIET {
            tokio::time::sleep(QUIET / 10).await;
            let costs = Collection::ALL.map(|collection| self.cost(collection)).to_vec();
            if costs != last.0 {
                last = (costs, Instant::now());
            }
        }
    }

    /// Does what users, or other writers, do to the objects of all collections.
    async fn change(&self, event: Event, size: usize) {
        for collection in Collection::ALL {
            let api = self.objects(collection);
            let all = stream::iter(0..size).map(async |number| {
                let name = &format!("{}-{}-{number}", collection.name(), self.gathered);
                match event {
                    Event::Create => {
                        let object = serde_json::from_value(self.manifest(collection, name)).unwrap();
                        api.create(&PostParams::default(), &object).await.unwrap();
                    }
                    Event::Edit => {
                        let patch = Patch::Merge(collection.edit());
                        api.patch(name, &PatchParams::default(), &patch).await.unwrap();
                    }
                    Event::Delete => drop(api.delete(name, &DeleteParams::background()).await.unwrap()),
                    Event::Restart | Event::DriftOfOne | Event::DriftOfAll => {}
                }
            });
            all.buffer_unordered(16).for_each(|()| async {}).await;
            match event {
                Event::DriftOfOne => self.drift(collection, 1),
                Event::DriftOfAll => self.drift(collection, size),
                Event::Create | Event::Edit | Event::Restart | Event::Delete => {}
            }
        }
    }

    /// Waits until the operator has done what the event needs, and neither requests nor writes happen any more. It looks
    /// only while nothing happens, because a list of hundreds of objects takes time from the operator.
    async fn over(&self, event: Event, size: usize) {
        let what = format!("{event:?} of {size}");
        let operator = self.operator.as_ref().unwrap();
        let probe = || async {
            self.quiet().await;
            for collection in Collection::ALL {
                let (objects, ready) = self.count(collection).await?;
                let drifted = self.drifted(collection);
                let wanted = if event == Event::Delete { 0 } else { size };
                let done = (objects, ready, drifted) == (wanted, wanted, 0);
                anyhow::ensure!(done, "{collection:?}: {ready} of {objects} are ready, {drifted} drift");
            }
            let compared = reconciles(operator);
            let wanted = if event == Event::Restart { 3 * size } else { 0 };
            anyhow::ensure!(compared >= wanted, "{compared} of {wanted} are compared");
            Ok(())
        };
        wait_for(&what, LIMIT, probe).await.unwrap();
    }

    fn objects(&self, collection: Collection) -> Api<DynamicObject> {
        Api::namespaced_with(self.env.client.clone(), self.env.namespace(), &collection.resource())
    }

    fn manifest(&self, collection: Collection, name: &str) -> Value {
        let mut object = match collection {
            Collection::Spaceone => spaceone_policy(name),
            Collection::Network => network_policy(name, &self.network.zone_ids()[0]),
            Collection::Ncloud => ncloud_policy(name),
        };
        object["spec"]["connectionRef"]["name"] = json!(collection.name());
        object
    }

    /// Returns how many objects there are, and how many are ready with their newest spec.
    async fn count(&self, collection: Collection) -> anyhow::Result<(usize, usize)> {
        let mut objects = self.objects(collection).list(&ListParams::default()).await?.items;
        objects.retain(|object| object.name_any().starts_with(collection.name()));
        let is_ready = |object: &&DynamicObject| {
            let status = &object.data["status"];
            let is_current = status["observedGeneration"].as_i64() == object.metadata.generation;
            is_current && shown_condition(status, "Ready").is_some_and(|ready| ready["status"] == "True")
        };
        Ok((objects.len(), objects.iter().filter(is_ready).count()))
    }

    /// Changes this many upstream objects as another writer would.
    fn drift(&self, collection: Collection, objects: usize) {
        let (env, network) = (&self.env, &self.network);
        match collection {
            Collection::Spaceone => env.spaceone.policies().iter().take(objects).for_each(|policy| {
                env.spaceone.edit_policy(&policy.policy_id, |policy| DRIFT.clone_into(&mut policy.name));
            }),
            Collection::Network => network.network_policies().iter().take(objects).for_each(|policy| {
                network.edit_network_policy(&policy.network_policy_id, |policy| DRIFT.clone_into(&mut policy.name));
            }),
            Collection::Ncloud => env.ncloud.policies().iter().take(objects).for_each(|policy| {
                env.ncloud.edit_policy(&policy.policy_id, |policy| policy.description = Some(DRIFT.to_owned()));
            }),
        }
    }

    /// Returns how many upstream objects differ because of [`Crowds::drift`].
    fn drifted(&self, collection: Collection) -> usize {
        let (env, network) = (&self.env, &self.network);
        match collection {
            Collection::Spaceone => env.spaceone.policies().iter().filter(|policy| policy.name == DRIFT).count(),
            Collection::Network => network.network_policies().iter().filter(|policy| policy.name == DRIFT).count(),
            Collection::Ncloud => {
                let drifts = |policy: &&StoredPolicy| policy.description.as_deref() == Some(DRIFT);
                env.ncloud.policies().iter().filter(drifts).count()
            }
        }
    }
}

/// Returns how often the operator has reconciled objects of the policy kinds.
fn reconciles(operator: &Operator) -> usize {
    let metrics = operator.metrics.encode().unwrap();
    let ours = metrics.lines().filter(|line| line.contains("_reconciles_total{") && line.contains("Policy\""));
    ours.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
}
