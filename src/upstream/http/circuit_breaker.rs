//! The circuit breaker of one account: stops sending to an upstream that fails again and again.
//!
//! Several failures in a row open it. Then all requests except probes fail without being sent, until a
//! probe succeeds: the check of the connection decides for its objects. If there are no probes (the
//! Secret is gone, and a deletion continues with the last valid credentials), the breaker admits one
//! ordinary request from time to time instead.

use crate::upstream::request::Priority;
use std::sync::{Mutex as Lock, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// This many failures in a row open the breaker. One object alone does not cause as many.
const FAILURES: u32 = 5;

/// The interval at which an ordinary request is admitted instead of a probe.
const TRIAL: Duration = Duration::from_secs(30);

/// A circuit breaker.
pub(super) struct CircuitBreaker(Lock<State>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        /// The time from which on an ordinary request is admitted.
        trial: Instant,
    },
}

/// The permission to send one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// The request was admitted while the breaker was closed; its success does not close it later.
    Ordinary,
    /// The success of the request closes the breaker.
    Deciding,
}

impl CircuitBreaker {
    pub(super) fn new() -> Self {
        Self(Lock::new(State::Closed { failures: 0 }))
    }

    /// Reports whether a request of this priority would be rejected now.
    pub(super) fn refuses(&self, priority: Priority, now: Instant) -> bool {
        matches!(*self.state(), State::Open { trial } if priority != Priority::Probe && now < trial)
    }

    /// Admits a request of this priority, or returns `None`.
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

    /// Records the result of a request.
    pub(super) fn record(&self, pass: Pass, success: bool, now: Instant) {
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
            breaker.record(pass, false, now);
        }
        breaker
    }

    fn is_open(breaker: &CircuitBreaker, now: Instant) -> bool {
        breaker.refuses(Priority::Deletion, now)
    }

    #[test]
    fn circuit_breaker_admits_only_probes_after_failures_in_a_row() {
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
    fn circuit_breaker_stays_closed_when_failures_are_not_in_a_row() {
        let (breaker, now) = (CircuitBreaker::new(), Instant::now());
        for attempt in 0..50 {
            let pass = breaker.admit(Priority::Change, now).unwrap();
            breaker.record(pass, attempt % FAILURES == 0, now);
        }
        assert!(!is_open(&breaker, now));
    }

    #[test]
    fn circuit_breaker_closes_only_after_a_successful_probe() {
        let now = Instant::now();
        let breaker = opened(now);
        breaker.record(Pass::Ordinary, true, now);
        assert!(is_open(&breaker, now), "a late response to an earlier request proves nothing");
        breaker.record(Pass::Deciding, false, now);
        assert!(is_open(&breaker, now));
        breaker.record(Pass::Deciding, true, now);
        assert_eq!(breaker.admit(Priority::Background, now), Some(Pass::Ordinary));
    }

    #[test]
    fn circuit_breaker_admits_single_requests_without_probes() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + TRIAL;
        assert!(!breaker.refuses(Priority::Deletion, later));
        assert_eq!(breaker.admit(Priority::Deletion, later), Some(Pass::Deciding));
        assert_eq!(breaker.admit(Priority::Deletion, later), None, "one at a time");
        breaker.record(Pass::Deciding, true, later);
        assert!(!is_open(&breaker, now));
    }
}
