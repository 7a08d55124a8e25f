//! Remembers what each object recorded last: finalizer and upstream object. Other writers can take both away.
//!
//! The owner tag upstream stays the proof. What is remembered here only tells that something was lost, and so what
//! to look for. A restart forgets it.

mod hidden;
mod releases;

use super::footprint::Footprint;
use super::tagged::Tagged;
use crate::api::status::{CommonStatus, Narrowing, Operation, OperationKind, UpstreamRef};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The memory of all objects of the managed kinds and of the connections, by uid. It is boxed, because a map has room for
/// twice as many as it holds.
#[derive(Debug, Default)]
pub struct Records(Mutex<HashMap<String, Box<Memory>>>);

#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent fact")]
struct Memory {
    /// The object as this process read or wrote it last.
    footprint: Option<Footprint>,
    /// The upstream object that this process recorded last.
    upstream: Option<UpstreamRef>,
    /// Whether this process wrote the record, also one without an upstream object.
    recorded: bool,
    /// Whether this process acquired that object, and status may not record it yet.
    acquired: bool,
    /// The create that this process sent and whose outcome is not recorded.
    sent: Option<Box<Sent>>,
    /// Whether this process added the first finalizer, so that no earlier one sent anything.
    is_new: bool,
    /// Whether this process saw the object with our finalizer.
    had_finalizer: bool,
    /// When a create was sent although an earlier one without a known outcome may have taken effect.
    repeated: Option<Instant>,
    /// Whether this process took over from status that an earlier one repeated a create.
    inherited_copy: bool,
    /// The create that the upstream refused, and that may have taken effect all the same.
    refused: Option<Box<Refused>>,
    /// The collection and name of each create that the upstream refused.
    refused_names: Vec<(String, String)>,
    /// The adoption whose outcome is not recorded.
    adopting: Option<Box<Operation>>,
    /// The id of the adoption that this process began itself: others may write one into status.
    began_adoption: Option<String>,
    /// The id of the upstream object that this process created, or saw with our owner tag.
    proven: Option<String>,
    /// The ids of the upstream objects that this process deleted to create them again. Lists may still show them.
    replaced: Vec<String>,
    /// The owner tags that this process removes to let the object go.
    letting_go: Option<Box<LettingGo>>,
    /// Whether this process let the object go.
    released: bool,
    /// The accounts in which this process searched for the owner tag of the object under any name.
    tag_searched: Vec<String>,
    /// The permissions that this process took away, and that may still be in force: others may wipe status.
    narrowing: Option<Box<Narrowing>>,
}

#[derive(Debug)]
struct Sent {
    operation: Operation,
    at: Instant,
}

#[derive(Debug, Default)]
struct LettingGo {
    /// The upstream objects of which this process told before it removed their owner tags.
    announced: Vec<Tagged>,
    /// Those whose owner tags it removed, and when the upstream accepted that first.
    untagged: Vec<(Tagged, Instant)>,
}

/// A create that the upstream refused.
#[derive(Debug)]
struct Refused {
    at: Instant,
    /// Where its object may be.
    place: UpstreamRef,
    /// Whether the object waits for a human, and nothing asked for another create.
    at_rest: bool,
    /// The id of the object whose adoption it was; `None` for a create.
    adopts: Option<String>,
}

impl Memory {
    /// Puts an acquired object into a status that does not show it. A status that shows it, and no write in flight,
    /// records it: the write of status took effect although its response was lost.
    fn settle_acquired(&mut self, status: &mut CommonStatus) {
        if !self.acquired {
            return;
        }
        let id = |upstream: &Option<UpstreamRef>| upstream.as_ref().and_then(|upstream| upstream.id.clone());
        if id(&status.upstream) != id(&self.upstream) {
            status.upstream.clone_from(&self.upstream);
        } else if status.operation.is_none() {
            (self.acquired, self.sent, self.adopting) = (false, None, None);
        }
    }
}

impl Records {
    /// Remembers an upstream object that this process deleted to create it again, and that a read does not show any more.
    pub fn replaced(&self, uid: &str, id: &str) {
        self.lock().entry(uid.to_owned()).or_default().replaced.push(id.to_owned());
    }

    /// Returns whether this process deleted this upstream object to create it again.
    #[must_use]
    pub fn is_replaced(&self, uid: &str, id: &str) -> bool {
        self.lock().get(uid).is_some_and(|memory| memory.replaced.iter().any(|replaced| replaced == id))
    }

    /// Remembers an object as this process read or wrote it.
    pub fn remember(&self, uid: &str, footprint: Footprint) {
        let mut all = self.lock();
        let memory = all.entry(uid.to_owned()).or_default();
        memory.had_finalizer |= footprint.finalizer;
        memory.footprint = Some(footprint);
    }

    /// Remembers what status says of permissions that were taken away.
    pub fn narrowing(&self, uid: &str, narrowing: Option<&Narrowing>) {
        if let Some(memory) = self.lock().get_mut(uid) {
            memory.narrowing = narrowing.cloned().map(Box::new);
        }
    }

    /// Returns what this process wrote into status of permissions that were taken away.
    #[must_use]
    pub fn narrowed(&self, uid: &str) -> Option<Narrowing> {
        self.lock().get(uid)?.narrowing.as_deref().cloned()
    }

    /// Returns whether the object differs from what this process read or wrote last.
    #[must_use]
    pub fn is_disturbed(&self, uid: &str, now: &Footprint) -> bool {
        self.lock().get(uid).and_then(|memory| memory.footprint.as_ref()).is_some_and(|last| last != now)
    }

    /// Remembers the upstream object that status records.
    pub fn record(&self, uid: &str, upstream: Option<UpstreamRef>) {
        let mut all = self.lock();
        let memory = all.entry(uid.to_owned()).or_default();
        (memory.upstream, memory.recorded, memory.acquired) = (upstream, true, false);
    }

    /// Remembers an upstream object that this process created, found by its owner tag or adopted. The write of status
    /// that records its id may fail.
    pub fn acquired(&self, uid: &str, upstream: Option<UpstreamRef>) {
        let mut all = self.lock();
        let memory = all.entry(uid.to_owned()).or_default();
        (memory.upstream, memory.acquired, memory.refused) = (upstream, true, None);
    }

    /// Remembers the upstream object that a cached status records, if this process wrote no record itself: a cache may lag
    /// behind its own writes, also behind the one that took a record back.
    pub fn learn(&self, uid: &str, upstream: Option<&UpstreamRef>) {
        let Some(upstream) = upstream else { return };
        let mut all = self.lock();
        let memory = all.entry(uid.to_owned()).or_default();
        if !memory.recorded {
            memory.upstream.get_or_insert_with(|| upstream.clone());
        }
    }

    /// Remembers the adoption in flight that status records; `None` when none is. `is_new` if this process wrote it into
    /// status.
    pub fn adopting(&self, uid: &str, operation: Option<Operation>, is_new: bool) {
        let mut all = self.lock();
        let memory = all.entry(uid.to_owned()).or_default();
        let id = |operation: Option<&Operation>| operation.map(|operation| operation.id.clone());
        // One that was put back into status may have been forged before.
        if is_new && id(operation.as_ref()) != id(memory.adopting.as_deref()) {
            memory.began_adoption = id(operation.as_ref());
        }
        memory.adopting = operation.map(Box::new);
    }

    /// Returns whether this process began this adoption.
    #[must_use]
    pub fn began_adoption(&self, uid: &str, operation: &str) -> bool {
        self.lock().get(uid).is_some_and(|memory| memory.began_adoption.as_deref() == Some(operation))
    }

    /// Remembers the upstream object that this process created, or saw with our owner tag.
    pub fn prove(&self, uid: &str, id: &str) {
        self.lock().entry(uid.to_owned()).or_default().proven = Some(id.to_owned());
    }

    /// Returns the id of the upstream object that this process knows to be ours, whatever status says.
    #[must_use]
    pub fn proven(&self, uid: &str) -> Option<String> {
        self.lock().get(uid)?.proven.clone()
    }

    /// Puts back into status what another writer took away: the upstream object, and the write in flight. Returns
    /// whether something was lost. What no write of status recorded yet is not lost.
    pub fn restore(&self, uid: &str, status: &mut CommonStatus) -> bool {
        let mut all = self.lock();
        let Some(memory) = all.get_mut(uid) else { return false };
        memory.settle_acquired(status);
        let mut lost = false;
        let in_flight = memory.sent.as_ref().map(|sent| &sent.operation).or(memory.adopting.as_deref());
        if let (None, Some(operation)) = (&status.operation, in_flight) {
            status.operation = Some(operation.clone());
            lost = true;
        }
        let in_flight = status.operation.as_ref().map(|operation| operation.kind);
        let place = |UpstreamRef { system, connection, id, key, .. }: &UpstreamRef| {
            (system.clone(), connection.clone(), id.clone(), key.clone())
        };
        let known = memory.upstream.as_ref().map(place);
        // A create in flight has no id yet, and a cache that lags shows it longer than it lasts.
        if known.is_some() && known != status.upstream.as_ref().map(place) && in_flight != Some(OperationKind::Create) {
            status.upstream.clone_from(&memory.upstream);
            lost = true;
        }
        lost
    }

    /// Remembers a create that this process sends now.
    pub fn create_sent(&self, uid: &str, operation: Operation) {
        self.lock().entry(uid.to_owned()).or_default().sent = Some(Box::new(Sent { operation, at: Instant::now() }));
    }

    /// Forgets the create of this object: its outcome is known.
    pub fn create_ended(&self, uid: &str) {
        if let Some(memory) = self.lock().get_mut(uid) {
            memory.sent = None;
        }
    }

    /// Returns the create of this object that this process sent and whose outcome is unknown.
    #[must_use]
    pub fn sent_create(&self, uid: &str) -> Option<Operation> {
        self.lock().get(uid)?.sent.as_ref().map(|sent| sent.operation.clone())
    }

    /// Returns how long ago this process sent the create with this operation id. A clock that is set forward or back does
    /// not change it.
    #[must_use]
    pub fn since_sent(&self, uid: &str, operation: &str) -> Option<Duration> {
        self.lock().get(uid)?.sent.as_ref().filter(|sent| sent.operation.id == operation).map(|sent| sent.at.elapsed())
    }

    /// Returns whether this process saw the object with our finalizer.
    #[must_use]
    pub fn had_finalizer(&self, uid: &str) -> bool {
        self.lock().get(uid).is_some_and(|memory| memory.had_finalizer)
    }

    /// Remembers that this process added the first finalizer.
    pub fn began_here(&self, uid: &str) {
        self.lock().entry(uid.to_owned()).or_default().is_new = true;
    }

    /// Returns whether no earlier process can have sent a create of this object.
    #[must_use]
    pub fn is_first_process(&self, uid: &str) -> bool {
        self.lock().get(uid).is_some_and(|memory| memory.is_new)
    }

    /// Forgets an object that is gone. Returns the upstream object that it recorded last; `None` if it recorded
    /// none, or if this process let the object go.
    pub fn forget(&self, uid: &str, shown: Option<UpstreamRef>) -> Option<UpstreamRef> {
        let Some(memory) = self.lock().remove(uid) else { return shown };
        let Memory { released, upstream, acquired, refused, .. } = *memory;
        let has_id = |record: &UpstreamRef| record.id.is_some();
        match (shown, upstream) {
            _ if released => None,
            (_, known) if acquired => known,
            // Another writer may have changed the id in status.
            (Some(shown), Some(known)) if has_id(&shown) && has_id(&known) => Some(known),
            // A record without an id is that of a create in flight. It is newer than what this process remembers.
            (shown, known) => shown.or(known).or(refused.map(|refused| refused.place)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Box<Memory>>> {
        // Each entry is valid at every moment, so a panic elsewhere leaves a valid map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
