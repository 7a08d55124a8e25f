//! What is the case while somebody follows the page of an alert.

use crate::security::abuse::control_plane::allow_anything;
use crate::support::installation::{Installation, OWN, TENANT, keys, ours, secret};
use crate::support::kinds::shown_condition;
use crate::support::manifests::ncloud_policy;
use cloud_policy_simulator::ncloud::{self, Ncloud};
use cloud_policy_simulator::{Action, Fault, Operation};
use cloud_policy_testbed::wait_for;
use kube::ResourceExt;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const LIMIT: Duration = Duration::from_mins(2);
/// How many are deleted at once.
const CROWD: usize = 6;

/// A cluster in which things go wrong, one after the other.
pub struct Scene<'a> {
    installation: &'a Installation,
    /// A second account, which throttles.
    slow: Ncloud,
    /// How many of the last crowd are held; the others were deleted in time.
    held: AtomicUsize,
}

impl<'a> Scene<'a> {
    /// The connections, a policy that is well, and one about which two sides fight.
    pub async fn set(installation: &'a Installation) -> Self {
        installation.connect().await;
        installation.apply(Some(OWN), secret("ncloud", &keys(&installation.ncloud))).await;
        let spec = account(&installation.ncloud, "ncloud");
        installation.apply(None, ours("ClusterConnection", "ncloud", &spec)).await;
        let slow = Ncloud::start(ncloud::Options::default()).await.unwrap();
        let scene = Self { installation, slow, held: AtomicUsize::default() };
        for name in ["server-viewer", "fought"] {
            scene.well(name, |spec| spec["interval"] = json!("10s")).await;
        }
        scene
    }

    /// Has that happen which this page is about.
    pub async fn begin(&self, page: &str) {
        self.change_back();
        match page {
            "operator-absent" | "operator-not-leading" | "objects-not-ready" | "quota-near" => {}
            "objects-stalled" | "most-objects-not-ready" => self.refused().await,
            "connection-not-ready" => self.revoked().await,
            "drift-reported" => self.reported().await,
            "drift-fight" => self.fought().await,
            "orphan-left" => self.taken_over().await,
            "throttled" => self.throttled().await,
            "deletions-held" => self.deleted("tenant").await,
            "../reasons" => self.deleted("crowd").await,
            "reconciles-fail" => self.forbidden().await,
            "objects-unreadable" => self.unreadable().await,
            _ => panic!("nobody knows what {page}.md is about"),
        }
    }

    /// What comes of the reader's commands, and happens then, in the words of the page.
    pub async fn goes_on(&self, what: &str) {
        match what {
            "the confirmed ones go" => {
                self.none_is_left("crowd").await;
                assert_eq!(self.upstream("crowd"), 0);
            }
            "the confirmed ones go; then others are deleted by mistake" => {
                self.none_is_left("tenant").await;
                assert_eq!(self.upstream("tenant"), 0);
                self.deleted("mistake").await;
            }
            "they go here, and stay upstream" => {
                self.none_is_left("mistake").await;
                assert_eq!(self.upstream("mistake"), self.held.load(Ordering::SeqCst));
            }
            "one is applied again" => {
                let all = self.installation.ncloud.policies();
                let before = all.into_iter().find(|policy| policy.policy_name.starts_with("mistake")).unwrap();
                self.well(&before.policy_name, |spec| spec["adoptionPolicy"] = json!("IfIdentical")).await;
                let object = self.installation.objects("Policy").get(&before.policy_name).await.unwrap();
                assert_eq!(object.data["status"]["upstream"]["id"], json!(before.policy_id));
            }
            _ => panic!("nobody knows how: {what}"),
        }
    }

    async fn apply(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut object = ncloud_policy(name);
        change(&mut object["spec"]);
        self.installation.apply(Some(TENANT), object).await;
    }

    async fn well(&self, name: &str, change: impl FnOnce(&mut Value)) {
        self.apply(name, change).await;
        self.reason(name, "UpToDate").await;
    }

    async fn reason(&self, name: &str, reason: &str) {
        self.installation.reason("Policy", name, reason).await;
    }

    async fn refused(&self) {
        self.apply("refused", |spec| {
            spec["ncloud"]["permissions"][0]["targets"][0]["product"] = json!("NoSuchProduct");
        })
        .await;
        self.reason("refused", "ValidationFailed").await;
    }

    async fn revoked(&self) {
        let keys = json!({ "accessKey": "REVOKEDACCESSKEY0001", "secretKey": "revoked" });
        self.installation.apply(Some(TENANT), secret("revoked", &keys)).await;
        let connection = ours("Connection", "revoked", &account(&self.installation.ncloud, "revoked"));
        self.installation.apply(Some(TENANT), connection).await;
        self.installation.ready_in(TENANT, "Connection", "revoked", |ready| ready["reason"] == "Unauthorized").await;
    }

    async fn reported(&self) {
        self.well("reported", |spec| {
            spec["driftPolicy"] = json!("Report");
            spec["interval"] = json!("10s");
        })
        .await;
        let policy = self.installation.ncloud.policy_named("reported").unwrap();
        self.installation
            .ncloud
            .edit_policy(&policy.policy_id, |policy| policy.description = Some("theirs".to_owned()));
        self.reason("reported", "DriftReported").await;
    }

    /// A stranger wants another description, whenever he looks.
    fn change_back(&self) {
        let policy = self.installation.ncloud.policy_named("fought").unwrap();
        let theirs = Some("theirs".to_owned());
        if policy.description != theirs {
            self.installation.ncloud.edit_policy(&policy.policy_id, |policy| policy.description = theirs);
        }
    }

    /// He looks until the operator has given up.
    async fn fought(&self) {
        let api = self.installation.objects("Policy");
        wait_for("the fight to end", LIMIT, || async {
            self.change_back();
            let object = api.get("fought").await?;
            anyhow::ensure!(ready_reason(&object) == Some("DriftFight"), "{}", object.data["status"]);
            Ok(())
        })
        .await
        .unwrap();
    }

    async fn taken_over(&self) {
        self.well("taken", |_| {}).await;
        let policy = self.installation.ncloud.policy_named("taken").unwrap();
        self.installation.ncloud.edit_policy(&policy.policy_id, |policy| {
            policy.tags.insert("cloudpolicy-owner".to_owned(), "another-cluster".to_owned());
        });
        self.installation.delete(&self.installation.objects("Policy"), "taken").await;
        assert_eq!(self.upstream("taken"), 1);
    }

    async fn throttled(&self) {
        self.installation.apply(Some(TENANT), secret("slow", &keys(&self.slow))).await;
        self.installation.apply(Some(TENANT), ours("Connection", "slow", &account(&self.slow, "slow"))).await;
        self.installation.ready_in(TENANT, "Connection", "slow", |ready| ready["status"] == "True").await;
        self.slow.faults().add(Fault::on(Operation::Create).forever().before(Action::status(429, "")));
        self.apply("throttled", |spec| spec["connectionRef"] = json!({ "name": "slow" })).await;
        self.reason("throttled", "RateLimited").await;
    }

    /// A crowd that is well is deleted, and what of it is too much for a human's hand is held.
    async fn deleted(&self, crowd: &str) {
        let api = self.installation.objects("Policy");
        for number in 0..CROWD {
            self.well(&format!("{crowd}-{number}"), |_| {}).await;
        }
        for number in 0..CROWD {
            api.delete(&format!("{crowd}-{number}"), &DeleteParams::default()).await.unwrap();
        }
        wait_for("the rest to be held", LIMIT, || async {
            let left = self.left(crowd).await?;
            let held = left.iter().filter(|object| ready_reason(object) == Some("DeleteHeld")).count();
            anyhow::ensure!(held == left.len() && held >= CROWD - 2, "{held} of {} are held", left.len());
            self.held.store(held, Ordering::SeqCst);
            Ok(())
        })
        .await
        .unwrap();
    }

    async fn left(&self, crowd: &str) -> anyhow::Result<Vec<DynamicObject>> {
        let all = self.installation.objects("Policy").list(&ListParams::default()).await?;
        Ok(all.items.into_iter().filter(|object| object.name_any().starts_with(crowd)).collect())
    }

    async fn none_is_left(&self, crowd: &str) {
        wait_for("all to go", LIMIT, || async {
            let left = self.left(crowd).await?;
            anyhow::ensure!(left.is_empty(), "{} are left", left.len());
            Ok(())
        })
        .await
        .unwrap();
    }

    /// How many policies of this prefix the account holds.
    fn upstream(&self, prefix: &str) -> usize {
        self.installation.ncloud.policies().iter().filter(|policy| policy.policy_name.starts_with(prefix)).count()
    }

    /// The operator may not write status any more; somebody looks at an object.
    async fn forbidden(&self) {
        let api = self.installation.api("rbac.authorization.k8s.io/v1", "ClusterRole", None);
        let mut role = api.get("cloud-policy-operator").await.unwrap();
        let rules = role.data["rules"].as_array_mut().unwrap();
        let writes_status = |rule: &Value| {
            let resources = rule["resources"].as_array().unwrap();
            resources.iter().any(|resource| resource.as_str().unwrap().ends_with("/status"))
        };
        let before = rules.len();
        rules.retain(|rule| !writes_status(rule));
        assert!(rules.len() < before, "no rule is about status");
        let fewer = json!({ "rules": role.data["rules"] });
        api.patch("cloud-policy-operator", &PatchParams::default(), &Patch::Merge(fewer)).await.unwrap();
        self.apply("server-viewer", |spec| spec["ncloud"]["description"] = json!("second")).await;
    }

    async fn unreadable(&self) {
        allow_anything(&self.installation.admin).await;
        let poison = json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1", "kind": "Policy", "metadata": { "name": "poison" },
            "spec": { "connectionRef": 7 },
        });
        let taken = || async {
            let params = PatchParams::apply("test").force();
            self.installation.objects("Policy").patch("poison", &params, &Patch::Apply(&poison)).await?;
            Ok(())
        };
        wait_for("the poison to be taken", LIMIT, taken).await.unwrap();
    }
}

fn ready_reason(object: &DynamicObject) -> Option<&str> {
    shown_condition(&object.data["status"], "Ready")?["reason"].as_str()
}

/// The spec of a connection to an account, by this Secret.
fn account(ncloud: &Ncloud, secret: &str) -> Value {
    json!({ "ncloud": { "endpoint": ncloud.url(), "credentialsSecretRef": { "name": secret } } })
}
