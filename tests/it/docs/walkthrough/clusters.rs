//! Two clusters with an operator each, which use the same accounts, for the page whose reader moves objects from one
//! to the other and restores them from a backup.
//!
//! The reader's contexts are `old` and `new`. For the second part of the page the clusters exchange these names, so
//! two control planes suffice. The flags of an operator are those of the Deployment in its cluster. `velero` on the
//! reader's path is a stand-in. The simulators tell from outside what happened upstream.

use super::page::steps;
use super::shell::Shell;
use super::{perform, stand_ins};
use crate::support::installation::{self, Installation, OWN, Process};
use cloud_policy_simulator::Operation;
use cloud_policy_testbed::{ControlPlane, repository};
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::config::{Context, Kubeconfig, NamedContext};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use tempfile::TempDir;

/// Stands on the page for the id of the cluster that is lost.
const LOST_ID: &str = "11111111-2222-3333-4444-555555555555";
/// The pages that make the objects of the page, and how many of their steps do so.
const BEFORE: [(&str, usize); 3] =
    [("connect-ncloud", usize::MAX), ("connect-spaceone", usize::MAX), ("first-policy", 2)];
/// The objects of the page.
const OBJECTS: [(&str, &str); 3] =
    [("Policy", "storage-reader"), ("Policy", "inventory-reader"), ("NetworkPolicy", "office")];

pub struct Clusters {
    /// Has the accounts that both use. At first it is the old cluster, then the new one.
    first: Cluster,
    /// At first it is the new cluster, then the old one, until it is lost.
    second: Option<Cluster>,
    /// The reader's kubeconfig and the stand-in of Velero.
    folder: TempDir,
    /// The ids of the upstream objects when the page begins.
    kept: Option<Vec<(String, String)>>,
}

impl Clusters {
    pub async fn start() -> Self {
        let (first, second) = tokio::join!(Cluster::start(), Cluster::start());
        let folder = tempfile::tempdir().unwrap();
        symlink(repository().join("tests/it/docs/walkthrough/velero.py"), folder.path().join("velero")).unwrap();
        let clusters = Self { first, second: Some(second), folder, kept: None };
        clusters.name([("old", &clusters.first), ("new", clusters.second.as_ref().unwrap())]);
        clusters
    }

    pub async fn shell(&self) -> Shell {
        let accounts = &self.first.installation;
        let mut stand_ins = stand_ins(accounts);
        stand_ins.push((LOST_ID, self.second.as_ref().unwrap().id().await));
        let mut shell = Shell::with_kubeconfig(&self.kubeconfig(), &accounts.control_plane, stand_ins);
        shell.prefer(self.folder.path());
        shell
    }

    /// Executes an action of another person. Panics when the page names an unknown one.
    pub async fn meanwhile(&mut self, what: &str, shell: &Shell) {
        match what {
            "team-a has storage-reader, inventory-reader and office" => self.prepare(shell).await,
            "the clusters exchange their names" => {
                let second = self.second.as_ref().unwrap();
                self.assert_owned_by(second).await;
                self.name([("new", &self.first), ("old", second)]);
            }
            "the old cluster is lost" => {
                let mut lost = self.second.take().unwrap();
                assert_eq!(lost.deployment().await["replicas"], 0, "the reader stopped its operator");
                lost.stop_operator().await;
                self.name([("new", &self.first)]);
            }
            "the operator of the new cluster restarts" => {
                self.first.stop_operator().await;
                self.first.start_operator().await;
            }
            "the objects of team-a are lost" => {
                self.assert_owned_by(&self.first).await;
                self.first.lose_objects().await;
            }
            _ => panic!("not known: {what}"),
        }
    }

    /// Follows the pages that the reader has read before.
    async fn prepare(&mut self, shell: &Shell) {
        for (page, count) in BEFORE {
            for step in steps(&format!("docs/tasks/{page}.md")).iter().take(count) {
                assert_eq!(perform(shell, step).await, None, "{}", step.place);
            }
        }
        let Installation { ncloud, spaceone, .. } = &self.first.installation;
        ncloud.journal().clear();
        spaceone.journal().clear();
        self.kept = Some(self.ids());
    }

    /// Panics if the operators created or deleted anything upstream since the page began.
    pub fn assert_upstream_is_kept(&self, place: &str) {
        let Some(kept) = &self.kept else { return };
        let Installation { ncloud, spaceone, .. } = &self.first.installation;
        for operation in [Operation::Create, Operation::Delete] {
            let effects = ncloud.journal().effects(operation) + spaceone.journal().effects(operation);
            assert_eq!(effects, 0, "{place}: {operation:?}");
        }
        assert_eq!(&self.ids(), kept, "{place}");
    }

    /// Stops all operators, after the last look at the upstreams.
    pub async fn stop(mut self) {
        self.assert_owned_by(&self.first).await;
        self.first.stop_operator().await;
    }

    /// Panics unless the upstream objects have the owner tags of the objects of this cluster, and no other.
    async fn assert_owned_by(&self, cluster: &Cluster) {
        let id = cluster.id().await;
        let mut expected = Vec::new();
        for (kind, name) in OBJECTS {
            let uid = cluster.installation.objects(kind).get(name).await.unwrap().uid().unwrap();
            expected.push((name.to_owned(), Some(format!("{id}_{uid}"))));
        }
        let mut tags: Vec<_> = self.upstream().into_iter().map(|(name, _, tag)| (name, tag)).collect();
        tags.sort();
        expected.sort();
        assert_eq!(tags, expected);
    }

    fn ids(&self) -> Vec<(String, String)> {
        let mut ids: Vec<_> = self.upstream().into_iter().map(|(name, id, _)| (name, id)).collect();
        ids.sort();
        ids
    }

    /// Returns the name, the id and the owner tag of every upstream object.
    fn upstream(&self) -> Vec<(String, String, Option<String>)> {
        let Installation { ncloud, spaceone, .. } = &self.first.installation;
        let text = |tag: Option<&serde_json::Value>| tag.and_then(|tag| tag.as_str()).map(str::to_owned);
        let of_ncloud = ncloud.policies().into_iter();
        let of_ncloud = of_ncloud.map(|it| (it.policy_name, it.policy_id, it.tags.get("cloudpolicy-owner").cloned()));
        let policies = spaceone.policies().into_iter();
        let policies = policies.map(|it| (it.policy_id.clone(), it.policy_id, text(it.tags.get("cloudpolicy_owner"))));
        let networks = spaceone.network_policies().into_iter();
        let networks = networks.map(|it| (it.name, it.network_policy_id, text(it.tags.get("cloudpolicy_owner"))));
        of_ncloud.chain(policies).chain(networks).collect()
    }

    /// Gives the reader these contexts, of which the first is the current one.
    fn name<'c>(&self, contexts: impl IntoIterator<Item = (&'c str, &'c Cluster)>) {
        let one_file = contexts
            .into_iter()
            .map(|(name, cluster)| named(name, &cluster.installation.control_plane))
            .reduce(|all, next| all.merge(next).unwrap());
        fs::write(self.kubeconfig(), serde_json::to_vec(&one_file).unwrap()).unwrap();
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }
}

/// Returns the administrator's kubeconfig with this name for all that it names.
fn named(name: &str, control_plane: &ControlPlane) -> Kubeconfig {
    let mut read = Kubeconfig::read_from(control_plane.kubeconfig()).unwrap();
    name.clone_into(&mut read.clusters[0].name);
    name.clone_into(&mut read.auth_infos[0].name);
    let context = Context { cluster: name.to_owned(), user: Some(name.to_owned()), ..Context::default() };
    read.contexts = vec![NamedContext { name: name.to_owned(), context: Some(context), ..NamedContext::default() }];
    read.current_context = Some(name.to_owned());
    read
}

struct Cluster {
    installation: Installation,
    operator: Option<Process>,
}

impl Cluster {
    async fn start() -> Self {
        let installation = Installation::new().await;
        let deployment = repository().join("deploy/operator").display().to_string();
        installation.control_plane.run_kubectl(&["apply", "--validate=strict", "-k", &deployment]).unwrap();
        let mut cluster = Self { installation, operator: None };
        cluster.start_operator().await;
        cluster
    }

    async fn start_operator(&mut self) {
        let client = installation::operator_client(&self.installation).await;
        let cluster_id = self.cluster_id_flag().await;
        self.operator = Some(Process::start(client, |settings| settings.cluster_id = cluster_id).await);
    }

    async fn stop_operator(&mut self) {
        if let Some(operator) = self.operator.take() {
            operator.stop().await;
        }
    }

    /// Takes the objects away without the operator, and starts it again.
    async fn lose_objects(&mut self) {
        self.stop_operator().await;
        for kind in ["Policy", "NetworkPolicy"] {
            let api = self.installation.objects(kind);
            for object in api.list(&ListParams::default()).await.unwrap() {
                let name = object.name_any();
                api.delete(&name, &DeleteParams::default()).await.unwrap();
                let bare = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
                api.patch(&name, &PatchParams::default(), &bare).await.unwrap();
                self.installation.gone(&api, &name).await;
            }
        }
        self.start_operator().await;
    }

    /// Returns the id of the cluster in owner tags.
    async fn id(&self) -> String {
        if let Some(id) = self.cluster_id_flag().await {
            return id;
        }
        self.installation.api("v1", "Namespace", None).get("kube-system").await.unwrap().uid().unwrap()
    }

    async fn cluster_id_flag(&self) -> Option<String> {
        let deployment = self.deployment().await;
        let flags = deployment["template"]["spec"]["containers"][0]["args"].as_array().unwrap().iter();
        flags.filter_map(|flag| flag.as_str()?.strip_prefix("--cluster-id=").map(str::to_owned)).next_back()
    }

    /// Returns the spec of the operator's Deployment.
    async fn deployment(&self) -> serde_json::Value {
        let deployments = self.installation.api("apps/v1", "Deployment", Some(OWN));
        deployments.get("cloud-policy-operator").await.unwrap().data["spec"].clone()
    }
}
