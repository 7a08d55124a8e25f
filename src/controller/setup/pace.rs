//! Limits how much processor time the loop of one controller takes.
//!
//! **Why.** The runtime keeps a slot for each object that waits or is reconciled, and looks at every slot whenever the loop
//! wakes. Each reconcile has a task of its own; the loop still wakes for each change of an object, for each end of a
//! reconcile and for each timer. So the processor time of an object grows with the number of those that wait.
//!
//! **Contract.** [`paced`] delays the loop and changes nothing else. After a turn that took long the next one waits four times
//! as long, at most [`LONGEST`]; what wakes the loop meanwhile shares that turn. A short turn is followed by no pause, so an
//! object alone waits for nothing. No wake is lost. A loop that nothing woke is not polled, whatever else runs in the same
//! task. Dropping the future drops the loop.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::task::{ArcWake, AtomicWaker, waker};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How many times as long as the last turn the pause lasts: the loop takes at most a fifth of a core.
const PAUSE: u32 = 4;
/// The shortest pause. The timers of the executor count milliseconds.
const SHORTEST: Duration = Duration::from_millis(1);
/// The longest pause: what a reconcile or a user may wait for the loop.
const LONGEST: Duration = Duration::from_millis(50);

/// Runs the loop of a controller, with a pause after each turn that took long.
pub(super) fn paced<F: Future + Send>(inner: F) -> impl Future<Output = F::Output> + Send {
    Paced::new(inner, Instant::now, |pause| sleep(pause).boxed())
}

/// Returns the pause after a turn; `None` if it was short.
fn pause_after(turn: Duration) -> Option<Duration> {
    let pause = turn.saturating_mul(PAUSE);
    (pause >= SHORTEST).then(|| pause.min(LONGEST))
}

/// A loop with its pauses.
struct Paced<F, C, S> {
    inner: Pin<Box<F>>,
    clock: C,
    sleep: S,
    signal: Arc<Signal>,
    /// Wakes the loop.
    waker: Waker,
    pause: Option<BoxFuture<'static, ()>>,
}

/// What wakes the loop, and whether it may run.
struct Signal {
    due: AtomicBool,
    paused: AtomicBool,
    task: AtomicWaker,
}

impl ArcWake for Signal {
    fn wake_by_ref(signal: &Arc<Self>) {
        signal.due.store(true, Ordering::SeqCst);
        // The end of the pause wakes the task.
        if !signal.paused.load(Ordering::SeqCst) {
            signal.task.wake();
        }
    }
}

impl<F, C, S> Paced<F, C, S>
where
    F: Future,
    C: Fn() -> Instant,
    S: Fn(Duration) -> BoxFuture<'static, ()>,
{
    fn new(inner: F, clock: C, sleep: S) -> Self {
        let (due, paused) = (AtomicBool::new(true), AtomicBool::new(false));
        let signal = Arc::new(Signal { due, paused, task: AtomicWaker::new() });
        Self { inner: Box::pin(inner), clock, sleep, waker: waker(Arc::clone(&signal)), signal, pause: None }
    }

    /// Returns whether the loop must wait for the end of its pause.
    fn is_paused(&mut self, cx: &mut Context<'_>) -> bool {
        if self.pause.as_mut().is_some_and(|pause| pause.poll_unpin(cx).is_pending()) {
            return true;
        }
        self.pause = None;
        self.signal.paused.store(false, Ordering::SeqCst);
        false
    }

    /// Begins a pause if the turn was long.
    fn rest(&mut self, turn: Duration) {
        if let Some(pause) = pause_after(turn) {
            self.signal.paused.store(true, Ordering::SeqCst);
            self.pause = Some((self.sleep)(pause));
        }
    }
}

impl<F, C, S> Future for Paced<F, C, S>
where
    F: Future,
    C: Fn() -> Instant + Unpin,
    S: Fn(Duration) -> BoxFuture<'static, ()> + Unpin,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // Registered before the flags are read: a wake after that wakes the task.
        this.signal.task.register(cx.waker());
        if this.is_paused(cx) || !this.signal.due.swap(false, Ordering::SeqCst) {
            return Poll::Pending;
        }
        let begun = (this.clock)();
        if let Poll::Ready(result) = this.inner.as_mut().poll(&mut Context::from_waker(&this.waker)) {
            return Poll::Ready(result);
        }
        this.rest((this.clock)().duration_since(begun));
        // The pause has a waker only once it was polled. It may be over already.
        if this.pause.is_some() && !this.is_paused(cx) && this.signal.due.load(Ordering::SeqCst) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::{pending, poll_fn};
    use futures::poll;
    use std::sync::Mutex;
    use std::sync::atomic::AtomicU32;
    use tokio::sync::Notify;

    const LONG: Duration = Duration::from_millis(2);
    const SHORT: Duration = Duration::from_micros(1);

    /// A loop that never ends, its turns, its last waker, and what ends its pause.
    #[derive(Default)]
    struct Probe {
        turns: AtomicU32,
        waker: Mutex<Option<Waker>>,
        pause: Notify,
    }

    impl Probe {
        fn paced(self: &Arc<Self>, turn: Duration) -> Pin<Box<impl Future<Output = ()> + Send + use<>>> {
            let (inner, pauses) = (Arc::clone(self), Arc::clone(self));
            let inner = poll_fn(move |cx| {
                *inner.waker.lock().unwrap() = Some(cx.waker().clone());
                inner.turns.fetch_add(1, Ordering::SeqCst);
                Poll::Pending
            });
            let sleep = move |_| {
                let pauses = Arc::clone(&pauses);
                async move { pauses.pause.notified().await }.boxed()
            };
            Box::pin(Paced::new(inner, each_turn(turn), sleep))
        }

        fn wake(&self) {
            self.waker.lock().unwrap().as_ref().unwrap().wake_by_ref();
        }

        fn turns(&self) -> u32 {
            self.turns.load(Ordering::SeqCst)
        }

        async fn until_turns(&self, turns: u32) {
            let all = async {
                while self.turns() < turns {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_mins(1), all).await.unwrap();
        }
    }

    /// A clock that makes each turn take this long.
    fn each_turn(turn: Duration) -> impl Fn() -> Instant + Unpin + Send {
        let (start, reads) = (Instant::now(), AtomicU32::new(0));
        move || start + turn * reads.fetch_add(1, Ordering::SeqCst)
    }

    #[test]
    fn pause_is_four_turns_at_most_the_longest() {
        assert_eq!(pause_after(Duration::from_micros(200)), None);
        assert_eq!(pause_after(LONG), Some(Duration::from_millis(8)));
        assert_eq!(pause_after(Duration::from_secs(2)), Some(LONGEST));
    }

    #[tokio::test]
    async fn wakes_in_a_pause_share_one_turn() {
        let probe = Arc::<Probe>::default();
        let mut paced = probe.paced(LONG);
        assert!(poll!(&mut paced).is_pending());
        for _ in 0..5 {
            probe.wake();
            assert!(poll!(&mut paced).is_pending());
        }
        assert_eq!(probe.turns(), 1);
        probe.pause.notify_one();
        assert!(poll!(&mut paced).is_pending());
        assert_eq!(probe.turns(), 2);
    }

    #[tokio::test]
    async fn short_turn_is_followed_by_no_pause() {
        let probe = Arc::<Probe>::default();
        let mut paced = probe.paced(SHORT);
        for turn in 1..=5 {
            assert!(poll!(&mut paced).is_pending());
            assert_eq!(probe.turns(), turn);
            probe.wake();
        }
    }

    #[tokio::test]
    async fn loop_is_not_polled_when_nothing_woke_it() {
        let probe = Arc::<Probe>::default();
        let mut paced = probe.paced(SHORT);
        assert!(poll!(&mut paced).is_pending() && poll!(&mut paced).is_pending());
        assert_eq!(probe.turns(), 1);
    }

    #[tokio::test]
    async fn wake_in_or_after_a_pause_is_not_lost() {
        let probe = Arc::<Probe>::default();
        let task = tokio::spawn(probe.paced(LONG));
        probe.until_turns(1).await;
        probe.wake();
        probe.pause.notify_one();
        probe.until_turns(2).await;
        probe.pause.notify_one();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        probe.wake();
        probe.until_turns(3).await;
        task.abort();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn wake_of_another_thread_is_not_lost() {
        const STEPS: u32 = 5000;
        let (notify, steps) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (notified, stepped) = (Arc::clone(&notify), Arc::clone(&steps));
        let inner = async move {
            for _ in 0..STEPS {
                notified.notified().await;
                stepped.notify_one();
            }
        };
        // A pause that ends at once, so that wakes meet its end.
        let task = tokio::spawn(Paced::new(inner, each_turn(LONG), |_| tokio::task::yield_now().boxed()));
        for _ in 0..STEPS {
            notify.notify_one();
            tokio::time::timeout(Duration::from_mins(1), steps.notified()).await.unwrap();
        }
        task.await.unwrap();
    }

    #[tokio::test]
    async fn dropped_future_drops_the_loop() {
        let alive = Arc::new(());
        let held = Arc::clone(&alive);
        let mut paced = Box::pin(paced(async move {
            pending::<()>().await;
            drop(held);
        }));
        assert!(poll!(&mut paced).is_pending());
        drop(paced);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
