//! Decides whether this process may write upstream at this moment.
//!
//! The fence keeps the promise that the Lease makes to the other replicas. No replica takes over before the
//! lease duration has passed since our last renewal. This process stops writing after the renew deadline,
//! which is shorter. The gap between the two is for writes that are already under way.

use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The state of an election, as this process sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is no election: this process always leads.
    WithoutElection,
    /// This process does not lead yet.
    Waiting,
    /// This process leads until the fence.
    Leading(Fence),
    /// This process has lost the lead, or shut down before it led.
    Ended,
}

/// The end of the current term, unless a renewal starts a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence {
    until: Instant,
    renewed: SystemTime,
    term: Duration,
}

impl Fence {
    /// Starts a term at the moment when the request that acquired or renewed the Lease was sent. The other
    /// processes count from the moment when they see its effect, which is later.
    pub fn new(sent: Moment, term: Duration) -> Self {
        Self { until: sent.monotonic + term, renewed: sent.wall, term }
    }

    /// Returns the end of the term.
    pub fn until(&self) -> Instant {
        self.until
    }

    /// Returns whether the term still runs, by both clocks. The monotonic clock decides. It stands still while
    /// the machine is suspended, so the wall clock can end the term as well. If the wall clock is wrong, writing
    /// pauses until the next renewal.
    pub fn is_valid(&self, now: Moment) -> bool {
        let suspended = now.wall.duration_since(self.renewed).is_ok_and(|elapsed| elapsed >= self.term);
        now.monotonic < self.until && !suspended
    }
}

/// One moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub monotonic: Instant,
    pub wall: SystemTime,
}

impl Moment {
    pub fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }
}

/// Revokes the [`Leadership`] that [`Leadership::revocable`] returned with it. For callers that decide by other
/// means than a Lease which process leads.
#[derive(Debug)]
pub struct Revocation(watch::Sender<Standing>);

impl Revocation {
    /// Ends the leadership for good.
    pub fn revoke(&self) {
        self.0.send_replace(Standing::Ended);
    }
}

/// Tells whether this process leads. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Leadership(watch::Receiver<Standing>);

impl Leadership {
    pub(super) fn new(standing: watch::Receiver<Standing>) -> Self {
        Self(standing)
    }

    /// Returns a leadership for a single replica without election: it leads from the start and never loses.
    #[must_use]
    pub fn always() -> Self {
        Self(watch::channel(Standing::WithoutElection).1)
    }

    /// Returns a leadership that leads from the start and until it is revoked.
    #[must_use]
    pub fn revocable() -> (Self, Revocation) {
        let (sender, standing) = watch::channel(Standing::WithoutElection);
        (Self(standing), Revocation(sender))
    }

    /// Returns whether this process leads now: the fence, to be checked right before every upstream write.
    ///
    /// The answer depends on no task being scheduled, so it is also right in a process that was stopped for a
    /// while.
    #[must_use]
    pub fn still_leads(&self) -> bool {
        match *self.0.borrow() {
            Standing::WithoutElection => true,
            Standing::Leading(fence) => fence.is_valid(Moment::now()),
            Standing::Waiting | Standing::Ended => false,
        }
    }

    /// Waits until this process leads. Returns `false` if the election ended before that.
    pub async fn acquired(&self) -> bool {
        let mut standing = self.0.clone();
        let decided = standing.wait_for(|standing| *standing != Standing::Waiting).await;
        decided.is_ok_and(|standing| *standing != Standing::Ended)
    }

    /// Waits until this process no longer leads, or until the election ends. A process never regains a lost
    /// leadership: it should exit.
    pub async fn lost(&self) {
        let mut standing = self.0.clone();
        loop {
            let now = *standing.borrow_and_update();
            match now {
                Standing::Ended => return,
                Standing::WithoutElection => {
                    if standing.changed().await.is_err() {
                        // The `Revocation` is gone, so nothing can end the leadership.
                        std::future::pending::<()>().await;
                    }
                }
                Standing::Waiting => {
                    if standing.changed().await.is_err() {
                        return;
                    }
                }
                Standing::Leading(fence) => {
                    tokio::select! {
                        () = sleep_until(fence.until()) => return,
                        Ok(()) = standing.changed() => {}
                    }
                }
            }
        }
    }
}
