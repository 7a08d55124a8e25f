//! Holds the state of one reconcile: the object, what status said before and what it will say.

use super::audit_log::{AuditLog, CallResult, Write};
use super::judged::Judged;
use crate::api::status::{CommonStatus, Operation, OperationKind, UpstreamRef};
use crate::api::{ConditionType, Reason};
use crate::controller::Result;
use crate::controller::context::{Context, Shared};
use crate::controller::k8s::status;
use crate::controller::kinds::managed::{Managed, StatusDraft};
use crate::controller::queue::priority;
use crate::controller::state::footprint::Footprint;
use crate::engine::plan::Rules;
use crate::engine::{ErrorKind, OwnerTag};
use crate::upstream::{Priority, RequestContext, WriteObserver, WritePermission};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Api;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One object in one reconcile.
pub struct Reconciliation<'a, K: Managed> {
    /// The context of the kind's controller.
    pub ctx: &'a Context<K>,
    /// The object as the operator last read or wrote it.
    pub object: K,
    /// The status to write.
    pub status: StatusDraft,
    /// The place of the upstream object, as memory or the annotation names it.
    pub(super) place: Option<UpstreamRef>,
    /// Where the upstream refused a create that may have taken effect all the same.
    pub(super) refused_place: Option<UpstreamRef>,
    /// The status as it is.
    saved_status: StatusDraft,
    /// Whether status lacks what it recorded: another writer took it away, or the cache lags.
    record_lost: bool,
    priority: Priority,
    pub(super) audit_log: Arc<AuditLog>,
    /// What the guardrails of the connection say of the object.
    pub(super) guardrails: Judged,
}

impl<'a, K: Managed> Reconciliation<'a, K> {
    /// Starts the reconcile of an object.
    pub fn start(ctx: &'a Context<K>, object: K) -> Self {
        let saved_status = object.status_draft();
        let mut status = saved_status.clone();
        let record_lost = remember(ctx, &object, &mut status.common);
        ctx.shared.settings.shown_users.redact(&mut status.attached_to);
        status.narrowing = status.narrowing.or_else(|| ctx.shared.records.narrowed(object.meta().uid.as_deref()?));
        if let Some(operation) = &mut status.common.operation {
            restart_if_in_future(operation, ctx.shared.clock.now());
        }
        let failing = ctx.shared.backoffs.is_failing(object.meta().uid.as_deref().unwrap_or_default());
        let priority = priority::of(&object, failing);
        let audit_log = AuditLog::of(&object, status.attached_to.as_ref().map(|it| it.count), &ctx.shared.metrics);
        let place = ctx.shared.places.of(&object);
        let refused_place = ctx.shared.records.refused_place(object.meta().uid.as_deref().unwrap_or_default());
        let mut this = Self {
            ctx,
            object,
            status,
            place,
            refused_place,
            saved_status,
            record_lost,
            priority,
            audit_log,
            guardrails: Judged::default(),
        };
        this.correct_record();
        this.inherit_copy();
        if this.reconcile_requested() || this.spec_changed() {
            ctx.shared.corrections().forget(&this.uid());
        }
        this
    }

    /// Returns whether status lacked what it recorded: another writer took it away, or the cache lags.
    pub fn record_lost(&self) -> bool {
        self.record_lost
    }

    /// Returns whether the status that was read records an upstream object or a write in flight.
    pub fn was_recorded(&self) -> bool {
        self.saved_status.common.upstream.is_some() || self.saved_status.common.operation.is_some()
    }

    /// Returns whether an annotation requests that the operator retries the fields that it gave up.
    pub fn reconcile_requested(&self) -> bool {
        self.object.reconcile_requested(&self.status.common)
    }

    /// Returns whether the spec is newer than the one that status describes.
    pub fn spec_changed(&self) -> bool {
        self.object.spec_changed(&self.status.common)
    }

    /// Returns the context of this reconcile's upstream requests.
    pub fn request_context(&self) -> RequestContext {
        let writes: Arc<dyn WriteObserver> = Arc::clone(&self.audit_log) as _;
        let (fence, is_judged_by_latest) = (self.ctx.fence(&self.object), self.is_judged_by_latest());
        let is_approved = self.is_still_approved();
        let permission: WritePermission = Arc::new(move || fence().is_ok() && is_judged_by_latest() && is_approved());
        RequestContext {
            priority: self.priority,
            namespace: self.namespace().into(),
            writes: Some(writes),
            write_permission: Some(permission),
        }
    }

    /// Returns what all controllers share.
    pub fn shared(&self) -> &'a Shared {
        &self.ctx.shared
    }

    /// Returns the API of the object's namespace.
    pub fn api(&self) -> Api<K> {
        Api::namespaced(self.shared().client.clone(), &self.namespace())
    }

    /// Returns the namespace of the object.
    pub fn namespace(&self) -> String {
        self.object.namespace().unwrap_or_default()
    }

    /// Returns the uid of the object; empty only for an object that never reached the API server.
    pub fn uid(&self) -> String {
        self.object.uid().unwrap_or_default()
    }

    /// Returns the owner tag of the object.
    pub fn owner_tag(&self) -> OwnerTag {
        self.shared().owner_tag(&self.uid())
    }

    /// Returns the reference that events of the object carry.
    pub fn reference(&self) -> ObjectReference {
        self.object.object_ref(&())
    }

    /// Returns the policies of the spec that bound a plan.
    pub fn rules(&self) -> Rules<'_> {
        Rules::from(self.object.common())
    }

    /// Returns how often the operator compares the object.
    pub fn interval(&self) -> Duration {
        let interval: Duration = self.object.common().interval.into();
        interval / self.shared().settings.interval_divisor
    }

    /// Returns the earliest start of a list that may serve this reconcile. Without the safeguard any list of the process
    /// does.
    pub(super) fn fresh(&self, not_before: Instant) -> Instant {
        let shared = self.shared();
        if shared.settings.safeguards.fresh_snapshots { not_before } else { shared.observations.started() }
    }

    /// Returns how long ago the object was deleted; zero if it is not being deleted.
    pub fn deleted_for(&self) -> Duration {
        let deleted = self.object.meta().deletion_timestamp.as_ref().map(|time| time.0);
        let passed = deleted.map(|at| self.shared().clock.now().duration_since(at));
        passed.and_then(|passed| Duration::try_from(passed).ok()).unwrap_or_default()
    }

    /// Puts back the finalizer that another writer took from an object with something upstream.
    pub async fn restore_finalizer(&mut self) -> Result<()> {
        let recorded = self.status.common.upstream.is_some() || self.status.common.operation.is_some();
        if recorded && self.shared().settings.safeguards.lost_finalizer {
            self.ensure_finalizer().await
        } else {
            Ok(())
        }
    }

    /// Removes the time of a repeated create whose second object a search would have shown. It goes with a write that is
    /// due anyway: an object at rest is not written.
    pub(super) fn forget_searched_copy(&mut self) {
        let is_recorded = self.status.common.repeated_create_time.is_some();
        if is_recorded && !self.may_have_copy() && K::status(&self.status) != K::status(&self.saved_status) {
            self.status.common.repeated_create_time = None;
        }
    }

    /// Writes the status if it differs from the one that is there.
    pub async fn save(&mut self) -> Result<()> {
        let status = K::status(&self.status);
        if status == K::status(&self.saved_status) {
            return Ok(());
        }
        self.object = status::write(&self.api(), &self.object, &status).await?;
        let id = |status: &StatusDraft| status.common.operation.as_ref().map(|operation| operation.id.clone());
        let begins = id(&self.saved_status) != id(&self.status);
        self.saved_status = self.status.clone();
        let (records, uid) = (&self.shared().records, self.uid());
        records.remember(&uid, Footprint::of(&self.object));
        records.record(&uid, self.status.common.upstream.clone());
        records.narrowing(&uid, self.status.narrowing.as_ref());
        let operation = self.status.common.operation.clone();
        if operation.is_none() {
            records.create_ended(&uid);
        }
        records.adopting(&uid, operation.filter(|operation| operation.kind == OperationKind::Adopt), begins);
        // Only now it is certain that the cache did not merely lag.
        if std::mem::take(&mut self.record_lost) {
            self.announce_restored();
        }
        Ok(())
    }

    fn announce_restored(&self) {
        let id = self.recorded_id().unwrap_or_else(|| "a create in flight".to_owned());
        let (namespace, name) = (self.namespace(), self.object.name_any());
        tracing::warn!(kind = K::KIND, namespace, name, id, "another writer changed the record in status; restored");
        let note = format!("Another writer changed the record of {id} in status. The operator restored it.");
        self.normal_event("Restored", &note);
    }

    /// Makes an upstream write and records it in the audit log.
    ///
    /// The HTTP client checks leadership before each request of the write. A process that lost the lead
    /// does not report a write that failed: the outer error ends its reconcile. Neither does one that lost the object
    /// to another operator.
    pub async fn write<T>(
        &self,
        write: Write<'_>,
        call: impl Future<Output = crate::engine::Result<T>>,
    ) -> Result<crate::engine::Result<T>>
    where
        for<'r> CallResult<'r>: From<&'r crate::engine::Result<T>>,
    {
        self.audit_log.open(&write);
        let result = call.await;
        if self.audit_log.close(&CallResult::from(&result)) {
            self.shared().observations.record_write(&self.uid());
            if result.is_ok() {
                self.shared().settling.wrote(&self.uid());
            }
        }
        if result.as_ref().is_err_and(|error| error.kind != ErrorKind::OutcomeUnknown) {
            self.ctx.fence(&self.object)()?;
        }
        Ok(result)
    }

    /// Publishes an event about the object for something that went as it should.
    pub fn normal_event(&self, reason: &str, note: &str) {
        self.shared().events.normal(&self.reference(), reason, note);
    }

    /// Publishes an event about the object for something that needs attention.
    pub fn warning_event(&self, reason: &str, note: &str) {
        self.shared().events.warning(&self.reference(), reason, note);
    }

    /// Returns whether `Ready` is `True` for the current spec.
    pub fn is_ready(&self) -> bool {
        !self.spec_changed() && self.ready().is_some_and(|condition| condition.status == "True")
    }

    /// Returns whether `Ready` has this reason.
    pub fn has_reason(&self, reason: Reason) -> bool {
        self.ready().is_some_and(|condition| condition.reason == reason.as_str())
    }

    /// Returns the `Ready` condition of status.
    pub(super) fn ready(&self) -> Option<&Condition> {
        ConditionType::Ready.find(&self.status.common.conditions)
    }

    /// Forgets what this process remembers of the work on the object.
    pub fn forget(&self) {
        let (shared, uid) = (self.shared(), self.uid());
        shared.backoffs.clear(&uid);
        shared.memories().forget_work(&uid);
    }
}

/// Remembers the object as it is, and puts back into status what another writer took away. Returns whether something
/// was lost.
fn remember<K: Managed>(ctx: &Context<K>, object: &K, status: &mut CommonStatus) -> bool {
    let (records, uid) = (&ctx.shared.records, object.uid().unwrap_or_default());
    records.remember(&uid, Footprint::of(object));
    let lost = ctx.shared.settings.safeguards.lost_record && records.restore(&uid, status);
    records.learn(&uid, status.upstream.as_ref());
    lost
}

/// Restarts an operation whose start lies in the future: the clock was set back. Its true age is unknown,
/// so its grace starts again instead of lasting until the clock reaches the old time.
fn restart_if_in_future(operation: &mut Operation, now: Timestamp) {
    if operation.started_at.parse::<Timestamp>().is_ok_and(|started| started > now) {
        operation.started_at = now.to_string();
    }
}
