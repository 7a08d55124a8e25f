//! The user of a run: acts through the API server, and checks the results there and upstream.

use super::environment::Environment;
use super::oracles::{owner_tag, without_owner_tag};
use super::outside::Outside;
use super::process::ReconcileCounter;
use super::scenario::Scenario;
use super::steps::Sequence;
use super::targets::OBJECT_NAME;
use crate::support::kinds::shown_condition;
use anyhow::Context;
use cloud_policy_testbed::wait_for;
use kube::ResourceExt;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::Duration;

/// How long each wait may take. The machine may be busy.
pub const LIMIT: Duration = Duration::from_secs(40);

/// The expected end of a scenario.
#[derive(Debug, Clone)]
pub enum Goal {
    /// The object is ready, and the upstream equals it.
    Ready,
    /// The same, and status says that the object was adopted.
    Adopted,
    /// The object exists neither in Kubernetes nor upstream.
    Gone,
    /// The object is deleted. This upstream object remains.
    Left(Value),
}

impl Goal {
    /// Returns whether the operator continues to manage the object.
    pub fn is_managed(&self) -> bool {
        matches!(self, Self::Ready | Self::Adopted)
    }
}

/// The user of one run.
pub struct User<'a> {
    pub environment: &'a Environment,
    pub sequence: &'a Sequence,
    pub scenario: Scenario,
    /// How long each wait may take.
    pub limit: Duration,
    counter: ReconcileCounter,
    /// Held by the action that runs: users and outsiders act one after the other.
    pub hands: tokio::sync::Mutex<()>,
    /// The action of an outsider in this run.
    outside: Mutex<Option<Outside>>,
    /// The object as it was last written by a user.
    seen: Mutex<Option<DynamicObject>>,
}

impl<'a> User<'a> {
    pub fn new(
        environment: &'a Environment,
        sequence: &'a Sequence,
        scenario: Scenario,
        limit: Duration,
        counter: ReconcileCounter,
    ) -> Self {
        let (hands, outside, seen) = (tokio::sync::Mutex::default(), Mutex::default(), Mutex::default());
        Self { environment, sequence, scenario, limit, counter, hands, outside, seen }
    }
}

impl User<'_> {
    /// Records that an outsider acts.
    pub fn befall(&self, what: Outside) {
        *self.outside.lock().unwrap() = Some(what);
    }

    /// Forgets what an outsider did: from now on the user alone decides.
    pub fn take_over(&self) {
        *self.outside.lock().unwrap() = None;
    }

    /// Returns the action of an outsider in this run.
    pub fn outside(&self) -> Option<Outside> {
        *self.outside.lock().unwrap()
    }

    /// Returns the object as a user last wrote it.
    pub fn last_seen(&self) -> Option<DynamicObject> {
        self.seen.lock().unwrap().clone()
    }

    /// Returns how many orphans the operator told in this run.
    pub fn orphans(&self) -> usize {
        self.counter.orphans()
    }

    /// Returns the end of the scenario after what an outsider did.
    pub fn actual(&self, goal: &Goal) -> Goal {
        match self.outside().and_then(Outside::decides_existence) {
            Some(false) => Goal::Gone,
            Some(true) if !goal.is_managed() => Goal::Ready,
            _ => goal.clone(),
        }
    }

    /// Applies the object under test.
    pub async fn apply(&self) -> anyhow::Result<()> {
        self.apply_as(self.environment.manifest()).await
    }

    /// Applies this object.
    pub async fn apply_as(&self, object: Value) -> anyhow::Result<()> {
        let _hands = self.hands.lock().await;
        let params = PatchParams::apply("test").force();
        self.sequence.note("a user applies the object");
        let written = self.environment.api().patch(OBJECT_NAME, &params, &Patch::Apply(object)).await?;
        self.saw(&written);
        Ok(())
    }

    /// Patches the object.
    pub async fn patch(&self, patch: Value) -> anyhow::Result<()> {
        let _hands = self.hands.lock().await;
        self.sequence.note(format!("a user patches {patch}"));
        let written = self.environment.api().patch(OBJECT_NAME, &PatchParams::default(), &Patch::Merge(patch)).await?;
        self.saw(&written);
        Ok(())
    }

    /// Patches the upstream's part of the spec.
    pub async fn edit(&self, patch: &Value) -> anyhow::Result<()> {
        self.patch(json!({ "spec": { self.environment.target.system(): patch } })).await
    }

    /// Deletes the object, and does not wait.
    pub async fn delete(&self) -> anyhow::Result<()> {
        let _hands = self.hands.lock().await;
        self.sequence.note("a user deletes the object");
        // The response shows the object as it waits for its finalizers, or it is gone already.
        let answer = self.environment.api().delete(OBJECT_NAME, &DeleteParams::background()).await?;
        if let Some(waiting) = answer.left() {
            self.saw(&waiting);
        }
        Ok(())
    }

    /// Records the object as it was written.
    pub fn saw(&self, object: &DynamicObject) {
        *self.seen.lock().unwrap() = Some(object.clone());
        if let Some(version) = object.resource_version() {
            self.sequence.revision(&version);
        }
    }

    /// Waits until `check` succeeds.
    pub async fn until<F>(&self, what: &str, check: impl Fn() -> F) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<()>>,
    {
        wait_for(what, self.limit, check).await
    }

    /// Waits until the scenario has reached its end.
    pub async fn reach(&self, goal: &Goal) -> anyhow::Result<()> {
        self.until(&format!("the end: {goal:?}"), || self.is_at(goal)).await
    }

    /// Oracle (a): the upstream equals the spec, exactly once, or holds nothing, or what must remain; foreign
    /// objects are unchanged; status is true.
    pub async fn is_at(&self, goal: &Goal) -> anyhow::Result<()> {
        let goal = &self.actual(goal);
        if self.scenario.is_crowd() {
            self.are_companions_at(goal).await?;
        }
        let object = self.environment.api().get_opt(OBJECT_NAME).await?;
        let ours = self.environment.ours()?;
        match (goal, object) {
            (Goal::Ready | Goal::Adopted, Some(object)) => {
                self.is_ready(&object, &ours).with_context(|| shown(&object))?;
                let adopted = object.data["status"]["upstream"]["adopted"] == true;
                let is_known = !self.outside().is_some_and(Outside::forgets_adoption);
                let is_true = adopted == matches!(goal, Goal::Adopted);
                anyhow::ensure!(is_true || !is_known, "status says adopted: {adopted}");
                Ok(())
            }
            (Goal::Ready | Goal::Adopted, None) => anyhow::bail!("the object is gone"),
            (Goal::Gone | Goal::Left(_), Some(object)) => anyhow::bail!("still there: {}", shown(&object)),
            (Goal::Gone, None) => {
                let told = if self.outside().is_some_and(Outside::may_orphan) { self.orphans() } else { 0 };
                anyhow::ensure!(ours.len() <= told, "left upstream: {ours:?}, {told} told");
                Ok(())
            }
            (Goal::Left(left), None) => self.is_left(left, &ours),
        }
    }

    /// Checks that exactly this upstream object is left, unchanged. Its owner tag is removed, so that any cluster can
    /// adopt it; it may stay if an outsider let the object go.
    fn is_left(&self, left: &Value, ours: &[Value]) -> anyhow::Result<()> {
        let target = self.environment.target;
        let content = |stored: &Value| (target.id(stored).to_owned(), target.shown(&without_owner_tag(stored)));
        let is_same = matches!(ours, [stored] if content(stored) == content(left));
        anyhow::ensure!(is_same, "the upstream holds {ours:?} instead of {left}");
        let is_released = owner_tag(&ours[0]).is_empty() || self.outside().is_some_and(Outside::may_orphan);
        anyhow::ensure!(is_released, "the owner tag is left: {ours:?}");
        Ok(())
    }

    /// Checks that the object is ready, and that exactly one of these upstream objects is its own.
    pub fn is_ready(&self, object: &DynamicObject, ours: &[Value]) -> anyhow::Result<()> {
        let target = self.environment.target;
        let [stored] = ours else { anyhow::bail!("{} objects upstream: {ours:?}", ours.len()) };
        let expected = target.expected(&object.data["spec"], &object.uid().unwrap_or_default());
        let holds = target.shown(stored);
        anyhow::ensure!(holds == expected, "the upstream holds {holds} instead of {expected}");
        let status = &object.data["status"];
        anyhow::ensure!(status["upstream"]["id"] == target.id(stored), "status names another id");
        anyhow::ensure!(
            status["observedGeneration"] == json!(object.metadata.generation),
            "status is of an older spec"
        );
        anyhow::ensure!(status["operation"].is_null() && status["drift"].is_null(), "status shows unfinished work");
        for (kind, reason) in [("Ready", Some("UpToDate")), ("Synced", None), ("Valid", None)] {
            let found = shown_condition(status, kind).with_context(|| format!("no condition {kind}"))?;
            anyhow::ensure!(found["status"] == "True", "{kind} is not True");
            anyhow::ensure!(reason.is_none_or(|reason| found["reason"] == reason), "{kind} has another reason");
        }
        for kind in ["Drifted", "Reconciling", "Stalled"] {
            anyhow::ensure!(shown_condition(status, kind).is_none(), "{kind} is still shown");
        }
        anyhow::ensure!(!object.finalizers().is_empty(), "the object has no finalizer");
        Ok(())
    }

    /// Returns whether status shows an operation in flight.
    pub async fn is_busy(&self) -> anyhow::Result<bool> {
        let object = self.environment.api().get_opt(OBJECT_NAME).await?;
        Ok(object.is_some_and(|object| !object.data["status"]["operation"].is_null()))
    }

    /// Waits until `Ready` has this reason for the newest spec.
    pub async fn reason(&self, reason: &str) -> anyhow::Result<()> {
        self.until(reason, || async {
            let object = self.environment.api().get(OBJECT_NAME).await?;
            anyhow::ensure!(!object.finalizers().is_empty(), "the object has no finalizer: {}", shown(&object));
            let status = &object.data["status"];
            let current = status["observedGeneration"] == json!(object.metadata.generation);
            let said = shown_condition(status, "Ready").is_some_and(|c| c["reason"] == reason);
            anyhow::ensure!(current && said, "{}", shown(&object));
            Ok(())
        })
        .await
    }
}

fn shown(object: &DynamicObject) -> String {
    let meta = &object.metadata;
    format!(
        "generation {:?}, resourceVersion {:?}, deleted {:?}, finalizers {:?}, status {}",
        meta.generation, meta.resource_version, meta.deletion_timestamp, meta.finalizers, object.data["status"]
    )
}
