//! The policy quota of an account, mostly checked without a request.
//!
//! Every probe counts the policies. Far below the limit the last count and the creates since then are
//! enough. Near the limit, where policies of other writers matter, each create counts the policies
//! anew, one create at a time, and creates that are under way count as done.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many policies an account may hold.
pub(super) const POLICY_LIMIT: u64 = 500;

/// The number of policies that other writers may create between two probes.
const MARGIN: u64 = 20;

/// After this time a create that was allowed and never sent is forgotten: its object has changed, or
/// this process is no longer the leader.
const UNSENT: Duration = Duration::from_mins(1);

/// The policy quota of one account.
#[derive(Default)]
pub(super) struct Quota {
    state: Mutex<State>,
    /// Locked by the one create that counts the policies.
    counting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// The number of policies at the last count.
    counted: Option<u64>,
    /// Creates that were allowed since, and may not be in the count.
    since: u64,
    /// Creates that were allowed and have not ended.
    under_way: Vec<Instant>,
}

impl Quota {
    /// Records a count of the account's policies.
    pub(super) fn record_count(&self, policies: u64) {
        self.state().count(policies, Instant::now());
    }

    /// Allows one more policy if the limit is far enough.
    pub(super) fn allow_if_ample(&self) -> bool {
        self.state().allow_if_ample(Instant::now())
    }

    /// Waits until no other create counts the policies.
    pub(super) async fn counting(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.counting.lock().await
    }

    /// Returns the number of creates that are under way.
    pub(super) fn under_way(&self) -> u64 {
        self.state().under_way(Instant::now())
    }

    /// Allows one more policy if the limit permits it beside those that were just counted and those
    /// that were under way when counting began. The error is the number of policies; a create that
    /// was under way and is in the count already is not counted twice.
    pub(super) fn allow_beside(&self, counted: u64, under_way: u64) -> Result<(), u64> {
        self.state().allow_beside(counted, under_way, Instant::now())
    }

    /// Records that a create has ended, with any result.
    pub(super) fn ended(&self) {
        self.state().ended();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, policies: u64, now: Instant) {
        self.since = self.under_way(now);
        self.counted = Some(policies);
    }

    fn under_way(&mut self, now: Instant) -> u64 {
        self.under_way.retain(|allowed| now.saturating_duration_since(*allowed) < UNSENT);
        self.under_way.len() as u64
    }

    fn allow_if_ample(&mut self, now: Instant) -> bool {
        let ample = self.counted.is_some_and(|counted| counted + self.since + MARGIN < POLICY_LIMIT);
        if ample {
            self.allow(now);
        }
        ample
    }

    fn allow_beside(&mut self, counted: u64, under_way: u64, now: Instant) -> Result<(), u64> {
        if counted + under_way >= POLICY_LIMIT {
            return Err(counted.max(POLICY_LIMIT));
        }
        self.allow(now);
        Ok(())
    }

    fn allow(&mut self, now: Instant) {
        self.since += 1;
        self.under_way.push(now);
    }

    fn ended(&mut self) {
        if !self.under_way.is_empty() {
            self.under_way.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(policies: u64, now: Instant) -> State {
        let mut state = State::default();
        state.count(policies, now);
        state
    }

    #[test]
    fn quota_far_below_limit_is_checked_without_a_count() {
        let now = Instant::now();
        let mut state = after(460, now);
        let allowed = (0..100).take_while(|_| state.allow_if_ample(now)).count();
        assert_eq!(allowed, 20, "up to the margin below 500");
        (0..20).for_each(|_| state.ended());
        assert!(!state.allow_if_ample(now), "ended creates stay counted until the next count");
        state.count(470, now);
        assert!(state.allow_if_ample(now), "the new count replaces the estimate");
    }

    #[test]
    fn quota_without_a_count_allows_nothing() {
        assert!(!State::default().allow_if_ample(Instant::now()));
    }

    #[test]
    fn last_place_is_given_once() {
        let now = Instant::now();
        let mut state = after(499, now);
        assert!(!state.allow_if_ample(now));
        let under_way = state.under_way(now);
        assert_eq!(state.allow_beside(499, under_way, now), Ok(()));
        let under_way = state.under_way(now);
        assert_eq!(state.allow_beside(499, under_way, now), Err(500), "the first is not in the count yet");
        assert_eq!(state.allow_beside(500, under_way, now), Err(500), "the first is in the count and has not ended");
        assert_eq!(state.allow_beside(503, under_way, now), Err(503));
        state.ended();
        let under_way = state.under_way(now);
        assert_eq!(state.allow_beside(500, under_way, now), Err(500));
        assert_eq!(state.allow_beside(499, under_way, now), Ok(()), "a policy was deleted meanwhile");
    }

    #[test]
    fn create_never_sent_is_forgotten_after_a_minute() {
        let now = Instant::now();
        let mut state = after(499, now);
        assert_eq!(state.allow_beside(499, 0, now), Ok(()));
        assert_eq!(state.under_way(now + UNSENT / 2), 1);
        assert_eq!(state.under_way(now + UNSENT), 0);
    }
}
