//! Decides about the record of a Lease: pure functions of a record and the time when it was read.
//!
//! A record is stale when it has not changed for as long as its holder promised. This process measures that by
//! its own clock, from the moment when it first read the record in this state. The times in the record are for
//! people: the clocks of two nodes are never compared.

use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// The record of the Lease, as this process read it last.
#[derive(Debug, Default)]
pub(super) struct ObservedRecord {
    last: Option<LastRead>,
}

#[derive(Debug)]
struct LastRead {
    record: LeaseSpec,
    unchanged_since: Instant,
}

impl ObservedRecord {
    /// Remembers the record that was just read; `None` when there is no Lease.
    ///
    /// A deleted Lease does not make this process forget the last holder. That holder may go on leading until
    /// its lease duration has passed.
    pub fn observe(&mut self, record: Option<&LeaseSpec>, now: Instant) {
        let Some(record) = record else { return };
        if self.last.as_ref().is_none_or(|last| last.record != *record) {
            self.last = Some(LastRead { record: record.clone(), unchanged_since: now });
        }
    }

    /// Returns whether no process can be leading. `default` stands in for the lease duration where the
    /// record has none.
    pub fn is_free(&self, now: Instant, default: Duration) -> bool {
        let Some(LastRead { record, unchanged_since }) = &self.last else { return true };
        if holder_identity(record).is_none() {
            return true;
        }
        let promised = record.lease_duration_seconds.and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs);
        now >= *unchanged_since + promised.unwrap_or(default)
    }
}

/// Returns the identity of the holder, if the record has one.
pub(super) fn holder_identity(record: &LeaseSpec) -> Option<&str> {
    record.holder_identity.as_deref().filter(|identity| !identity.is_empty())
}

/// This process as the holder of the Lease. It recognises its own record by identity and acquire time, so that
/// it does not mistake another process of the same identity for itself.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Holder {
    identity: String,
    acquire_time: MicroTime,
}

impl Holder {
    pub fn new(identity: &str, now: Timestamp) -> Self {
        // The API server stores and returns times that are exact to the microsecond.
        let stored = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        Self { identity: identity.to_owned(), acquire_time: MicroTime(stored) }
    }

    /// Returns whether the record names this holder.
    pub fn is_named_in(&self, record: &LeaseSpec) -> bool {
        holder_identity(record) == Some(&self.identity) && record.acquire_time.as_ref() == Some(&self.acquire_time)
    }

    /// Returns the record with which this holder acquires the Lease after `previous`.
    pub fn acquire(&self, previous: Option<&LeaseSpec>, duration: Duration) -> LeaseSpec {
        let transitions = previous.map(|p| p.lease_transitions.unwrap_or(0).saturating_add(1));
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            acquire_time: Some(self.acquire_time.clone()),
            renew_time: Some(self.acquire_time.clone()),
            lease_duration_seconds: Some(whole_seconds(duration)),
            lease_transitions: Some(transitions.unwrap_or(0)),
            ..previous.cloned().unwrap_or_default()
        }
    }
}

/// Returns the record with a new renew time.
pub(super) fn renewed(record: &LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec { renew_time: Some(MicroTime(now)), ..record.clone() }
}

/// Returns the record without its holder.
pub(super) fn released(record: &LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec { holder_identity: None, ..renewed(record, now) }
}

/// Rounds up: the record may promise more than the configured duration, never less.
fn whole_seconds(duration: Duration) -> i32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}
