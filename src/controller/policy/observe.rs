//! How closely an object is looked at.
//!
//! | look | when | costs |
//! | --- | --- | --- |
//! | from afar | nothing was written or changed since status was settled | a share of one list for the whole connection |
//! | closely | otherwise, and whenever something may have to be written | a call for this object |
//!
//! A list serves every object of a connection ([`crate::engine::External::snapshot`]). It must be
//! younger than the object's own last write and not much older than its interval; and it decides
//! only that nothing is to be done. Whatever else it seems to show is looked at closely before
//! anything is written, so that a snapshot can be late and never wrong.
//!
//! Where lists leave out content (the permissions of NAVER Cloud policies), an object that looks
//! alike keeps its status, and takes its turn for a close look as the rate limit allows.

use super::apply::Apply;
use super::reconciliation::Reconciliation;
use crate::api::Reason;
use crate::controller::Result;
use crate::controller::kinds::managed::Managed;
use crate::engine::outcome::Outcome;
use crate::engine::plan;
use crate::engine::plan::Rules;
use crate::engine::{BoundExternal, ListedObservation, Observation, Ownership};
use crate::upstream::{Account, registry};
use std::sync::Arc;

/// For how many intervals an object may wait for its turn.
const LONGEST_WAIT: u32 = 3;

/// What a list is enough for: `None` asks for a close look.
pub async fn from_afar<K: Managed>(
    this: &mut Reconciliation<'_, K>,
    subject: &dyn BoundExternal,
    account: &Arc<Account>,
    hash: &str,
) -> Result<Option<Outcome>> {
    let Some(id) = settled(this, account, hash) else { return Ok(None) };
    let interval = this.interval();
    let shared = this.shared();
    let not_before = if shared.settings.safeguards.fresh_snapshots {
        shared.observations.not_before(&this.uid(), interval / 2)
    } else {
        shared.observations.started
    };
    match subject.observe_listed(&id, not_before).await {
        ListedObservation::Complete(seen) if seen.owner == Ownership::Ours || this.only_observes() => {
            let plan = plan::plan(&this.record(), Rules::from(this.object.common()), vec![*seen], hash);
            if !plan.is_quiet() {
                return Ok(None);
            }
            Apply::new(this, subject, account, hash.to_owned()).run(plan).await.map(Some)
        }
        ListedObservation::PartialMatch if this.ready_reason() == Some(Reason::UpToDate.as_str()) => {
            let unseen = this.shared().observations.since_last_read(&this.uid());
            let look = unseen >= interval * LONGEST_WAIT || (unseen >= interval / 2 && subject.try_full_read());
            Ok((!look).then(Outcome::up_to_date))
        }
        ListedObservation::Complete(_) | ListedObservation::PartialMatch | ListedObservation::Inconclusive => Ok(None),
    }
}

/// The id of an object of which nothing changed since it was looked at closely: spec, connection,
/// status.
fn settled<K: Managed>(this: &Reconciliation<'_, K>, account: &Account, hash: &str) -> Option<String> {
    let common = &this.report.common;
    let reason = this.ready_reason()?;
    let quiet = [Reason::UpToDate, Reason::Observed, Reason::DriftReported].iter().any(|r| r.as_str() == reason);
    let current = !this.spec_changed()
        && common.operation.is_none()
        && !this.reconcile_requested()
        && common.upstream.as_ref().is_none_or(|upstream| upstream.endpoint == account.endpoint())
        && (this.only_observes() || common.applied_hash.as_deref() == Some(hash));
    let id = common.upstream.as_ref().and_then(|upstream| upstream.id.clone()).or_else(|| this.report.seen_id.clone());
    id.filter(|_| quiet && current)
}

/// Reads the object with the known id; and, unless that is ours, everything that may be the one.
pub async fn closely<K: Managed>(
    this: &Reconciliation<'_, K>,
    subject: &dyn BoundExternal,
) -> crate::engine::Result<Vec<Observation>> {
    let known = this.record().id;
    let named = this.object.common().external_id.clone();
    let mut found = Vec::new();
    if let Some(id) = known.as_deref().or(named.as_deref()) {
        found.extend(subject.observe(id).await?);
    }
    let ours = found.iter().any(|seen| matches!(seen.owner, Ownership::Ours | Ownership::Unknown));
    let search = this.shared().settings.safeguards.owner_lookup;
    let lost = !ours && (known.is_some() || named.is_none());
    // Where names mean nothing a create that landed late may have made a second one.
    let doubled = ours && known.is_some() && registry::unique_name(this.object.desired()).is_none();
    if search && (lost || doubled) {
        let others = subject.find().await?;
        found.retain(|seen| others.iter().all(|other| other.id != seen.id));
        found.extend(others);
    }
    for observation in &mut found {
        observation.owner = this.ctx.judge(observation.owner.clone(), &this.namespace()).await;
    }
    this.shared().observations.looked(&this.uid());
    Ok(found)
}
