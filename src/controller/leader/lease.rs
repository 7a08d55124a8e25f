//! Decides about a Lease: pure functions of its spec and the time when it was read.
//!
//! A Lease is stale when it has not changed for as long as its holder promised. This process measures that by
//! its own clock, from the moment when it first read the Lease in this state. The times in the Lease are for
//! people: the clocks of two nodes are never compared.

use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// The Lease, as this process read it last.
#[derive(Debug, Default)]
pub(super) struct ObservedLease {
    last: Option<LastRead>,
}

#[derive(Debug)]
struct LastRead {
    spec: LeaseSpec,
    unchanged_since: Instant,
}

impl ObservedLease {
    /// Remembers the spec that was just read; `None` when there is no Lease.
    ///
    /// A deleted Lease does not make this process forget the last holder. That holder may go on leading until
    /// its lease duration has passed.
    pub fn observe(&mut self, spec: Option<&LeaseSpec>, now: Instant) {
        let Some(spec) = spec else { return };
        if self.last.as_ref().is_none_or(|last| last.spec != *spec) {
            self.last = Some(LastRead { spec: spec.clone(), unchanged_since: now });
        }
    }

    /// Returns whether no process can be leading. `default` stands in for the lease duration where the
    /// spec has none.
    pub fn is_free(&self, now: Instant, default: Duration) -> bool {
        let Some(LastRead { spec, unchanged_since }) = &self.last else { return true };
        if holder_identity(spec).is_none() {
            return true;
        }
        let promised = spec.lease_duration_seconds.and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs);
        now >= *unchanged_since + promised.unwrap_or(default)
    }
}

/// Returns the identity of the holder, if the spec has one.
pub(super) fn holder_identity(spec: &LeaseSpec) -> Option<&str> {
    spec.holder_identity.as_deref().filter(|identity| !identity.is_empty())
}

/// This process as the holder of the Lease. It recognises its own spec by identity and acquire time, so that
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

    /// Returns whether the spec names this holder.
    pub fn is_named_in(&self, spec: &LeaseSpec) -> bool {
        holder_identity(spec) == Some(&self.identity) && spec.acquire_time.as_ref() == Some(&self.acquire_time)
    }

    /// Returns the spec with which this holder acquires the Lease after `previous`.
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

/// Returns the spec with a new renew time.
pub(super) fn renewed(spec: &LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec { renew_time: Some(MicroTime(now)), ..spec.clone() }
}

/// Returns the spec without its holder.
pub(super) fn released(spec: &LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec { holder_identity: None, ..renewed(spec, now) }
}

/// Rounds up: the spec may promise more than the configured duration, never less.
fn whole_seconds(duration: Duration) -> i32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}
