//! Decisions about the Lease's record: pure functions of what was read and when.
//!
//! A record is stale when it has not changed for as long as its holder promised, measured by this
//! process's own clock since it first saw the record so. The times written in it are for people:
//! the clocks of two nodes are never compared.

use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// The record as this process sees it.
#[derive(Debug, Default)]
pub(super) struct Watched {
    last: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    record: LeaseSpec,
    since: Instant,
}

impl Watched {
    /// Takes note of what was just read; `None` when there is no Lease.
    ///
    /// An absent Lease does not make this process forget the holder it saw: somebody deleted the
    /// Lease, and the holder may go on until its promise has run out.
    pub fn see(&mut self, record: Option<&LeaseSpec>, now: Instant) {
        let Some(record) = record else { return };
        if self.last.as_ref().is_none_or(|last| last.record != *record) {
            self.last = Some(Seen { record: record.clone(), since: now });
        }
    }

    /// Whether nobody can be leading. `default` is for a record that promises no duration.
    pub fn is_free(&self, now: Instant, default: Duration) -> bool {
        let Some(Seen { record, since }) = &self.last else { return true };
        if holder(record).is_none() {
            return true;
        }
        let promised = record.lease_duration_seconds.and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs);
        now >= *since + promised.unwrap_or(default)
    }
}

/// Who holds it.
pub(super) fn holder(record: &LeaseSpec) -> Option<&str> {
    record.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// A claim this process makes: recognised again by holder and time of acquisition, so that
/// another process that was given the same identity is not mistaken for this one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Claim {
    identity: String,
    acquired: MicroTime,
}

impl Claim {
    pub fn new(identity: &str, now: Timestamp) -> Self {
        // What the API server stores, and gives back, is exact to the microsecond.
        let stored = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        Self { identity: identity.to_owned(), acquired: MicroTime(stored) }
    }

    /// Whether the record is this claim.
    pub fn stands_in(&self, record: &LeaseSpec) -> bool {
        holder(record) == Some(&self.identity) && record.acquire_time.as_ref() == Some(&self.acquired)
    }

    /// The record that claims the Lease, after `previous`.
    pub fn record(&self, previous: Option<&LeaseSpec>, duration: Duration) -> LeaseSpec {
        let transitions = previous.map(|p| p.lease_transitions.unwrap_or(0).saturating_add(1));
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            acquire_time: Some(self.acquired.clone()),
            renew_time: Some(self.acquired.clone()),
            lease_duration_seconds: Some(whole_seconds(duration)),
            lease_transitions: Some(transitions.unwrap_or(0)),
            ..previous.cloned().unwrap_or_default()
        }
    }
}

/// The record of a holder that is still there.
pub(super) fn renewed(record: &LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec { renew_time: Some(MicroTime(now)), ..record.clone() }
}

/// The record without its holder.
pub(super) fn released(record: &LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec { holder_identity: None, ..renewed(record, now) }
}

/// Rounded up: a promise may be longer than meant, never shorter.
fn whole_seconds(duration: Duration) -> i32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}
