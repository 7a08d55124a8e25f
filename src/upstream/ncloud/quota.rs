//! Whether an account has room for one more policy, mostly without asking.
//!
//! Every probe counts the policies. Far from the limit the last count and the creates since are
//! enough; close to it, where a stranger's policies could tip the scales, each create has the
//! policies counted anew, one create at a time, and creates that are under way count as done.

use super::client::POLICY_LIMIT;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many policies strangers may make between two probes.
const MARGIN: u64 = 20;

/// After this a create that was allowed and never sent is forgotten: its object changed, or this
/// process does not lead any more.
const UNSENT: Duration = Duration::from_mins(1);

/// What is known of the policies of one account.
#[derive(Default)]
pub(super) struct Quota {
    state: Mutex<State>,
    /// Held by the one create that has the policies counted.
    counting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// At the last count.
    counted: Option<u64>,
    /// Allowed since, and perhaps not in the count.
    since: u64,
    /// Allowed, and not ended yet.
    under_way: Vec<Instant>,
}

impl Quota {
    /// So many policies the account holds.
    pub(super) fn counted(&self, policies: u64) {
        self.state().count(policies, Instant::now());
    }

    /// Allows one more policy if there certainly is room.
    pub(super) fn has_ample_room(&self) -> bool {
        self.state().allow_if_ample(Instant::now())
    }

    /// Held while the policies are counted for one create.
    pub(super) async fn counting(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.counting.lock().await
    }

    /// How many creates are under way.
    pub(super) fn under_way(&self) -> u64 {
        self.state().under_way(Instant::now())
    }

    /// Allows one more policy if there is room beside those that were just counted and those that
    /// were under way when counting began; else says how many there are, without counting twice
    /// one that was under way and already there.
    pub(super) fn allow_beside(&self, counted: u64, under_way: u64) -> Result<(), u64> {
        self.state().allow_beside(counted, under_way, Instant::now())
    }

    /// A create has ended, in whatever way.
    pub(super) fn on_end(&self) {
        self.state().on_end();
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
        let ample = self.counted.is_some_and(|counted| counted + self.since + MARGIN < limit());
        if ample {
            self.allow(now);
        }
        ample
    }

    fn allow_beside(&mut self, counted: u64, under_way: u64, now: Instant) -> Result<(), u64> {
        if counted + under_way >= limit() {
            return Err(counted.max(limit()));
        }
        self.allow(now);
        Ok(())
    }

    fn allow(&mut self, now: Instant) {
        self.since += 1;
        self.under_way.push(now);
    }

    fn on_end(&mut self) {
        if !self.under_way.is_empty() {
            self.under_way.remove(0);
        }
    }
}

fn limit() -> u64 {
    POLICY_LIMIT.unsigned_abs()
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
    fn far_from_the_limit_nothing_is_asked_and_own_creates_count() {
        let now = Instant::now();
        let mut state = after(460, now);
        let allowed = (0..100).take_while(|_| state.allow_if_ample(now)).count();
        assert_eq!(allowed, 20, "up to the margin below 500");
        (0..20).for_each(|_| state.on_end());
        assert!(!state.allow_if_ample(now), "ended creates stay counted until the next count");
        state.count(470, now);
        assert!(state.allow_if_ample(now), "the count knows better");
    }

    #[test]
    fn without_a_count_it_has_to_be_asked() {
        assert!(!State::default().allow_if_ample(Instant::now()));
    }

    #[test]
    fn the_last_place_is_given_once() {
        let now = Instant::now();
        let mut state = after(499, now);
        assert!(!state.allow_if_ample(now));
        let under_way = state.under_way(now);
        assert_eq!(state.allow_beside(499, under_way, now), Ok(()));
        let under_way = state.under_way(now);
        assert_eq!(state.allow_beside(499, under_way, now), Err(500), "the first is not in the count yet");
        assert_eq!(state.allow_beside(500, under_way, now), Err(500), "the first is in the count and has not ended");
        assert_eq!(state.allow_beside(503, under_way, now), Err(503));
        state.on_end();
        let under_way = state.under_way(now);
        assert_eq!(state.allow_beside(500, under_way, now), Err(500));
        assert_eq!(state.allow_beside(499, under_way, now), Ok(()), "somebody made room");
    }

    #[test]
    fn what_was_allowed_and_never_sent_blocks_nobody_for_long() {
        let now = Instant::now();
        let mut state = after(499, now);
        assert_eq!(state.allow_beside(499, 0, now), Ok(()));
        assert_eq!(state.under_way(now + UNSENT / 2), 1);
        assert_eq!(state.under_way(now + UNSENT), 0);
    }
}
