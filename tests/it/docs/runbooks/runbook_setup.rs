//! The situations in which the pages of alerts are followed.

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
/// How many objects are deleted at once.
const GROUP: usize = 6;

/// A cluster in which one failure after another occurs.
pub struct RunbookSetup<'a> {
    installation: &'a Installation,
    /// A second account, which throttles.
    slow: Ncloud,
    /// How many objects of the last group are blocked. The others were deleted in time.
    blocked: AtomicUsize,
}

impl<'a> RunbookSetup<'a> {
    /// Creates the connections, a policy that is ready, and one that another writer keeps changing.
    pub async fn new(installation: &'a Installation) -> Self {
        installation.connect().await;
        installation.apply(Some(OWN), secret("ncloud", &keys(&installation.ncloud))).await;
        let spec = account(&installation.ncloud, "ncloud");
        installation.apply(None, ours("ClusterConnection", "ncloud", &spec)).await;
        let slow = Ncloud::start(ncloud::Options::default()).await.unwrap();
        let setup = Self { installation, slow, blocked: AtomicUsize::default() };
        for name in ["server-viewer", "fought"] {
            setup.ready(name, |spec| spec["interval"] = json!("10s")).await;
        }
        setup
    }

    /// Creates the situation of a page.
    pub async fn prepare(&self, page: &str) {
        self.change_back();
        match page {
            "operator-absent" | "operator-not-leading" | "objects-not-ready" | "quota-near" => {}
            "objects-stalled" | "most-objects-not-ready" => self.refused().await,
            "connection-not-ready" => self.revoked().await,
            "drift-reported" => self.reported().await,
            "drift-fight" => self.fought().await,
            "access-wider" => self.widened().await,
            "orphan-left" => self.owned_elsewhere().await,
            "throttled" => self.throttled().await,
            "deletions-held" => self.deleted("tenant").await,
            "../reasons" => self.deleted("crowd").await,
            "reconciles-fail" => self.forbidden().await,
            "objects-unreadable" => self.unreadable().await,
            _ => panic!("the situation of {page}.md is not known"),
        }
    }

    /// Waits for the effect of the reader's commands, and creates the next situation. The page names it.
    pub async fn wait_for(&self, what: &str) {
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
                assert_eq!(self.upstream("mistake"), self.blocked.load(Ordering::SeqCst));
            }
            "one is applied again" => {
                let all = self.installation.ncloud.policies();
                let before = all.into_iter().find(|policy| policy.policy_name.starts_with("mistake")).unwrap();
                self.ready(&before.policy_name, |spec| spec["adoptionPolicy"] = json!("IfIdentical")).await;
                let object = self.installation.objects("Policy").get(&before.policy_name).await.unwrap();
                assert_eq!(object.data["status"]["upstream"]["id"], json!(before.policy_id));
            }
            _ => panic!("not known: {what}"),
        }
    }

    async fn apply(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut object = ncloud_policy(name);
        change(&mut object["spec"]);
        self.installation.apply(Some(TENANT), object).await;
    }

    async fn ready(&self, name: &str, change: impl FnOnce(&mut Value)) {
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
        self.ready("reported", |spec| {
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

    /// Changes the description back, as another writer.
    fn change_back(&self) {
        let policy = self.installation.ncloud.policy_named("fought").unwrap();
        let theirs = Some("theirs".to_owned());
        if policy.description != theirs {
            self.installation.ncloud.edit_policy(&policy.policy_id, |policy| policy.description = theirs);
        }
    }

    /// Changes the description back until the operator stops correcting it.
    async fn fought(&self) {
        let api = self.installation.objects("Policy");
        wait_for("the drift fight to end", LIMIT, || async {
            self.change_back();
            let object = api.get("fought").await?;
            anyhow::ensure!(ready_reason(&object) == Some("DriftFight"), "{}", object.data["status"]);
            Ok(())
        })
        .await
        .unwrap();
    }

    /// Adds all actions after each correction, until the operator reports a fight.
    async fn widened(&self) {
        self.ready("widened", |spec| spec["interval"] = json!("10s")).await;
        let api = self.installation.objects("Policy");
        let all = vec!["*".to_owned()];
        wait_for("the fight over wider access", LIMIT, || async {
            let policy = self.installation.ncloud.policy_named("widened").unwrap();
            if policy.permissions[0].targets[0].actions != all {
                self.installation.ncloud.edit_policy(&policy.policy_id, |policy| {
                    policy.permissions[0].targets[0].actions.clone_from(&all);
                });
            }
            let object = api.get("widened").await?;
            anyhow::ensure!(ready_reason(&object) == Some("DriftFight"), "{}", object.data["status"]);
            Ok(())
        })
        .await
        .unwrap();
    }

    async fn owned_elsewhere(&self) {
        self.ready("taken", |_| {}).await;
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

    /// Creates a group of objects, deletes them, and waits until the rest is blocked by the deletion limit.
    async fn deleted(&self, group: &str) {
        let api = self.installation.objects("Policy");
        for number in 0..GROUP {
            self.ready(&format!("{group}-{number}"), |_| {}).await;
        }
        for number in 0..GROUP {
            api.delete(&format!("{group}-{number}"), &DeleteParams::default()).await.unwrap();
        }
        wait_for("the rest to be blocked", LIMIT, || async {
            let left = self.left(group).await?;
            let blocked = left.iter().filter(|object| ready_reason(object) == Some("DeleteHeld")).count();
            anyhow::ensure!(blocked == left.len() && blocked >= GROUP - 2, "{blocked} of {} are blocked", left.len());
            self.blocked.store(blocked, Ordering::SeqCst);
            Ok(())
        })
        .await
        .unwrap();
    }

    async fn left(&self, group: &str) -> anyhow::Result<Vec<DynamicObject>> {
        let all = self.installation.objects("Policy").list(&ListParams::default()).await?;
        Ok(all.items.into_iter().filter(|object| object.name_any().starts_with(group)).collect())
    }

    async fn none_is_left(&self, group: &str) {
        wait_for("all objects to be gone", LIMIT, || async {
            let left = self.left(group).await?;
            anyhow::ensure!(left.is_empty(), "{} are left", left.len());
            Ok(())
        })
        .await
        .unwrap();
    }

    /// Returns how many policies with this prefix the account has.
    fn upstream(&self, prefix: &str) -> usize {
        self.installation.ncloud.policies().iter().filter(|policy| policy.policy_name.starts_with(prefix)).count()
    }

    /// Removes the permission to write status, and changes an object.
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
        let undecodable = json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1", "kind": "Policy", "metadata": { "name": "poison" },
            "spec": { "connectionRef": 7 },
        });
        let accepted = || async {
            let params = PatchParams::apply("test").force();
            self.installation.objects("Policy").patch("poison", &params, &Patch::Apply(&undecodable)).await?;
            Ok(())
        };
        wait_for("the object to be accepted", LIMIT, accepted).await.unwrap();
    }
}

fn ready_reason(object: &DynamicObject) -> Option<&str> {
    shown_condition(&object.data["status"], "Ready")?["reason"].as_str()
}

/// Returns the spec of a connection to an account with this Secret.
fn account(ncloud: &Ncloud, secret: &str) -> Value {
    json!({ "ncloud": { "endpoint": ncloud.url(), "credentialsSecretRef": { "name": secret } } })
}
