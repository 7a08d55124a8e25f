//! The lifecycle of an installation, with the commands of the task pages: with Helm 3 and with Helm 4, each in
//! a cluster of its own, with live objects and upstreams.
//!
//! There is no release to upgrade from. The test derives the previous version from this one: fewer fields in
//! the schemas of the policies, fewer arguments, another version.

use super::helm::Helm;
use super::pages;
use super::place;
use crate::support::fake_kubelet::FakeKubelet;
use crate::support::installation::{Installation, OWN, TENANT};
use anyhow::ensure;
use cloud_policy_testbed::{repository, wait_for};
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_mins(2);
const OBJECTS: [(&str, &str); 3] = [("Policy", "tale-n"), ("Policy", "tale-p"), ("NetworkPolicy", "tale-w")];
/// A field of policies that the previous version does not have.
const NEW_FIELD: &str = "recreatePolicy";

/// Runs both at once, because a lifecycle mostly waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chart_lifecycle_writes_nothing_upstream() {
    let [three, four] = ["3", "4"].map(|major| tokio::spawn(async move { Lifecycle::start(major).await.run().await }));
    // Returns the first failure.
    tokio::try_join!(three, four).unwrap();
}

struct Lifecycle {
    /// Dropped first, so that it can still print the log of its pods.
    kubelet: FakeKubelet,
    helm: Helm,
    installation: Installation,
    /// The headings whose commands ran, by page.
    ran: BTreeSet<(String, String)>,
    /// How often reconciles were requested.
    requests: usize,
}

impl Lifecycle {
    async fn start(major: &'static str) -> Self {
        let installation = Installation::empty().await;
        let helm = Helm::of(major, Some(installation.control_plane.kubeconfig()));
        let values = json!({
            "tenantConnections": { "namespaces": [TENANT] },
            "operator": {
                "allowedHosts": ["127.0.0.1"], "allowPrivateAddresses": true, "allowHttp": true, "connectionIntervalSeconds": 2,
            },
        });
        fs::write(helm.directory().join("values.yaml"), values.to_string()).unwrap();
        let kubelet = FakeKubelet::start(&installation.control_plane);
        Self { kubelet, helm, installation, ran: BTreeSet::new(), requests: 0 }
    }

    async fn run(mut self) {
        self.previous_version();
        self.run_commands("install", "Install the chart").await;
        self.installation.connect().await;
        self.installation.populate().await;
        self.second_release_can_be_installed().await;
        let writes = self.writes();
        assert!(self.set_new_field().await.is_err(), "the previous version knows {NEW_FIELD}");
        self.upgrade_and_roll_back().await;
        self.uninstall_and_reinstall().await;
        assert_eq!(self.writes(), writes, "nothing was written upstream");
        self.remove_everything("policies").await;
        self.migrate_from_manifests().await;
        self.remove_everything("cloud-policy-operator").await;
        self.uninstall_before_objects().await;
        let other = if self.helm.major == "3" { "With Helm 4" } else { "With Helm 3" };
        let all = pages::PAGES.iter().flat_map(|page| {
            let headings = pages::headings(page).into_iter().filter(|heading| heading != other);
            headings.map(|heading| ((*page).to_owned(), heading))
        });
        assert_eq!(self.ran, all.collect(), "the headings whose commands ran, and all headings");
        self.kubelet.stop().await.unwrap();
    }

    async fn upgrade_and_roll_back(&mut self) {
        self.this_version();
        self.run_commands("upgrade", "Take the new version").await;
        self.reconcile_all().await;
        self.run_commands("upgrade", "Go back").await;
        self.reconcile_all().await;
        self.run_commands("upgrade", "Take the new version").await;
        self.set_new_field().await.expect("the schemas were upgraded, too");
        self.reconcile_all().await;
    }

    async fn uninstall_and_reinstall(&mut self) {
        let before = self.upstream();
        self.run_commands("uninstall", "Leave everything as it is").await;
        self.kubelet.is_empty().await;
        for (kind, name) in OBJECTS {
            let object = self.installation.objects(kind).get(name).await.unwrap();
            assert!(object.metadata.deletion_timestamp.is_none(), "{kind} {name}");
        }
        self.run_commands("uninstall", "Install it again").await;
        self.reconcile_all().await;
        assert_eq!(self.upstream(), before);
    }

    /// A second release for other namespaces can be installed, if it does not install the kinds.
    async fn second_release_can_be_installed(&self) {
        self.helm.run("kubectl create namespace team-b").await.unwrap();
        let other = "helm install other charts/cloud-policy-operator --namespace team-b --dry-run=server \
                     --set scope.namespaces={team-b},operator.clusterId=one";
        let refused = self.helm.run(other).await.unwrap_err().to_string();
        let kinds =
            ["CustomResourceDefinition", "exists and cannot be imported", "current value is \"cloud-policy-operator\""];
        assert!(kinds.iter().all(|words| refused.contains(words)), "{refused}");
        self.helm.run(&format!("{other},crds.enabled=false")).await.unwrap();
    }

    /// Installs the manifests with the same flags, then a release over them. kubectl still owns the fields that it applied.
    async fn migrate_from_manifests(&mut self) {
        let manifests = fs::read_to_string(repository().join("deploy/install.yaml")).unwrap();
        let flags = ["allowed-hosts=127.0.0.1", "allow-private-addresses", "allow-http", "tenant-namespaces=team-a"];
        let last = "        - --log-format=json\n";
        let all = flags.iter().fold(last.to_owned(), |all, flag| format!("{all}        - --{flag}\n"));
        assert_eq!(manifests.matches(last).count(), 1);
        let deploy = self.helm.directory().join("deploy");
        fs::create_dir(&deploy).unwrap();
        fs::write(deploy.join("install.yaml"), manifests.replace(last, &all)).unwrap();
        self.run_commands("install", "Without Helm").await;
        let tenant = repository().join("deploy/tenant-connections").display().to_string();
        self.helm.run(&format!("kubectl apply --server-side -k '{tenant}'")).await.unwrap();
        self.installation.connect().await;
        self.installation.populate().await;
        let writes = self.writes();
        self.run_commands("upgrade", &format!("With Helm {}", self.helm.major)).await;
        self.reconcile_all().await;
        // A field to which both gave the same value.
        edit(&self.helm.directory().join("values.yaml"), |text| {
            text.replacen('{', "{\"terminationGracePeriodSeconds\":46,", 1)
        });
        self.run_commands("upgrade", "Take the new version").await;
        self.reconcile_all().await;
        assert_eq!(self.writes(), writes, "nothing was written upstream");
    }

    /// Removes objects first, as the page says.
    async fn remove_everything(&mut self, release: &str) {
        self.run_commands("uninstall", "Many objects").await;
        let own_name = |commands: String| commands.replace("uninstall policies", &format!("uninstall {release}"));
        self.run_changed_commands("uninstall", "Remove everything, upstream too", own_name).await;
        assert_eq!(self.upstream(), (0, 0, 0));
        self.wait_for_no_kinds().await;
        self.kubelet.is_empty().await;
        self.expire_lease().await;
    }

    /// Uninstalls before the objects are gone, and then follows the page about that case.
    async fn uninstall_before_objects(&mut self) {
        let install =
            format!("helm install policies charts/cloud-policy-operator --namespace {OWN} --values values.yaml");
        self.helm.run(&format!("{install} --set crds.keep=false")).await.unwrap();
        self.installation.connect().await;
        self.installation.populate().await;
        self.helm.run(&format!("helm uninstall policies --namespace {OWN}")).await.unwrap();
        self.kubelet.is_empty().await;
        self.expire_lease().await;
        self.run_commands("uninstall", "Objects that do not go").await;
        self.wait_for_no_kinds().await;
        assert_eq!(self.upstream(), (1, 1, 1), "the upstream objects stay");
        self.kubelet.is_empty().await;
    }

    /// Runs the commands below a heading of a page.
    async fn run_commands(&mut self, page: &str, heading: &str) {
        self.run_changed_commands(page, heading, |commands| commands).await;
    }

    /// Runs the commands below a heading of a page after a change to them.
    async fn run_changed_commands(&mut self, page: &str, heading: &str, change: impl FnOnce(String) -> String) {
        if let Err(error) = self.helm.run(&change(pages::commands(page, heading))).await {
            panic!("{page}, `{heading}`: {error}");
        }
        self.ran.insert((page.to_owned(), heading.to_owned()));
    }

    /// Waits until the current operator has reconciled every object, with no change to make.
    async fn reconcile_all(&mut self) {
        self.requests += 1;
        let request = self.requests.to_string();
        let asked = json!({ "metadata": { "annotations": { "cloudpolicy.dev/reconcile-requested-at": request } } });
        for (kind, name) in OBJECTS {
            let objects = self.installation.objects(kind);
            objects.patch(name, &PatchParams::default(), &Patch::Merge(&asked)).await.unwrap();
            let what = format!("{kind} {name} to be reconciled");
            let seen = wait_for(&what, LIMIT, || async {
                let status = objects.get(name).await?.data["status"].clone();
                ensure!(status["lastHandledReconcileAt"] == request, "{status}");
                Ok(())
            });
            seen.await.unwrap();
            self.installation.reason(kind, name, "UpToDate").await;
        }
    }

    async fn set_new_field(&self) -> kube::Result<()> {
        for (kind, name) in OBJECTS {
            let wanted = json!({ "spec": { NEW_FIELD: "WhenRequired" } });
            let strict = PatchParams::default().validation_strict();
            let stored = self.installation.objects(kind).patch(name, &strict, &Patch::Merge(wanted)).await?;
            assert_eq!(stored.data["spec"][NEW_FIELD], "WhenRequired");
        }
        Ok(())
    }

    fn writes(&self) -> usize {
        self.installation.ncloud.journal().writes().len() + self.installation.spaceone.journal().writes().len()
    }

    /// Returns the number of objects in each collection.
    fn upstream(&self) -> (usize, usize, usize) {
        let Installation { ncloud, spaceone, .. } = &self.installation;
        (ncloud.policies().len(), spaceone.policies().len(), spaceone.network_policies().len())
    }

    /// Deletes the Lease instead of the wait of half a minute until it expires. An uninstalled operator cannot
    /// release it: its permissions were deleted first.
    async fn expire_lease(&self) {
        let leases = self.installation.api("coordination.k8s.io/v1", "Lease", Some(OWN));
        self.installation.delete(&leases, "cloud-policy-operator").await;
    }

    async fn wait_for_no_kinds(&self) {
        let kinds = self.installation.api("apiextensions.k8s.io/v1", "CustomResourceDefinition", None);
        wait_for("the kinds to be gone", LIMIT, || async {
            let left = kinds.list_metadata(&ListParams::default()).await?.items;
            ensure!(left.is_empty(), "{} are left", left.len());
            Ok(())
        })
        .await
        .unwrap();
    }

    /// Copies this version to the path in the commands of the pages.
    fn this_version(&self) {
        let chart = self.helm.directory().join("charts/cloud-policy-operator");
        fs::remove_dir_all(&chart).unwrap();
        copy(&place(""), &chart);
    }

    /// Writes the previous version to the same path.
    fn previous_version(&self) {
        let chart = self.helm.directory().join("charts/cloud-policy-operator");
        copy(&place(""), &chart);
        edit(&chart.join("Chart.yaml"), |text| text.replace(env!("CARGO_PKG_VERSION"), "0.0.9"));
        edit(&chart.join("templates/_args.tpl"), |text| {
            text.lines().filter(|line| !line.contains("--delete-")).collect::<Vec<_>>().join("\n")
        });
        for kind in ["policies", "networkpolicies"] {
            edit(&chart.join(format!("files/crds/cloudpolicy.dev_{kind}.yaml")), |text| {
                let mut kind: Value = serde_saphyr::from_str(text).unwrap();
                let schema = &mut kind["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
                schema["properties"]["spec"]["properties"].as_object_mut().unwrap().remove(NEW_FIELD).unwrap();
                kind.to_string()
            });
        }
    }
}

fn edit(file: &Path, change: impl FnOnce(&str) -> String) {
    let (before, file) = (fs::read_to_string(file).unwrap(), file.display());
    let after = change(&before);
    assert!(after != before, "{file} did not change");
    fs::write(file.to_string(), after).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}
