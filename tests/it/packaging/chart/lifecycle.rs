//! The life of an installation, told by the commands of the task pages, each of which is run: with
//! Helm 3 and with Helm 4, each in a cluster of its own, with live objects and upstreams.
//!
//! There is no release yet to upgrade from. The version before is made of this one: less in the
//! schemas of the policies, fewer arguments, another version.

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
/// A field of policies that the version before does not know.
const NEW_FIELD: &str = "recreatePolicy";

/// Both at once, as most of a story is waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upgrade_rollback_uninstall_and_reinstall_write_nothing_upstream_and_every_command_of_the_pages_works() {
    let [three, four] = ["3", "4"].map(|major| tokio::spawn(async move { Story::begin(major).await.tell().await }));
    // Whichever fails first.
    tokio::try_join!(three, four).unwrap();
}

struct Story {
    /// Dropped first, so that it can still tell what its pods said.
    kubelet: FakeKubelet,
    helm: Helm,
    installation: Installation,
    /// The commands that were run, by page and heading.
    ran: BTreeSet<(String, String)>,
    /// How often the objects were looked at.
    looks: usize,
}

impl Story {
    async fn begin(major: &'static str) -> Self {
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
        Self { kubelet, helm, installation, ran: BTreeSet::new(), looks: 0 }
    }

    async fn tell(mut self) {
        self.version_before();
        self.type_in("install", "Install the chart").await;
        self.installation.connect().await;
        self.installation.populate().await;
        self.another_one_fits_beside_it().await;
        let writes = self.writes();
        assert!(self.set_new_field().await.is_err(), "the version before knows {NEW_FIELD}");
        self.upgraded_and_back().await;
        self.uninstalled_and_back().await;
        assert_eq!(self.writes(), writes, "there was no reason to write anything");
        self.everything_goes("policies").await;
        self.made_a_release_of_manifests().await;
        self.everything_goes("cloud-policy-operator").await;
        self.uninstalled_too_early().await;
        let other = if self.helm.major == "3" { "With Helm 4" } else { "With Helm 3" };
        let all = pages::PAGES.iter().flat_map(|page| {
            let headings = pages::headings(page).into_iter().filter(|heading| heading != other);
            headings.map(|heading| ((*page).to_owned(), heading))
        });
        assert_eq!(self.ran, all.collect(), "the commands of the pages that were run, and those that there are");
        self.kubelet.stop().await.unwrap();
    }

    async fn upgraded_and_back(&mut self) {
        self.this_version();
        self.type_in("upgrade", "Take the new version").await;
        self.are_looked_at().await;
        self.type_in("upgrade", "Go back").await;
        self.are_looked_at().await;
        self.type_in("upgrade", "Take the new version").await;
        self.set_new_field().await.expect("the schemas were upgraded, too");
        self.are_looked_at().await;
    }

    async fn uninstalled_and_back(&mut self) {
        let before = self.upstream();
        self.type_in("uninstall", "Leave everything as it is").await;
        self.kubelet.is_empty().await;
        for (kind, name) in OBJECTS {
            let object = self.installation.objects(kind).get(name).await.unwrap();
            assert!(object.metadata.deletion_timestamp.is_none(), "{kind} {name}");
        }
        self.type_in("uninstall", "Install it again").await;
        self.are_looked_at().await;
        assert_eq!(self.upstream(), before);
    }

    /// For namespaces of its own, if it leaves the kinds to the first one.
    async fn another_one_fits_beside_it(&self) {
        self.helm.run("kubectl create namespace team-b").await.unwrap();
        let other = "helm install other charts/cloud-policy-operator --namespace team-b --dry-run=server \
                     --set scope.namespaces={team-b},operator.clusterId=one";
        let refused = self.helm.run(other).await.unwrap_err().to_string();
        let kinds =
            ["CustomResourceDefinition", "exists and cannot be imported", "current value is \"cloud-policy-operator\""];
        assert!(kinds.iter().all(|words| refused.contains(words)), "{refused}");
        self.helm.run(&format!("{other},crds.enabled=false")).await.unwrap();
    }

    /// They ran with the same flags, and kubectl goes on to own what it applied.
    async fn made_a_release_of_manifests(&mut self) {
        let manifests = fs::read_to_string(repository().join("deploy/install.yaml")).unwrap();
        let flags = ["allowed-hosts=127.0.0.1", "allow-private-addresses", "allow-http", "tenant-namespaces=team-a"];
        let last = "        - --log-format=json\n";
        let all = flags.iter().fold(last.to_owned(), |all, flag| format!("{all}        - --{flag}\n"));
        assert_eq!(manifests.matches(last).count(), 1);
        let deploy = self.helm.directory().join("deploy");
        fs::create_dir(&deploy).unwrap();
        fs::write(deploy.join("install.yaml"), manifests.replace(last, &all)).unwrap();
        self.type_in("install", "Without Helm").await;
        let tenant = repository().join("deploy/tenant-connections").display().to_string();
        self.helm.run(&format!("kubectl apply --server-side -k '{tenant}'")).await.unwrap();
        self.installation.connect().await;
        self.installation.populate().await;
        let writes = self.writes();
        self.type_in("upgrade", &format!("With Helm {}", self.helm.major)).await;
        self.are_looked_at().await;
        // A field that both wrote alike.
        edit(&self.helm.directory().join("values.yaml"), |text| {
            text.replacen('{', "{\"terminationGracePeriodSeconds\":46,", 1)
        });
        self.type_in("upgrade", "Take the new version").await;
        self.are_looked_at().await;
        assert_eq!(self.writes(), writes, "there was no reason to write anything");
    }

    /// As the page says: objects first.
    async fn everything_goes(&mut self, release: &str) {
        self.type_in("uninstall", "Many objects").await;
        let own_name = |commands: String| commands.replace("uninstall policies", &format!("uninstall {release}"));
        self.type_in_so("uninstall", "Remove everything, upstream too", own_name).await;
        assert_eq!(self.upstream(), (0, 0, 0));
        self.no_kind_is_left().await;
        self.kubelet.is_empty().await;
        self.time_passes().await;
    }

    /// Not as the page says, and then what it says about that.
    async fn uninstalled_too_early(&mut self) {
        let install =
            format!("helm install policies charts/cloud-policy-operator --namespace {OWN} --values values.yaml");
        self.helm.run(&format!("{install} --set crds.keep=false")).await.unwrap();
        self.installation.connect().await;
        self.installation.populate().await;
        self.helm.run(&format!("helm uninstall policies --namespace {OWN}")).await.unwrap();
        self.kubelet.is_empty().await;
        self.time_passes().await;
        self.type_in("uninstall", "Objects that do not go").await;
        self.no_kind_is_left().await;
        assert_eq!(self.upstream(), (1, 1, 1), "what was uninstalled too early stays upstream");
        self.kubelet.is_empty().await;
    }

    /// Runs the commands below a heading of a page, as they stand there.
    async fn type_in(&mut self, page: &str, heading: &str) {
        self.type_in_so(page, heading, |commands| commands).await;
    }

    /// The same by a user who has to change something in them.
    async fn type_in_so(&mut self, page: &str, heading: &str, change: impl FnOnce(String) -> String) {
        if let Err(error) = self.helm.run(&change(pages::commands(page, heading))).await {
            panic!("{page}, `{heading}`: {error}");
        }
        self.ran.insert((page.to_owned(), heading.to_owned()));
    }

    /// Waits until the operator that runs now has looked at every object, and found nothing to do.
    async fn are_looked_at(&mut self) {
        self.looks += 1;
        let mark = self.looks.to_string();
        let asked = json!({ "metadata": { "annotations": { "cloudpolicy.dev/reconcile-requested-at": mark } } });
        for (kind, name) in OBJECTS {
            let objects = self.installation.objects(kind);
            objects.patch(name, &PatchParams::default(), &Patch::Merge(&asked)).await.unwrap();
            let what = format!("{kind} {name} to be looked at");
            let seen = wait_for(&what, LIMIT, || async {
                let status = objects.get(name).await?.data["status"].clone();
                ensure!(status["lastHandledReconcileAt"] == mark, "{status}");
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

    /// How many objects each collection holds.
    fn upstream(&self) -> (usize, usize, usize) {
        let Installation { ncloud, spaceone, .. } = &self.installation;
        (ncloud.policies().len(), spaceone.policies().len(), spaceone.network_policies().len())
    }

    /// Half a minute, in which the Lease expires that an uninstalled operator could not give up: its
    /// rights went before it did.
    async fn time_passes(&self) {
        let leases = self.installation.api("coordination.k8s.io/v1", "Lease", Some(OWN));
        self.installation.delete(&leases, "cloud-policy-operator").await;
    }

    async fn no_kind_is_left(&self) {
        let kinds = self.installation.api("apiextensions.k8s.io/v1", "CustomResourceDefinition", None);
        wait_for("the kinds to be gone", LIMIT, || async {
            let left = kinds.list_metadata(&ListParams::default()).await?.items;
            ensure!(left.is_empty(), "{} are left", left.len());
            Ok(())
        })
        .await
        .unwrap();
    }

    /// Puts this version where the commands of the pages look for a chart.
    fn this_version(&self) {
        let chart = self.helm.directory().join("charts/cloud-policy-operator");
        fs::remove_dir_all(&chart).unwrap();
        copy(&place(""), &chart);
    }

    /// Puts the version before there.
    fn version_before(&self) {
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
    assert!(after != before, "{file} is as it was");
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
