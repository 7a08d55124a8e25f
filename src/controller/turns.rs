//! Whose turn it is: so many objects of one connection at once, the most urgent first.
//!
//! The runtime starts every reconcile as soon as it is due; here it waits for its turn. Each
//! connection has its own turns, so that one whose upstream is slow or silent holds up no object of
//! another. Some turns are kept free of work in the background, which may be slow to end: a change
//! or a deletion need not wait for it.

use super::connections::ConnectionKey;
use crate::upstream::Urgency;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The turns of all connections.
pub struct Turns {
    /// At once, of one connection.
    most: usize,
    /// Of these, in the background.
    most_background: usize,
    lanes: Mutex<Lanes>,
}

#[derive(Default)]
struct Lanes {
    by_connection: HashMap<ConnectionKey, Lane>,
    arrivals: u64,
}

/// The turns of one connection.
#[derive(Default)]
struct Lane {
    taken: usize,
    /// The least place is the next.
    waiting: BTreeMap<Place, Waiting>,
}

type Place = (Reverse<Urgency>, u64);

struct Waiting {
    uid: String,
    call: oneshot::Sender<()>,
}

/// One turn; dropped, it is the next one's.
pub struct Turn {
    turns: Arc<Turns>,
    key: ConnectionKey,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.give_back(&self.key);
    }
}

/// Gives up a place in the queue, or a turn that came too late.
struct Leaving<'a> {
    turns: &'a Arc<Turns>,
    key: &'a ConnectionKey,
    uid: &'a str,
    called: oneshot::Receiver<()>,
    done: bool,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        self.turns.lanes().forget(self.key, self.uid);
        // Called and gone at the same moment.
        if self.called.try_recv().is_ok() {
            self.turns.give_back(self.key);
        }
    }
}

impl Turns {
    /// So many turns at once for each connection.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        let most = most.max(1);
        Arc::new(Self { most, most_background: (most - most / 4).max(1), lanes: Mutex::default() })
    }

    /// Waits for the turn of this object. An object waits once at a time.
    pub async fn enter(self: &Arc<Self>, key: ConnectionKey, uid: &str, urgency: Urgency) -> Turn {
        let (call, called) = oneshot::channel();
        let waiting = Waiting { uid: uid.to_owned(), call };
        self.lanes().queue_up(key.clone(), urgency, waiting);
        self.call_up(&key);
        let mut leaving = Leaving { turns: self, key: &key, uid, called, done: false };
        // Never an error: whoever takes the other end out of the queue calls first, or is `leaving`.
        let _ = (&mut leaving.called).await;
        leaving.done = true;
        drop(leaving);
        Turn { turns: Arc::clone(self), key }
    }

    /// An object that waits, if it does, has become more urgent.
    pub fn hurry(&self, key: &ConnectionKey, uid: &str, urgency: Urgency) {
        self.lanes().hurry(key, uid, urgency);
        self.call_up(key);
    }

    fn give_back(&self, key: &ConnectionKey) {
        if let Some(lane) = self.lanes().by_connection.get_mut(key) {
            lane.taken -= 1;
        }
        self.call_up(key);
    }

    /// Calls those whose turn it is.
    fn call_up(&self, key: &ConnectionKey) {
        let mut lanes = self.lanes();
        let Some(lane) = lanes.by_connection.get_mut(key) else { return };
        while let Some(next) = lane.waiting.first_entry() {
            let most = if next.key().0.0 == Urgency::Background { self.most_background } else { self.most };
            if lane.taken >= most {
                return;
            }
            lane.taken += 1;
            // Whoever is gone gives the turn back.
            if next.remove().call.send(()).is_err() {
                lane.taken -= 1;
            }
        }
        if lane.taken == 0 {
            lanes.by_connection.remove(key);
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    fn queue_up(&mut self, key: ConnectionKey, urgency: Urgency, waiting: Waiting) {
        self.arrivals += 1;
        let place = (Reverse(urgency), self.arrivals);
        self.by_connection.entry(key).or_default().waiting.insert(place, waiting);
    }

    fn forget(&mut self, key: &ConnectionKey, uid: &str) {
        if let Some(lane) = self.by_connection.get_mut(key)
            && let Some(place) = lane.place_of(uid)
        {
            lane.waiting.remove(&place);
        }
    }

    fn hurry(&mut self, key: &ConnectionKey, uid: &str, urgency: Urgency) {
        if let Some(lane) = self.by_connection.get_mut(key)
            && let Some(place @ (Reverse(before), arrival)) = lane.place_of(uid)
            && before < urgency
            && let Some(waiting) = lane.waiting.remove(&place)
        {
            lane.waiting.insert((Reverse(urgency), arrival), waiting);
        }
    }
}

impl Lane {
    fn place_of(&self, uid: &str) -> Option<Place> {
        self.waiting.iter().find(|(_, waiting)| waiting.uid == uid).map(|(place, _)| *place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    const MOMENT: Duration = Duration::from_millis(50);

    fn key(name: &str) -> ConnectionKey {
        ConnectionKey { namespace: Some("team".to_owned()), name: name.to_owned() }
    }

    /// Somebody who waits for a turn, and is in the queue when this returns.
    async fn waiter(turns: &Arc<Turns>, uid: &str, urgency: Urgency) -> JoinHandle<Turn> {
        let before = turns.lanes().arrivals;
        let task = tokio::spawn({
            let (turns, uid) = (Arc::clone(turns), uid.to_owned());
            async move { turns.enter(key("a"), &uid, urgency).await }
        });
        while turns.lanes().arrivals == before {
            tokio::task::yield_now().await;
        }
        task
    }

    async fn comes(task: &mut JoinHandle<Turn>) -> Option<Turn> {
        timeout(MOMENT, task).await.ok().map(Result::unwrap)
    }

    #[tokio::test]
    async fn a_freed_turn_goes_to_the_most_urgent_and_then_to_the_first() {
        let turns = Turns::new(1);
        let held = turns.enter(key("a"), "holder", Urgency::Background).await;
        let mut background = waiter(&turns, "background", Urgency::Background).await;
        let mut first = waiter(&turns, "first", Urgency::Change).await;
        let mut second = waiter(&turns, "second", Urgency::Change).await;
        let mut deletion = waiter(&turns, "deletion", Urgency::Deletion).await;
        drop(held);
        let mut turn = None;
        for next in [&mut deletion, &mut first, &mut second, &mut background] {
            drop(turn);
            turn = Some(comes(next).await.expect("its turn"));
        }
        drop(turn);
        assert!(turns.lanes().by_connection.is_empty(), "nothing is kept of a connection that nobody uses");
    }

    #[tokio::test]
    async fn a_connection_that_holds_all_its_turns_holds_up_no_other() {
        let turns = Turns::new(2);
        let _held =
            (turns.enter(key("a"), "1", Urgency::Change).await, turns.enter(key("a"), "2", Urgency::Change).await);
        let mut third = waiter(&turns, "3", Urgency::Change).await;
        assert!(comes(&mut third).await.is_none());
        timeout(MOMENT, turns.enter(key("b"), "4", Urgency::Background)).await.expect("a turn of its own connection");
    }

    #[tokio::test]
    async fn a_quarter_of_the_turns_is_kept_for_what_somebody_waits_for() {
        let turns = Turns::new(8);
        let mut held = Vec::new();
        for uid in 0..6 {
            held.push(turns.enter(key("a"), &uid.to_string(), Urgency::Background).await);
        }
        let mut seventh = waiter(&turns, "7", Urgency::Background).await;
        assert!(comes(&mut seventh).await.is_none());
        for uid in ["8", "9"] {
            held.push(timeout(MOMENT, turns.enter(key("a"), uid, Urgency::Change)).await.expect("a turn"));
        }
        held.truncate(5);
        assert!(comes(&mut seventh).await.is_some());
    }

    #[tokio::test]
    async fn who_becomes_urgent_while_waiting_is_moved_up() {
        let turns = Turns::new(1);
        let held = turns.enter(key("a"), "holder", Urgency::Change).await;
        let mut early = waiter(&turns, "early", Urgency::Background).await;
        let mut edited = waiter(&turns, "edited", Urgency::Background).await;
        turns.hurry(&key("a"), "edited", Urgency::Change);
        turns.hurry(&key("a"), "edited", Urgency::Background);
        drop(held);
        assert!(comes(&mut early).await.is_none());
        drop(comes(&mut edited).await.expect("its turn"));
        assert!(comes(&mut early).await.is_some());
    }

    #[tokio::test]
    async fn who_gives_up_leaves_no_turn_behind() {
        let turns = Turns::new(1);
        let held = turns.enter(key("a"), "holder", Urgency::Change).await;
        let gone = waiter(&turns, "gone", Urgency::Deletion).await;
        let mut next = waiter(&turns, "next", Urgency::Change).await;
        gone.abort();
        assert!(gone.await.is_err());
        drop(held);
        assert!(comes(&mut next).await.is_some());
        // Called, and gone before it noticed.
        let held = turns.enter(key("a"), "holder", Urgency::Change).await;
        let late = waiter(&turns, "late", Urgency::Change).await;
        drop(held);
        late.abort();
        let _ = late.await;
        timeout(MOMENT, turns.enter(key("a"), "last", Urgency::Change)).await.expect("a turn");
    }
}
