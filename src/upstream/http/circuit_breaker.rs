//! The circuit breaker of one account: stops asking an upstream that fails again and again.
//!
//! Failures in a row open it. Then every request but a probe is refused unsent, until a probe
//! succeeds: the connection is checked by itself, and its objects wait for the verdict. Where nobody
//! probes (the Secret is gone, and a deletion goes on with the last good credentials), an ordinary
//! request may try now and then in its place.

use crate::upstream::Priority;
use std::sync::{Mutex as Lock, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many failures in a row are no accident of one object.
const FAILURES: u32 = 5;

/// How often an ordinary request tries in the place of a probe.
const TRIAL: Duration = Duration::from_secs(30);

/// Counts failures in a row.
pub(super) struct CircuitBreaker(Lock<State>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        /// From when on an ordinary request may try.
        trial: Instant,
    },
}

/// The leave to send one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// It was sent while all was well, and cannot close what opened meanwhile.
    Ordinary,
    /// Its success closes the breaker.
    Deciding,
}

impl CircuitBreaker {
    pub(super) fn new() -> Self {
        Self(Lock::new(State::Closed { failures: 0 }))
    }

    /// Whether a request of this urgency would be refused now.
    pub(super) fn refuses(&self, priority: Priority, now: Instant) -> bool {
        matches!(*self.state(), State::Open { trial } if priority != Priority::Probe && now < trial)
    }

    /// The leave to send a request of this urgency now.
    pub(super) fn admit(&self, priority: Priority, now: Instant) -> Option<Pass> {
        let mut state = self.state();
        match *state {
            _ if priority == Priority::Probe => Some(Pass::Deciding),
            State::Closed { .. } => Some(Pass::Ordinary),
            State::Open { trial } if now >= trial => {
                *state = State::Open { trial: now + TRIAL };
                Some(Pass::Deciding)
            }
            State::Open { .. } => None,
        }
    }

    /// Takes note of how a request ended.
    pub(super) fn note(&self, pass: Pass, success: bool, now: Instant) {
        let mut state = self.state();
        *state = match (*state, pass, success) {
            (State::Closed { .. }, _, true) | (State::Open { .. }, Pass::Deciding, true) => {
                State::Closed { failures: 0 }
            }
            (State::Closed { failures }, _, false) if failures + 1 < FAILURES => {
                State::Closed { failures: failures + 1 }
            }
            (State::Closed { .. }, _, false) => State::Open { trial: now + TRIAL },
            (open @ State::Open { .. }, ..) => open,
        };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(now: Instant) -> CircuitBreaker {
        let breaker = CircuitBreaker::new();
        for _ in 0..FAILURES {
            let pass = breaker.admit(Priority::Change, now).unwrap();
            breaker.note(pass, false, now);
        }
        breaker
    }

    fn is_open(breaker: &CircuitBreaker, now: Instant) -> bool {
        breaker.refuses(Priority::Deletion, now)
    }

    #[test]
    fn failures_in_a_row_stop_all_but_probes() {
        let now = Instant::now();
        let breaker = opened(now);
        for priority in [Priority::Background, Priority::Change, Priority::Deletion] {
            assert!(breaker.refuses(priority, now));
            assert_eq!(breaker.admit(priority, now), None);
        }
        assert!(!breaker.refuses(Priority::Probe, now));
        assert_eq!(breaker.admit(Priority::Probe, now), Some(Pass::Deciding));
    }

    #[test]
    fn failures_among_successes_stop_nobody() {
        let (breaker, now) = (CircuitBreaker::new(), Instant::now());
        for attempt in 0..50 {
            let pass = breaker.admit(Priority::Change, now).unwrap();
            breaker.note(pass, attempt % FAILURES == 0, now);
        }
        assert!(!is_open(&breaker, now));
    }

    #[test]
    fn only_a_success_of_a_probe_opens_the_way_again() {
        let now = Instant::now();
        let breaker = opened(now);
        breaker.note(Pass::Ordinary, true, now);
        assert!(is_open(&breaker, now), "a late answer to what was sent before proves nothing");
        breaker.note(Pass::Deciding, false, now);
        assert!(is_open(&breaker, now));
        breaker.note(Pass::Deciding, true, now);
        assert_eq!(breaker.admit(Priority::Background, now), Some(Pass::Ordinary));
    }

    #[test]
    fn without_probes_one_request_tries_now_and_then() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + TRIAL;
        assert!(!breaker.refuses(Priority::Deletion, later));
        assert_eq!(breaker.admit(Priority::Deletion, later), Some(Pass::Deciding));
        assert_eq!(breaker.admit(Priority::Deletion, later), None, "one at a time");
        breaker.note(Pass::Deciding, true, later);
        assert!(!is_open(&breaker, now));
    }
}
