//! Whether this process may write upstream, right now.
//!
//! The fence is the promise that the Lease makes to the other replicas, kept on this side: nobody
//! takes over before the lease duration has passed since our last renewal, and we stop writing
//! after the shorter renew deadline. The gap between the two is for writes already under way.

use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Where an election stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is no election: a single replica.
    Unopposed,
    /// Somebody else leads, or nobody yet.
    Waiting,
    /// This process leads until the fence.
    Leading(Fence),
    /// It led and does not any more, or shut down before it did.
    Ended,
}

/// The end of the present term, unless it is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence {
    until: Instant,
    renewed: SystemTime,
    term: Duration,
}

impl Fence {
    /// A term that began when the request which won it was sent. Taken from before the request:
    /// the others count from when they see its effect, which is later.
    pub fn from(sent: Moment, term: Duration) -> Self {
        Self { until: sent.monotonic + term, renewed: sent.wall, term }
    }

    pub fn until(&self) -> Instant {
        self.until
    }

    /// The monotonic clock rules. It stands still while the whole machine is suspended, so the wall
    /// clock has a veto: should it be wrong, writing pauses until the next renewal.
    pub fn holds(&self, now: Moment) -> bool {
        let slept = now.wall.duration_since(self.renewed).is_ok_and(|elapsed| elapsed >= self.term);
        now.monotonic < self.until && !slept
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

/// Ends the leadership that it came with: for whoever decides who leads by other means than a Lease.
#[derive(Debug)]
pub struct Revocation(watch::Sender<Standing>);

impl Revocation {
    /// From now on the process does not lead.
    pub fn revoke(&self) {
        self.0.send_replace(Standing::Ended);
    }
}

/// A handle on the election, cheap to clone.
#[derive(Debug, Clone)]
pub struct Leadership(watch::Receiver<Standing>);

impl Leadership {
    pub(super) fn of(standing: watch::Receiver<Standing>) -> Self {
        Self(standing)
    }

    /// For a single replica without election: leads from the start and for ever.
    #[must_use]
    pub fn always() -> Self {
        Self(watch::channel(Standing::Unopposed).1)
    }

    /// Leads from the start and until it is revoked.
    #[must_use]
    pub fn revocable() -> (Self, Revocation) {
        let (sender, standing) = watch::channel(Standing::Unopposed);
        (Self(standing), Revocation(sender))
    }

    /// The fence: to be asked right before every upstream write. Depends on no task being
    /// scheduled, so it also holds in a process that was stopped for a while.
    #[must_use]
    pub fn still_leads(&self) -> bool {
        match *self.0.borrow() {
            Standing::Unopposed => true,
            Standing::Leading(fence) => fence.holds(Moment::now()),
            Standing::Waiting | Standing::Ended => false,
        }
    }

    /// Waits until this process leads. `false` when the election ended without that.
    pub async fn acquired(&self) -> bool {
        let mut standing = self.0.clone();
        let decided = standing.wait_for(|standing| *standing != Standing::Waiting).await;
        decided.is_ok_and(|standing| *standing != Standing::Ended)
    }

    /// Waits until this process leads no more, or until the election ends. Leadership once lost
    /// does not come back to this process: it should exit.
    pub async fn lost(&self) {
        let mut standing = self.0.clone();
        loop {
            let now = *standing.borrow_and_update();
            match now {
                Standing::Ended => return,
                Standing::Unopposed => {
                    if standing.changed().await.is_err() {
                        // Nobody is left who could end it.
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
