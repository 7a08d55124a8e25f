//! What is planned is what is written: generated objects, policies and states of the upstream, each planned and then applied
//! to a real API server with the whole operator. The journals of the simulators are the judge: method, path and body of each
//! write, in their order.
//!
//! `make test` runs a tenth of the cases of `make abuse`, which sets `CLOUD_POLICY_PLAN_CASES`.

pub mod cases;
mod journal;

use super::setup::planner_of;
use crate::support::test_env::TestEnv;
use cases::{Case, Dice};
use cloud_policy::plan::{Cluster, Input, Manifests, Report};
use cloud_policy_testbed::wait_for;
use journal::{Written, planned, written};
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How many cases a round has of each of the three collections.
const PER_COLLECTION: usize = 40;

/// How many cases there are by default.
const CASES: usize = 1_000;

/// How long a round of objects may take to settle: its requests wait for each other.
const LIMIT: Duration = Duration::from_mins(5);

/// The id of the cluster in owner tags.
const CLUSTER: &str = "plans";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planned_writes_equal_written_writes() {
    let wanted = std::env::var("CLOUD_POLICY_PLAN_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    let mut env = TestEnv::without_operator("plans").await;
    faster(&env).await;
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut done, mut kinds) = (0, BTreeMap::<String, usize>::new());
    for round in 0.. {
        if done >= wanted {
            break;
        }
        let mut cases = Case::all(&mut dice, round, PER_COLLECTION, &env.spaceone.zone_ids());
        for case in &cases {
            case.prepare(&env, CLUSTER);
        }
        for step in ["create", "change", "delete"] {
            // The operator would correct the upstream before it is planned.
            env.stop().await;
            if step == "change" {
                for case in &mut cases {
                    case.change(&mut dice, &env);
                }
            }
            let phase = Phase { env: &env, cases: &cases, step };
            let planned = phase.plan().await;
            phase.send(round).await;
            env.start(|settings| {
                settings.cluster_id = Some(CLUSTER.to_owned());
                settings.concurrency = 32;
            });
            let report = Phase { env: &env, cases: &cases, step }.finish(planned, round).await;
            done += report.objects.len();
            for object in &report.objects {
                *kinds.entry(format!("{step}: {}", object.action.label())).or_default() += 1;
            }
        }
        for case in &cases {
            case.clear(&env);
        }
    }
    println!("{done} cases: {kinds:?}");
    for action in
        ["create: create", "create: adopt", "create: blocked", "change: update", "change: nothing", "delete: delete"]
    {
        assert!(kinds.contains_key(action), "no case of {action}: {kinds:?}");
    }
}

/// Lets both connections send as many requests as they may.
async fn faster(env: &TestEnv) {
    for name in ["ncloud", "spaceone"] {
        env.patch::<cloud_policy::api::Connection>(
            name,
            json!({ "spec": { "rateLimit": { "requestsPerSecond": 1000, "burst": 2000 } } }),
        )
        .await;
    }
}

/// One step of a round: plan, apply, compare.
struct Phase<'a> {
    env: &'a TestEnv,
    cases: &'a [Case],
    step: &'static str,
}

/// A plan, and what there was when it was made.
struct Made {
    report: Report,
    existing: Vec<Value>,
    marks: (usize, usize),
}

impl Phase<'_> {
    /// Plans, and writes nothing.
    async fn plan(&self) -> Made {
        let (existing, marks) = (self.existing().await, self.marks());
        let report = self.report(&existing).await;
        assert_eq!(report.failures, [], "{}", self.step);
        assert_eq!(self.written_since(marks), [], "a plan writes nothing");
        Made { report, existing, marks }
    }

    /// Applies or deletes all objects.
    async fn send(&self, round: usize) {
        if self.step == "delete" { self.delete().await } else { self.apply(round).await }
    }

    /// Waits until the operator has handled all objects, and compares.
    async fn finish(&self, Made { report, existing, marks }: Made, round: usize) -> Report {
        if self.step == "delete" {
            self.gone().await;
        } else {
            self.settled(round).await;
        }
        let ids = ids(&[existing, self.existing().await]);
        let mut written = written(&self.written_since(marks), &ids, CLUSTER);
        let mut wrong = Vec::new();
        for object in &report.objects {
            let expected = planned(object, CLUSTER);
            let found: Vec<Written> = written.remove(&object.title()).unwrap_or_default();
            let case = self.cases.iter().find(|case| case.name() == object.name);
            if expected != found {
                wrong.push(format!("{object:#?}\nplanned {expected:#?}\nwritten {found:#?}\n{case:#?}"));
            }
        }
        assert!(
            wrong.is_empty(),
            "{}: {} differ, such as\n{}",
            self.step,
            wrong.len(),
            wrong[..wrong.len().min(3)].join("\n")
        );
        assert!(written.is_empty(), "{}: nothing was planned of {written:#?}", self.step);
        report
    }

    /// Plans as the command does, beside the objects that the cluster has.
    async fn report(&self, existing: &[Value]) -> Report {
        let text = if self.step == "delete" {
            // Another object of the namespace, so that all others are pruned.
            self.cases[0].other().to_string()
        } else {
            json!({ "apiVersion": "v1", "kind": "List", "items": self.manifests() }).to_string()
        };
        let input = Input { file: "cases.json".to_owned(), text };
        let mut manifests = Manifests::read(&[input], self.env.namespace());
        let cluster = Cluster { id: CLUSTER.to_owned(), objects: existing.to_vec() };
        manifests.compare(&cluster, self.step == "delete");
        if self.step == "delete" {
            manifests.objects.clear();
        }
        planner_of(&manifests, &self.env.ncloud, &self.env.spaceone, cluster.owners()).plan(&manifests).await
    }

    fn manifests(&self) -> Vec<Value> {
        self.cases.iter().map(|case| case.manifest.clone()).collect()
    }

    fn marks(&self) -> (usize, usize) {
        (self.env.ncloud.journal().total(), self.env.spaceone.journal().total())
    }

    fn written_since(&self, (ncloud, spaceone): (usize, usize)) -> Vec<cloud_policy_simulator::Entry> {
        let mut entries = self.env.ncloud.journal().entries().split_off(ncloud);
        entries.extend(self.env.spaceone.journal().entries().split_off(spaceone));
        entries.retain(|entry| entry.operation.is_write());
        entries
    }

    /// Returns the objects of the cluster.
    async fn existing(&self) -> Vec<Value> {
        let mut found = Vec::new();
        for (api, kind) in self.apis() {
            for object in api.list(&ListParams::default()).await.unwrap().items {
                let mut value = serde_json::to_value(object).unwrap();
                value["apiVersion"] = json!("cloudpolicy.dev/v1alpha1");
                value["kind"] = json!(kind);
                found.push(value);
            }
        }
        found
    }

    fn apis(&self) -> [(Api<DynamicObject>, &'static str); 2] {
        [("Policy", "policies"), ("NetworkPolicy", "networkpolicies")].map(|(kind, plural)| {
            let gvk = GroupVersionKind::gvk("cloudpolicy.dev", "v1alpha1", kind);
            let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
            (Api::namespaced_with(self.env.client.clone(), self.env.namespace(), &resource), kind)
        })
    }

    /// Returns the value of the annotation that has every object reconciled.
    fn mark(&self, round: usize) -> String {
        format!("{round}-{}", self.step)
    }

    async fn apply(&self, round: usize) {
        let [policies, networks] = self.apis();
        for case in self.cases {
            let mut object = case.manifest.clone();
            object["metadata"]["annotations"] = json!({ "cloudpolicy.dev/reconcile-requested-at": self.mark(round) });
            let api = if object["kind"] == "Policy" { &policies.0 } else { &networks.0 };
            api.patch(case.name(), &PatchParams::apply("test").force(), &Patch::Apply(object)).await.unwrap();
        }
    }

    async fn delete(&self) {
        let [policies, networks] = self.apis();
        for case in self.cases {
            let api = if case.manifest["kind"] == "Policy" { &policies.0 } else { &networks.0 };
            api.delete(case.name(), &DeleteParams::background()).await.unwrap();
        }
    }

    async fn gone(&self) {
        self.wait(|objects| objects.iter().map(shown).collect()).await;
    }

    async fn settled(&self, round: usize) {
        let mark = self.mark(round);
        let is_done = |object: &DynamicObject| {
            let status = &object.data["status"];
            let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
            status["lastHandledReconcileAt"] == json!(mark)
                && status["observedGeneration"] == json!(object.metadata.generation)
                && !conditions.iter().any(|it| it["type"] == "Reconciling" && it["status"] == "True")
        };
        self.wait(|objects| objects.iter().filter(|object| !is_done(object)).map(shown).collect()).await;
    }

    async fn wait(&self, open: impl Fn(&[DynamicObject]) -> Vec<String>) {
        wait_for(self.step, LIMIT, || async {
            let mut left = Vec::new();
            for (api, _) in self.apis() {
                left.extend(open(&api.list(&ListParams::default()).await?.items));
            }
            anyhow::ensure!(left.is_empty(), "{} left, such as {}", left.len(), left[0]);
            Ok(())
        })
        .await
        .unwrap();
    }
}

fn shown(object: &DynamicObject) -> String {
    format!("{} {}", object.name_any(), object.data["status"])
}

/// Returns the object of each upstream id, before and after.
fn ids(all: &[Vec<Value>]) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for object in all.iter().flatten() {
        let (metadata, status) = (&object["metadata"], &object["status"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let title = format!("{} {}/{}", text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"]));
        for id in [&status["upstream"]["id"], &status["policyId"], &status["networkPolicyId"]] {
            if let Some(id) = id.as_str() {
                ids.insert(id.to_owned(), title.clone());
            }
        }
    }
    ids
}
