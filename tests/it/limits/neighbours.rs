//! Two namespaces on one connection: what one does delays the other by little.

use crate::support::connection_helpers::SharedConnection;
use crate::support::rbac;
use crate::support::test_env::{SOON, TestEnv, common, condition, ncloud_policy, upstream_id};
use cloud_policy::api::Policy;
use cloud_policy::controller::Settings;
use cloud_policy_simulator::Operation;
use cloud_policy_testbed::{TestNamespace, wait_for};
use futures::{StreamExt, stream};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

/// A namespace of its own, and a neighbour with the same `ClusterConnection`.
struct Neighbours {
    env: TestEnv,
    neighbour: TestNamespace,
    connection: SharedConnection,
}

impl Neighbours {
    async fn start(prefix: &str) -> Self {
        Self::start_with(prefix, |_| {}).await
    }

    async fn start_with(prefix: &str, adjust: impl FnOnce(&mut Settings)) -> Self {
        let mut env = TestEnv::without_operator(prefix).await;
        let neighbour = rbac::tenant(&env.client, prefix).await;
        let connection = SharedConnection::connect(&env, json!({ "names": [env.namespace(), neighbour.name()] })).await;
        let scope = neighbour.name().to_owned();
        env.start(|settings| {
            settings.scope.insert(scope);
            settings.cluster_connections = true;
            // Nothing is compared meanwhile, so that all requests are those of changes.
            settings.interval_divisor = 1;
            adjust(settings);
        });
        connection.is("Authenticated").await;
        Self { env, neighbour, connection }
    }

    fn policy(&self, name: &str) -> Value {
        let mut object = ncloud_policy(name);
        object["spec"]["connectionRef"] = json!({ "kind": "ClusterConnection", "name": self.connection.name });
        object
    }

    /// Creates this many policies in the namespace of the neighbour.
    async fn crowd(&self, size: usize) {
        let names = (0..size).map(|n| format!("crowd-{n}"));
        let all = stream::iter(names)
            .map(async |name| self.env.try_apply_in(self.neighbour.name(), self.policy(&name)).await.unwrap());
        all.buffer_unordered(16).for_each(|_| async {}).await;
    }

    /// Returns how many requests the upstream has received.
    fn requests(&self) -> usize {
        self.env.ncloud.journal().entries().len()
    }

    /// Returns the API of the namespace of the neighbour.
    fn theirs(&self) -> Api<Policy> {
        Api::namespaced(self.env.client.clone(), self.neighbour.name())
    }

    /// Confirms the deletion of all policies of the neighbour.
    async fn confirm_all(&self) {
        let confirm = json!({ "metadata": { "annotations": { "cloudpolicy.dev/confirm-delete": "true" } } });
        for object in self.theirs().list(&ListParams::default()).await.unwrap() {
            let patch = Patch::Merge(confirm.clone());
            self.theirs().patch(&object.name_any(), &PatchParams::default(), &patch).await.unwrap();
        }
    }

    /// Deletes everything at a high rate.
    async fn end(self) {
        self.connection.limit(100, 100).await;
        for namespace in [self.env.namespace(), self.neighbour.name()] {
            let api: Api<Policy> = Api::namespaced(self.env.client.clone(), namespace);
            api.delete_collection(&DeleteParams::background(), &ListParams::default()).await.unwrap();
            wait_for("all policies to be gone", 3 * SOON, || async {
                anyhow::ensure!(api.list_metadata(&ListParams::default()).await?.items.is_empty(), "still there");
                Ok(())
            })
            .await
            .unwrap();
        }
        self.connection.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edit_and_creation_pass_a_crowd_of_a_neighbour() {
    let this = Neighbours::start("neighbour-crowd").await;
    this.env.apply(this.policy("mine")).await;
    let id = upstream_id(&this.env.ready::<Policy>("mine").await);
    this.crowd(100).await;
    this.env.eventually("creations of the neighbour", || this.env.ncloud.policies().len() > 3).await;

    let before = this.requests();
    this.env.patch::<Policy>("mine", json!({ "spec": { "ncloud": { "description": "narrowed" } } })).await;
    let narrowed = || {
        let policies = this.env.ncloud.policies();
        policies.iter().any(|policy| policy.policy_id == id && policy.description.as_deref() == Some("narrowed"))
    };
    this.env.eventually("the edit", narrowed).await;
    // The default rate is 5 requests a second, so these take less than 4 s.
    let meanwhile = this.requests() - before;
    assert!(meanwhile < 20, "{meanwhile} requests until the edit");

    let before = this.env.ncloud.journal().effects(Operation::Create);
    this.env.apply(this.policy("second")).await;
    let exists = || this.env.ncloud.policies().iter().any(|policy| policy.policy_name == "second");
    this.env.eventually("the creation", exists).await;
    let meanwhile = this.env.ncloud.journal().effects(Operation::Create) - before;
    assert!(meanwhile < 25, "{meanwhile} creations until that of the namespace with one object");

    let before = this.requests();
    this.env.delete::<Policy>("mine").await;
    this.env.gone::<Policy>("mine").await;
    let meanwhile = this.requests() - before;
    assert!(meanwhile < 25, "{meanwhile} requests until the deletion");
    this.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mass_deletion_of_a_neighbour_does_not_hold_others() {
    let this = Neighbours::start_with("neighbour-mass", |settings| settings.delete_limit = 5).await;
    this.connection.limit(100, 100).await;
    this.env.apply(this.policy("mine")).await;
    this.env.ready::<Policy>("mine").await;
    this.crowd(12).await;
    this.env.eventually("all policies", || this.env.ncloud.policies().len() == 13).await;
    let theirs = this.theirs();
    let ready = || async {
        let objects = theirs.list(&ListParams::default()).await?;
        let done = objects.iter().filter(|object| common(*object).applied_hash.is_some()).count();
        anyhow::ensure!(done == 12, "{done} applied");
        Ok(())
    };
    wait_for("all to be applied", SOON, ready).await.unwrap();
    theirs.delete_collection(&DeleteParams::background(), &ListParams::default()).await.unwrap();
    let held = || async {
        let objects = theirs.list(&ListParams::default()).await?;
        let free = objects.iter().filter(|object| !is_held(object)).count();
        anyhow::ensure!(free == 0, "{free} of {} are not held", objects.items.len());
        Ok(objects.items.len())
    };
    let held = wait_for("the mass to be held", SOON, held).await.unwrap();
    assert!(held > 5, "{held} are held");
    this.env.delete::<Policy>("mine").await;
    this.env.gone::<Policy>("mine").await;
    assert_eq!(this.env.ncloud.policies().len(), held, "only the held ones are left");
    this.confirm_all().await;
    this.end().await;
}

fn is_held(object: &Policy) -> bool {
    condition(&common(object), "Ready").is_some_and(|ready| ready.reason == "DeleteHeld")
}
