//! Tells whether the controllers make progress, for `/healthz`: a restart helps if one does not.
//!
//! | what stands still | what shows that it moves |
//! | --- | --- |
//! | the loop that runs all controllers | it beats regularly ([`Heartbeats::ran`]) |
//! | a watch | the API server sends something, or the operator sends a request ([`Heartbeats::heard`]) |
//! | an object that is due | its reconcile begins ([`Heartbeats::arrived`]) |
//! | the permits of a connection for which objects wait | one is granted or returned ([`Attempt`]) |
//! | a reconcile | it ends within its timeout |
//!
//! Nothing here depends on an upstream, on a connection or on how many objects wait: a reconcile that an upstream does
//! not answer ends by its timeout, and a long queue moves. An API server that does not answer is asked again and
//! again, which is progress. A process without controllers, such as a standby, has no heartbeats, and nothing in it
//! stands still. The limits are longer than anything that happens in a process that works.

use crate::api::ConnectionKey;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Names a controller: its kind.
pub type Controller = &'static str;

/// The clock of the process; tests have one of their own.
pub type Clock = Box<dyn Fn() -> Instant + Send + Sync>;

/// How long something may take before it counts as standing still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The loop, an object that is due, a reconcile, and the permits of a connection. The longest reconcile takes two
    /// minutes.
    pub work: Duration,
    /// A watch. The API server ends one after five minutes, and the operator asks for another one within a minute.
    pub watch: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { work: Duration::from_mins(10), watch: Duration::from_mins(10) }
    }
}

/// Something that stands still.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stall {
    /// The controller.
    pub controller: Controller,
    /// What it does not do.
    pub what: &'static str,
    /// For how long.
    pub elapsed: Duration,
}

/// The heartbeats of all controllers of the process.
pub struct Heartbeats {
    patience: Patience,
    clock: Clock,
    state: Mutex<State>,
}

impl Default for Heartbeats {
    /// Uses the clock of the system.
    fn default() -> Self {
        Self::new(Patience::default(), Box::new(Instant::now))
    }
}

#[derive(Default)]
struct State {
    /// The last beat of the loop; `None` while no controller runs.
    ran: Option<Instant>,
    /// The last sign of each watch.
    heard: Vec<(Controller, Instant)>,
    /// Each object that is due or in work, by controller and uid.
    objects: HashMap<(Controller, String), Object>,
    /// The queue of each connection for which objects wait.
    queues: HashMap<ConnectionKey, Queue>,
}

#[derive(Clone, Copy)]
enum Object {
    /// Its reconcile is to begin at this time.
    Due(Instant),
    /// It waits for a permit: its queue tells whether it moves.
    Waiting,
    /// Its reconcile runs since.
    Running(Instant),
}

struct Queue {
    /// The controller of the object that arrived first. All controllers share the permits.
    controller: Controller,
    waiting: usize,
    moved: Instant,
}

/// A watch, which reports each sign of life.
#[derive(Debug, Clone, Copy)]
pub struct Watch(usize);

/// An object that arrived at its controller, until the end of its reconcile.
pub struct Attempt {
    heartbeats: Arc<Heartbeats>,
    object: (Controller, String),
    queue: Option<ConnectionKey>,
    waits: bool,
}

impl Heartbeats {
    /// Starts without a controller.
    #[must_use]
    pub fn new(patience: Patience, clock: Clock) -> Self {
        Self { patience, clock, state: Mutex::default() }
    }

    /// Returns how long something may take.
    #[must_use]
    pub const fn patience(&self) -> Patience {
        self.patience
    }

    /// Records that the loop runs.
    pub fn ran(&self) {
        let now = (self.clock)();
        self.lock().ran = Some(now);
    }

    /// Forgets everything: the controllers stop.
    pub fn stop(&self) {
        *self.lock() = State::default();
    }

    /// Adds a watch.
    pub fn watch(&self, controller: Controller) -> Watch {
        let now = (self.clock)();
        let mut state = self.lock();
        state.heard.push((controller, now));
        Watch(state.heard.len() - 1)
    }

    /// Records a sign of life of a watch.
    pub fn heard(&self, Watch(index): Watch) {
        let now = (self.clock)();
        if let Some((_, heard)) = self.lock().heard.get_mut(index) {
            *heard = now;
        }
    }

    /// Records that an object is to be reconciled after this time; `None` when only a change leads to a reconcile.
    pub fn schedule(&self, controller: Controller, uid: &str, wait: Option<Duration>) {
        let Some(due) = wait.and_then(|wait| (self.clock)().checked_add(wait)) else { return };
        self.lock().objects.insert((controller, uid.to_owned()), Object::Due(due));
    }

    /// Returns how long it takes at most until each object of these controllers that is due is reconciled.
    #[must_use]
    pub fn longest_wait(&self, of: &[Controller]) -> Duration {
        let now = (self.clock)();
        let state = self.lock();
        let waits = state.objects.iter().filter(|((controller, _), _)| of.contains(controller));
        let left = |object: &Object| match object {
            Object::Due(due) => due.saturating_duration_since(now),
            Object::Waiting | Object::Running(_) => Duration::ZERO,
        };
        waits.map(|(_, object)| left(object)).max().unwrap_or_default()
    }

    /// Records that an object arrived at its controller. With a connection it waits for a permit of that connection,
    /// without one its reconcile begins.
    pub fn arrived(self: &Arc<Self>, controller: Controller, uid: &str, connection: Option<&ConnectionKey>) -> Attempt {
        let now = (self.clock)();
        let object = (controller, uid.to_owned());
        let queue = connection.cloned();
        let mut state = self.lock();
        if let Some(queue) = &queue {
            // An empty queue did not stand still.
            state.queues.entry(queue.clone()).or_insert(Queue { controller, waiting: 0, moved: now }).waiting += 1;
        }
        let progress = if queue.is_some() { Object::Waiting } else { Object::Running(now) };
        state.objects.insert(object.clone(), progress);
        Attempt { heartbeats: Arc::clone(self), object, waits: queue.is_some(), queue }
    }

    /// Returns whether a controller has objects that are late.
    #[must_use]
    pub fn has_late(&self, controller: Controller) -> bool {
        let now = (self.clock)();
        self.lock().objects.iter().any(|((of, _), object)| *of == controller && self.is_late(*object, now))
    }

    /// Forgets the late objects of a controller that do not exist any more: the runtime dropped them.
    pub fn forget_late(&self, controller: Controller, exists: impl Fn(&str) -> bool) {
        let now = (self.clock)();
        self.lock().objects.retain(|(of, uid), object| *of != controller || !self.is_late(*object, now) || exists(uid));
    }

    fn is_late(&self, object: Object, now: Instant) -> bool {
        matches!(object, Object::Due(due) if now.saturating_duration_since(due) > self.patience.work / 2)
    }

    /// Returns what stands still, the longest of each controller and kind of work.
    #[must_use]
    pub fn stalls(&self) -> Vec<Stall> {
        let now = (self.clock)();
        let state = self.lock();
        let work = |controller, what, since| (controller, what, since, self.patience.work);
        let ran = state.ran.map(|since| work("all controllers", "their loop does not run", since));
        let heard = state.heard.iter().map(|(of, since)| (*of, "its watch is silent", *since, self.patience.watch));
        let objects = state.objects.iter().filter_map(|((of, _), object)| match *object {
            Object::Due(since) => Some(work(*of, "an object that is due is not reconciled", since)),
            Object::Running(since) => Some(work(*of, "a reconcile does not end", since)),
            Object::Waiting => None,
        });
        let waiting = state.queues.values().filter(|queue| queue.waiting > 0);
        let queues = waiting.map(|queue| work(queue.controller, "no object gets a permit", queue.moved));
        let mut longest = BTreeMap::<(Controller, &'static str), Duration>::new();
        for (controller, what, since, limit) in ran.into_iter().chain(heard).chain(objects).chain(queues) {
            let elapsed = now.saturating_duration_since(since);
            if elapsed > limit {
                let known = longest.entry((controller, what)).or_default();
                *known = elapsed.max(*known);
            }
        }
        longest.into_iter().map(|((controller, what), elapsed)| Stall { controller, what, elapsed }).collect()
    }

    /// Returns what stands still in words, each with the time since when; none when all controllers make progress.
    #[must_use]
    pub fn report(&self, now: Timestamp) -> Vec<String> {
        let sentence = |Stall { controller, what, elapsed }: Stall| {
            let since = now - SignedDuration::try_from(elapsed).unwrap_or_default();
            let since = Timestamp::from_second(since.as_second()).unwrap_or(since);
            format!("{controller}: {what} since {since}")
        };
        self.stalls().into_iter().map(sentence).collect()
    }

    /// Locks the state, which is valid at every moment, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    /// Records that the object got its permit, and that its reconcile begins.
    pub fn begin(&mut self) {
        let now = (self.heartbeats.clock)();
        let heartbeats = Arc::clone(&self.heartbeats);
        let mut state = heartbeats.lock();
        state.objects.insert(self.object.clone(), Object::Running(now));
        self.move_queue(&mut state, now);
    }

    /// Records that the queue moved, and that the object waits no longer.
    fn move_queue(&mut self, state: &mut State, now: Instant) {
        let Some(key) = &self.queue else { return };
        if let Some(queue) = state.queues.get_mut(key) {
            queue.moved = now;
            queue.waiting -= usize::from(std::mem::take(&mut self.waits));
            if queue.waiting == 0 {
                state.queues.remove(key);
            }
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let now = (self.heartbeats.clock)();
        let heartbeats = Arc::clone(&self.heartbeats);
        let mut state = heartbeats.lock();
        state.objects.remove(&self.object);
        self.move_queue(&mut state, now);
    }
}

#[cfg(test)]
mod tests;
