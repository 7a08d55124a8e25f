//! Judges an object by the guardrails of its connection, and keeps the operator from writing what is beyond them.
//!
//! | when | by what |
//! | --- | --- |
//! | at the start of a reconcile | the guardrails as their controller read them last: an object beyond them is only reported |
//! | right before a create, an adoption or an update that may widen | the guardrails as the API server has them now |
//! | when the request leaves, after all waiting | whether the guardrails are still those that were judged by |
//!
//! An object beyond the guardrails keeps its upstream object: the operator neither writes nor deletes it. Deletions and
//! objects that only observe are not judged.

use super::judged::Judged;
use super::reconciliation::Reconciliation;
use super::stop::Stop;
use crate::api::guardrails::{Enforcement, Guardrail};
use crate::controller::k8s::connection_guardrails;
use crate::controller::kinds::managed::Managed;
use crate::controller::state::bounds::Bound;
use crate::controller::state::dependents::Age;
use crate::controller::{Error, Result};
use crate::engine::BoundExternal;
use crate::engine::access::guardrails::{Breach, Candidate, Grants, Judgement, judge, judge_access};
use crate::engine::outcome::{Outcome, Requeue, Truth};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The delay before the operator judges an object again while the caches are not complete.
const INCOMPLETE_RETRY: Duration = Duration::from_millis(500);

impl<K: Managed> Reconciliation<'_, K> {
    /// Returns the test whether the guardrails are still those by which the object was judged.
    pub(super) fn is_judged_by_latest(&self) -> impl Fn() -> bool + Send + Sync + use<K> {
        let (shared, key) = (Arc::clone(&self.ctx.shared), self.object.connection());
        let judged = Arc::clone(&self.guardrails.version);
        move || match judged.load(Ordering::Acquire) {
            0 => true,
            version => shared.bounds.of(&key).version == version,
        }
    }

    /// Judges the object by the guardrails that this process knows.
    pub(super) fn judge(&mut self, external: &dyn BoundExternal) -> Result<(), Stop> {
        if self.object.only_observes() {
            return Ok(());
        }
        let bound = self.shared().bounds.of(&self.object.connection());
        self.judge_by(external, bound)
    }

    fn judge_by(&mut self, external: &dyn BoundExternal, Bound { version, rules, .. }: Bound) -> Result<(), Stop> {
        let older = self.count_older(&rules)?;
        let (namespace, name, grants) = (self.namespace(), external.key(), external.grants());
        let candidate = Candidate { namespace: &namespace, name: &name, older, grants: &grants };
        let of = |enforcement| judge(&rules, enforcement, &candidate);
        let (enforced, warned) = (of(Enforcement::Enforce), of(Enforcement::Warn));
        if enforced == Judgement::Within && counts_objects(&rules) {
            self.shared().bounds.count(&self.uid());
        }
        let told = |breach: &Breach| self.describe_breach("The spec", breach);
        let (beyond, warning) = (enforced.breach().map(told), warned.breach().map(ToString::to_string));
        self.guardrails.version.store(version, Ordering::Release);
        (self.guardrails.rules, self.guardrails.beyond, self.guardrails.warning) = (rules, beyond, warning);
        Ok(())
    }

    /// Returns how many objects of the namespace come before this one, if a rule asks for it.
    fn count_older(&self, rules: &[Guardrail]) -> Result<usize, Stop> {
        if !counts_objects(rules) {
            return Ok(0);
        }
        let (shared, own) = (self.shared(), Age::of(&self.object));
        let Some(ages) = shared.stores.ages(&self.object.connection(), &self.namespace()) else {
            return Err(Stop::Silently(Requeue::After(INCOMPLETE_RETRY)));
        };
        let is_counted = |uid: &str| shared.bounds.is_counted(uid);
        let before = |other: &&Age| other.uid != own.uid && other.order(is_counted) < own.order(is_counted);
        Ok(ages.iter().filter(before).count())
    }

    fn describe_breach(&self, what: &str, breach: &Breach) -> String {
        let reference = &self.object.common().connection_ref;
        let (kind, name) = (reference.kind, &reference.name);
        let advice = breach.advice();
        format!("{what} is beyond the guardrails of {kind:?} {name}: {breach}. Nothing was written. {advice}")
    }

    /// Returns the outcome of an object beyond the guardrails, for which nothing may be written.
    pub(super) fn denied(&self) -> Option<Outcome> {
        self.guardrails.beyond.clone().map(Outcome::guardrail_denied)
    }

    /// Judges once more by what the API server says of the connection now. Without guardrails there is nothing to read: if
    /// some are added meanwhile, their version differs, and the write permission stops the request.
    pub(super) async fn permit(&mut self, external: &dyn BoundExternal) -> Result<(), Stop> {
        let known = self.shared().bounds.of(&self.object.connection());
        // What follows judges by this version, so the write permission would not tell that approvals are required since.
        if known.approval && self.guardrails.needs_approval == Some(false) && self.shared().settings.safeguards.approval
        {
            return Err(Error::Stale.into());
        }
        if !known.rules.is_empty() && self.shared().settings.safeguards.fresh_guardrails {
            let (client, reference) = (&self.shared().client, &self.object.common().connection_ref);
            let now = connection_guardrails::get(client, reference, &self.namespace()).await?.ok_or(Error::Stale)?;
            self.judge_by(external, Bound { rules: now.into(), ..known })?;
        }
        self.denied().map_or(Ok(()), |denied| Err(denied.into()))
    }

    /// Judges what an upstream object grants.
    pub(super) fn judge_grants(&self, grants: &Grants<'_>) -> Judgement {
        judge_access(&self.guardrails.rules, Enforcement::Enforce, &self.namespace(), grants)
    }

    /// Returns why an upstream object is not adopted.
    pub(super) fn adoption_denied(&self, id: &str, breach: &Breach) -> Outcome {
        Outcome::guardrail_denied(self.describe_breach(&format!("The upstream object {id}"), breach))
    }

    /// Adds to an outcome what the guardrails say of the object.
    pub(super) fn mention_guardrails(&self, outcome: Outcome) -> Outcome {
        let Judged { beyond, warning, .. } = &self.guardrails;
        match (beyond, warning) {
            (Some(beyond), _) if outcome.is_at_rest() => outcome.beyond_guardrails(beyond.clone()),
            (None, Some(warning)) if outcome.ready == Truth::True => self.warn_of_guardrails(outcome, warning),
            _ => outcome,
        }
    }

    fn warn_of_guardrails(&self, outcome: Outcome, warning: &str) -> Outcome {
        let note = format!("The spec is beyond guardrails that only warn: {warning}.");
        if self.ready().is_none_or(|ready| !ready.message.ends_with(&note)) {
            self.warning_event("GuardrailWarning", &note);
        }
        Outcome { message: format!("{} {note}", outcome.message), ..outcome }
    }
}

/// Returns whether a rule permits only so many objects.
fn counts_objects(rules: &[Guardrail]) -> bool {
    rules.iter().any(|rule| rule.max_policies.is_some())
}
