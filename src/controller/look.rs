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

use super::Result;
use super::act::Act;
use super::case::Case;
use super::managed::Managed;
use crate::api::Reason;
use crate::engine::outcome::Outcome;
use crate::engine::plan::{self, Rules};
use crate::engine::{Glimpse, Ownership, Sighting, Subject};
use crate::upstream::Account;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// For how many intervals an object may wait for its turn.
const LONGEST_WAIT: u32 = 3;

/// When objects were last written and looked at, by uid. Of this process alone: what an earlier one
/// wrote is older than every list of this one.
#[derive(Debug)]
pub struct Looks {
    started: Instant,
    last: Mutex<HashMap<String, Last>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Last {
    written: Option<Instant>,
    looked: Option<Instant>,
    /// Whether somebody changed it upstream, and it was not put right yet.
    drifting: bool,
}

impl Default for Looks {
    fn default() -> Self {
        Self { started: Instant::now(), last: Mutex::default() }
    }
}

impl Looks {
    /// The object was written upstream.
    pub fn wrote(&self, uid: &str) {
        self.lock().entry(uid.to_owned()).or_default().written = Some(Instant::now());
    }

    /// The object was looked at closely.
    pub fn looked(&self, uid: &str) {
        self.lock().entry(uid.to_owned()).or_default().looked = Some(Instant::now());
    }

    /// The object was found changed upstream by somebody else; whether that is news.
    pub fn drifts(&self, uid: &str) -> bool {
        !std::mem::replace(&mut self.lock().entry(uid.to_owned()).or_default().drifting, true)
    }

    /// The object is upstream as it should be; whether that is news.
    pub fn is_right(&self, uid: &str) -> bool {
        self.lock().get_mut(uid).is_some_and(|last| std::mem::take(&mut last.drifting))
    }

    /// The object is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// How old a list may be that serves this object.
    fn not_before(&self, uid: &str, max_age: Duration) -> Instant {
        let young = Instant::now().checked_sub(max_age).unwrap_or(self.started);
        self.last(uid).written.map_or(young, |written| written.max(young))
    }

    /// How long ago the object was looked at closely; since the start, if it never was.
    fn unseen_for(&self, uid: &str) -> Duration {
        self.last(uid).looked.unwrap_or(self.started).elapsed()
    }

    fn last(&self, uid: &str) -> Last {
        self.lock().get(uid).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Last>> {
        // Instants are valid at every moment, so a panic elsewhere does not spoil them.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a list is enough for: `None` asks for a close look.
pub async fn from_afar<K: Managed>(
    case: &mut Case<'_, K>,
    subject: &dyn Subject,
    account: &Arc<Account>,
    hash: &str,
) -> Result<Option<Outcome>> {
    let Some(id) = settled(case, account, hash) else { return Ok(None) };
    let interval = case.interval();
    let shared = case.shared();
    let not_before = if shared.settings.safeguards.fresh_snapshots {
        shared.looks.not_before(&case.uid(), interval / 2)
    } else {
        shared.looks.started
    };
    match subject.glimpse(&id, not_before).await {
        Glimpse::Whole(seen) if seen.owner == Ownership::Ours || case.only_observes() => {
            let plan = plan::plan(&case.record(), Rules::from(case.object.common()), vec![*seen], hash);
            if !plan.is_quiet() {
                return Ok(None);
            }
            Act::new(case, subject, account, hash.to_owned()).carry_out(plan).await.map(Some)
        }
        Glimpse::Alike if case.ready_reason() == Some(Reason::UpToDate.as_str()) => {
            let unseen = case.shared().looks.unseen_for(&case.uid());
            let look = unseen >= interval * LONGEST_WAIT || (unseen >= interval / 2 && subject.take_turn());
            Ok((!look).then(Outcome::up_to_date))
        }
        Glimpse::Whole(_) | Glimpse::Alike | Glimpse::Unclear => Ok(None),
    }
}

/// The id of an object of which nothing changed since it was looked at closely: spec, connection,
/// status.
fn settled<K: Managed>(case: &Case<'_, K>, account: &Account, hash: &str) -> Option<String> {
    let common = &case.report.common;
    let reason = case.ready_reason()?;
    let quiet = [Reason::UpToDate, Reason::Observed, Reason::DriftReported].iter().any(|r| r.as_str() == reason);
    let current = !case.is_new_spec()
        && common.operation.is_none()
        && !case.is_asked()
        && common.upstream.as_ref().is_none_or(|upstream| upstream.endpoint == account.endpoint())
        && (case.only_observes() || common.applied_hash.as_deref() == Some(hash));
    let id = common.upstream.as_ref().and_then(|upstream| upstream.id.clone()).or_else(|| case.report.seen_id.clone());
    id.filter(|_| quiet && current)
}

/// Reads the object with the known id; and, unless that is ours, everything that may be the one.
pub async fn closely<K: Managed>(case: &Case<'_, K>, subject: &dyn Subject) -> crate::engine::Result<Vec<Sighting>> {
    let known = case.record().id;
    let named = case.object.common().external_id.clone();
    let mut found = Vec::new();
    if let Some(id) = known.as_deref().or(named.as_deref()) {
        found.extend(subject.observe(id).await?);
    }
    let ours = found.iter().any(|seen| matches!(seen.owner, Ownership::Ours | Ownership::Unknown));
    let search = case.shared().settings.safeguards.stamp_lookup;
    let lost = !ours && (known.is_some() || named.is_none());
    // Where names mean nothing a create that landed late may have made a second one.
    let doubled = ours && known.is_some() && case.object.wanted().exclusive_name().is_none();
    if search && (lost || doubled) {
        let others = subject.find().await?;
        found.retain(|seen| others.iter().all(|other| other.id != seen.id));
        found.extend(others);
    }
    for sighting in &mut found {
        sighting.owner = case.ctx.judge(sighting.owner.clone(), &case.namespace()).await;
    }
    case.shared().looks.looked(&case.uid());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As after a start so long ago.
    fn started(ago: Duration) -> Looks {
        Looks { started: Instant::now().checked_sub(ago).unwrap(), ..Looks::default() }
    }

    #[test]
    fn a_list_must_be_younger_than_the_last_write_and_than_the_object_allows() {
        let age = Duration::from_millis(50);
        let looks = started(age * 2);
        let before = Instant::now();
        assert!(looks.not_before("a", age) >= before.checked_sub(age).unwrap());
        assert!(looks.not_before("a", age) < before);
        looks.wrote("a");
        assert!(looks.not_before("a", age) >= before, "nothing older than the write");
        assert!(looks.not_before("b", age) < before.max(looks.not_before("a", age)), "others are not concerned");
        looks.forget("a");
        assert!(looks.last("a").written.is_none());
    }

    #[test]
    fn drift_is_news_once_until_it_is_put_right() {
        let looks = Looks::default();
        assert!(!looks.is_right("a"));
        assert!(looks.drifts("a") && !looks.drifts("a") && looks.drifts("b"));
        assert!(looks.is_right("a") && !looks.is_right("a"));
        assert!(looks.drifts("a"));
    }

    #[test]
    fn an_object_that_was_never_looked_at_is_unseen_since_the_start() {
        let looks = started(Duration::from_millis(20));
        assert!(looks.unseen_for("a") >= Duration::from_millis(20));
        looks.looked("a");
        assert!(looks.unseen_for("a") < looks.unseen_for("b"));
    }
}
