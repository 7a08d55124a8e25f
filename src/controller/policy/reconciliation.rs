//! One object in one reconcile: what status said before, and what it will say. An equal status is
//! not written.

use super::audit_log::{AuditLog, End};
use crate::api::shared::ManagementPolicy;
use crate::api::status::{Drift, DriftField, Operation, OperationKind};
use crate::api::{ConditionType, RECONCILE_REQUESTED_AT, Reason};
use crate::controller::Result;
use crate::controller::context::{Context, Shared};
use crate::controller::k8s::status;
use crate::controller::kinds::managed::{Managed, Report};
use crate::controller::queue::backoff::jitter;
use crate::controller::queue::priority;
use crate::engine::diff::SHOWN_FIELDS;
use crate::engine::outcome::{Outcome, Requeue, Truth};
use crate::engine::plan::LastKnown;
use crate::engine::{Diff, ErrorKind, FieldDiff, OwnerTag};
use crate::upstream::{Priority, RequestContext, WriteObserver, WritePermission};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Api;
use kube::runtime::controller::Action;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// How long the values of differing fields may be in status.
const SHOWN_VALUE: usize = 120;

/// One object in one reconcile.
pub struct Reconciliation<'a, K: Managed> {
    /// What the controller knows.
    pub ctx: &'a Context<K>,
    /// The object as it was last read or written.
    pub object: K,
    /// How urgent it is.
    priority: Priority,
    /// Its upstream writes.
    ledger: Arc<AuditLog>,
    /// What status says now.
    before: Report,
    /// What status will say.
    pub report: Report,
}

impl<'a, K: Managed> Reconciliation<'a, K> {
    /// Opens the case of an object.
    pub fn open(ctx: &'a Context<K>, object: K) -> Self {
        let before = object.report();
        let mut report = before.clone();
        if let Some(operation) = &mut report.common.operation {
            begin_anew(operation, ctx.shared.clock.now());
        }
        let failing = ctx.shared.backoffs.is_failing(object.meta().uid.as_deref().unwrap_or_default());
        let priority = priority::of(&object, failing);
        let ledger = AuditLog::of(&object, &ctx.shared.metrics);
        let this = Self { ctx, object, priority, ledger, before, report };
        if this.reconcile_requested() || this.spec_changed() {
            ctx.shared.corrections().forget(&this.uid());
        }
        this
    }

    /// Whether somebody asks, by annotation, for what was given up to be tried again.
    pub fn reconcile_requested(&self) -> bool {
        self.object.reconcile_requested(&self.report.common)
    }

    /// Whether the spec is another than the one that status speaks of.
    pub fn spec_changed(&self) -> bool {
        self.object.spec_changed(&self.report.common)
    }

    /// On whose behalf upstream requests are sent.
    pub fn request_context(&self) -> RequestContext {
        let ledger: Arc<dyn WriteObserver> = Arc::clone(&self.ledger) as _;
        let shared = Arc::clone(&self.ctx.shared);
        let may_write: WritePermission = Arc::new(move || shared.fence().is_ok());
        RequestContext { priority: self.priority, writes: Some(ledger), write_permission: Some(may_write) }
    }

    /// What all controllers share.
    pub fn shared(&self) -> &'a Shared {
        &self.ctx.shared
    }

    /// The API of this object's namespace.
    pub fn api(&self) -> Api<K> {
        Api::namespaced(self.shared().client.clone(), &self.namespace())
    }

    /// The namespace of the object.
    pub fn namespace(&self) -> String {
        self.object.namespace().unwrap_or_default()
    }

    /// The uid of the object; empty only for an object that never reached the API server.
    pub fn uid(&self) -> String {
        self.object.uid().unwrap_or_default()
    }

    /// The stamp that its upstream object bears.
    pub fn owner_tag(&self) -> OwnerTag {
        self.shared().owner_tag(&self.uid())
    }

    /// What events speak of.
    pub fn reference(&self) -> ObjectReference {
        self.object.object_ref(&())
    }

    /// What status remembers, as the plan wants it.
    pub fn record(&self) -> LastKnown {
        let common = &self.report.common;
        let in_flight = common.operation.as_ref().map(|o| o.kind);
        let recorded = common.upstream.as_ref().and_then(|u| u.id.clone());
        LastKnown {
            // What is being adopted is not ours before that is known to have happened.
            id: recorded.filter(|_| in_flight != Some(OperationKind::Adopt)),
            in_flight,
            in_grace: self.grace_left().is_some(),
            applied_hash: common.applied_hash.clone(),
            not_applied: self.given_up(&[Reason::NotApplied, Reason::RecreateRequired]),
            fought: self.fought(),
            contender: None,
        }
    }

    /// Whether the upstream object is only observed.
    pub fn only_observes(&self) -> bool {
        self.object.common().management_policy == ManagementPolicy::Observe
    }

    /// How often the object is looked at.
    pub fn interval(&self) -> Duration {
        let interval: Duration = self.object.common().interval.into();
        interval / self.shared().settings.interval_divisor
    }

    /// The fields that status gave up on for one of these reasons.
    fn given_up(&self, reasons: &[Reason]) -> Vec<String> {
        let gave_up = reasons.iter().any(|reason| self.ready_reason() == Some(reason.as_str()));
        let drift = self.report.common.drift.as_ref().filter(|_| gave_up && !self.reconcile_requested());
        drift.into_iter().flat_map(|drift| &drift.fields).map(|field| field.path.clone()).collect()
    }

    /// The fields that are fought over: as counted, and as status remembers it over a restart.
    fn fought(&self) -> Vec<String> {
        let shared = self.shared();
        let mut fought = shared.corrections().fought(&self.uid(), shared.clock.now());
        if !self.spec_changed() {
            fought.extend(self.given_up(&[Reason::DriftFight]));
        }
        fought
    }

    /// How long the operation in flight may still land.
    pub fn grace_left(&self) -> Option<Duration> {
        let operation = self.report.common.operation.as_ref()?;
        let grace = self.shared().settings.create_grace;
        let Ok(started) = operation.started_at.parse::<Timestamp>() else { return Some(grace) };
        let passed = Duration::try_from(self.shared().clock.now().duration_since(started)).unwrap_or_default();
        grace.checked_sub(passed).filter(|left| !left.is_zero())
    }

    /// Writes the status when it differs from what is there.
    pub async fn save(&mut self) -> Result<()> {
        let status = K::status(&self.report);
        if status == K::status(&self.before) {
            return Ok(());
        }
        self.object = status::write(&self.api(), &self.object, &status).await?;
        self.before = self.report.clone();
        Ok(())
    }

    /// Reports what the reconcile came to and says when to look again.
    pub async fn finish(&mut self, outcome: Outcome) -> Result<Action> {
        if outcome.is_without_status() {
            self.save().await?;
            return Ok(self.requeue(outcome.requeue));
        }
        let said = self.ready().map(|c| (c.status.clone(), c.reason.clone()));
        let held = self.ready_reason() == Some(Reason::ConnectionNotReady.as_str());
        self.describe(&outcome);
        self.save().await?;
        let now = (truth(outcome.ready), outcome.reason.as_str());
        if said.as_ref().is_none_or(|(status, reason)| (status.as_str(), reason.as_str()) != now) {
            self.announce(&outcome, held).await;
        }
        Ok(self.requeue(outcome.requeue))
    }

    fn describe(&mut self, outcome: &Outcome) {
        let now = self.shared().clock.now();
        let generation = self.object.meta().generation.unwrap_or_default();
        let requested = self.object.annotations().get(RECONCILE_REQUESTED_AT).cloned();
        let common = &mut self.report.common;
        common.observed_generation = generation;
        common.conditions = outcome.conditions(&common.conditions, generation, now);
        if outcome.synced != Truth::Unchanged {
            let since = common.drift.take().map_or_else(|| now.to_string(), |d| d.since);
            common.drift = (!outcome.diff.is_empty()).then(|| Drift { fields: shown(&outcome.diff), since });
        }
        common.last_handled_reconcile_at = requested.or(common.last_handled_reconcile_at.take());
    }

    /// One event for a change of state; children of a failing connection stay silent, because
    /// the connection has said it, and so do those that it `held` and that are well again.
    async fn announce(&self, outcome: &Outcome, held: bool) {
        let events = &self.shared().events;
        let reason = outcome.reason.as_str();
        tracing::info!(
            kind = K::KIND,
            namespace = self.namespace(),
            name = self.object.name_any(),
            reason,
            message = outcome.message,
            "state changed"
        );
        match outcome.reason {
            Reason::ConnectionNotReady => {}
            _ if held && outcome.ready == Truth::True => {}
            _ if outcome.ready == Truth::True || outcome.reconciling => {
                events.normal(&self.reference(), reason, &outcome.message).await;
            }
            _ => events.warning(&self.reference(), reason, &outcome.message).await,
        }
    }

    fn requeue(&self, requeue: Requeue) -> Action {
        let shared = self.shared();
        if requeue == Requeue::Backoff {
            return Action::requeue(shared.backoffs.failed(&self.uid()));
        }
        if !matches!(requeue, Requeue::After(_)) {
            shared.backoffs.clear(&self.uid());
        }
        match requeue {
            Requeue::Interval => Action::requeue(jitter(self.interval())),
            Requeue::Slow => Action::requeue(jitter(shared.settings.slow_retry)),
            Requeue::After(wait) => Action::requeue(wait),
            Requeue::Backoff => Action::requeue(shared.settings.slow_retry),
        }
    }

    /// An upstream write for this cause: of the object with this id, and of what differs there. The
    /// fence is asked for each of its requests; who leads no more tells nobody of a write that failed.
    pub async fn write<T>(
        &self,
        (cause, id, diff): (&'static str, Option<&str>, Option<&Diff>),
        write: impl Future<Output = crate::engine::Result<T>>,
    ) -> Result<crate::engine::Result<T>>
    where
        for<'r> End<'r>: From<&'r crate::engine::Result<T>>,
    {
        self.ledger.open(cause, id, diff);
        let written = write.await;
        if self.ledger.close(&End::from(&written)) {
            self.shared().observations.wrote(&self.uid());
        }
        if written.as_ref().is_err_and(|error| error.kind != ErrorKind::OutcomeUnknown) {
            self.shared().fence()?;
        }
        Ok(written)
    }

    fn ready(&self) -> Option<&Condition> {
        self.report.common.conditions.iter().find(|c| c.type_ == ConditionType::Ready.as_str())
    }

    /// Whether status shows this difference already.
    pub fn shows(&self, diff: &Diff) -> bool {
        self.report.common.drift.as_ref().is_some_and(|drift| drift.fields == shown(diff))
    }

    /// Whether status says that all is well with what the object says now.
    pub fn is_ready(&self) -> bool {
        let current = !self.spec_changed();
        current && self.ready().is_some_and(|c| c.status == "True")
    }

    /// The reason of `Ready`, as status says it.
    pub fn ready_reason(&self) -> Option<&str> {
        self.ready().map(|c| c.reason.as_str())
    }
}

fn truth(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "True",
        Truth::False => "False",
        Truth::Unknown | Truth::Unchanged => "Unknown",
    }
}

fn shown(diff: &Diff) -> Vec<DriftField> {
    let field = |f: &FieldDiff| DriftField {
        path: f.path.clone(),
        desired: shortened(&f.desired),
        observed: shortened(&f.observed),
    };
    diff.fields.iter().take(SHOWN_FIELDS).map(field).collect()
}

fn shortened(value: &serde_json::Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN_VALUE {
        return text;
    }
    let head: String = text.chars().take(SHOWN_VALUE).collect();
    format!("{head}...")
}

/// An operation that began in the future says that the clock was set back. Nobody knows how long
/// ago it began: its grace begins anew, instead of lasting until the clock is there again.
fn begin_anew(operation: &mut Operation, now: Timestamp) {
    if operation.started_at.parse::<Timestamp>().is_ok_and(|started| started > now) {
        operation.started_at = now.to_string();
    }
}
