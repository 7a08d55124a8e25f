//! Remembers creates whose object a search may not show yet: repeated ones, and those that the upstream refused.
//!
//! A create that was sent again after an unknown outcome may have made a second object. A refused one may have taken effect
//! all the same. The first search after the grace tells, so each memory lasts until that search. A restart forgets both: a
//! later process tells from status ([`Records::copy_inherited`]) and from the finalizer.

use super::{Records, Refused};
use crate::api::status::UpstreamRef;
use std::time::{Duration, Instant};

impl Records {
    /// Remembers that a create is sent although an earlier one may have taken effect: there may be two objects.
    pub fn create_repeated(&self, uid: &str) {
        self.lock().entry(uid.to_owned()).or_default().repeated = Some(Instant::now());
    }

    /// Remembers that an earlier process repeated a create, this long ago. What this process knows itself stays, and one
    /// search is enough: status goes on telling it.
    pub fn copy_inherited(&self, uid: &str, ago: Duration) {
        let now = Instant::now();
        let at = now.checked_sub(ago).unwrap_or(now);
        let mut all = self.lock();
        let memory = all.entry(uid.to_owned()).or_default();
        if !std::mem::replace(&mut memory.inherited_copy, true) {
            memory.repeated.get_or_insert(at);
        }
    }

    /// Returns how long a search may not show the second object of a repeated create, counted from the repetition;
    /// zero when the next search is the last one, `None` if there is nothing to search for.
    #[must_use]
    pub fn copy_hidden_for(&self, uid: &str, grace: Duration) -> Option<Duration> {
        let repeated = self.lock().get(uid)?.repeated?;
        Some(grace.saturating_sub(repeated.elapsed()))
    }

    /// Returns whether a second object may exist that no search has looked for.
    #[must_use]
    pub fn may_have_copy(&self, uid: &str) -> bool {
        self.lock().get(uid).is_some_and(|memory| memory.repeated.is_some())
    }

    /// Forgets that a create was repeated: a search would have shown the second object.
    pub fn copy_searched(&self, uid: &str) {
        if let Some(memory) = self.lock().get_mut(uid) {
            memory.repeated = None;
        }
    }

    /// Remembers that the upstream refused a create at this place, and that a search did not show its object.
    pub fn create_refused(&self, uid: &str, place: UpstreamRef) {
        let mut all = self.lock();
        let memory = all.entry(uid.to_owned()).or_default();
        let name = (place.system.clone(), place.key.clone());
        if !memory.refused_names.contains(&name) {
            memory.refused_names.push(name);
        }
        memory.refused = Some(Box::new(Refused { at: Instant::now(), place, at_rest: false, adopts: None }));
    }

    /// Remembers that the upstream refused the adoption of an object at this place, and that a read did not show its owner
    /// tag.
    pub fn adoption_refused(&self, uid: &str, id: &str, place: UpstreamRef) {
        let refused = Refused { at: Instant::now(), place, at_rest: false, adopts: Some(id.to_owned()) };
        self.lock().entry(uid.to_owned()).or_default().refused = Some(Box::new(refused));
    }

    /// Returns the id of the object whose adoption the upstream refused, and that may have our owner tag all the same.
    #[must_use]
    pub fn refused_adoption(&self, uid: &str) -> Option<String> {
        self.lock().get(uid)?.refused.as_ref()?.adopts.clone()
    }

    /// Returns whether the upstream ever refused a create of this name. It may have taken effect, and another writer may have
    /// deleted its object before a search.
    #[must_use]
    pub fn was_refused(&self, uid: &str, system: &str, key: &str) -> bool {
        let is_it = |(of, name): &(String, String)| of == system && name == key;
        self.lock().get(uid).is_some_and(|memory| memory.refused_names.iter().any(is_it))
    }

    /// Returns how long a search may not show the object of a refused create; zero when the next search is the last one,
    /// `None` if there is nothing to search for.
    #[must_use]
    pub fn refused_hidden_for(&self, uid: &str, grace: Duration) -> Option<Duration> {
        self.lock().get(uid)?.refused.as_ref().map(|refused| grace.saturating_sub(refused.at.elapsed()))
    }

    /// Remembers that a search of this account for the owner tag under any name showed nothing.
    pub fn tag_searched(&self, uid: &str, account: &str) {
        let mut all = self.lock();
        let memory = all.entry(uid.to_owned()).or_default();
        if !memory.tag_searched.iter().any(|searched| searched == account) {
            memory.tag_searched.push(account.to_owned());
        }
    }

    /// Returns whether this process searched this account for the owner tag under any name.
    #[must_use]
    pub fn was_tag_searched(&self, uid: &str, account: &str) -> bool {
        self.lock().get(uid).is_some_and(|memory| memory.tag_searched.iter().any(|searched| searched == account))
    }

    /// Returns where the object of a refused create may be.
    #[must_use]
    pub fn refused_place(&self, uid: &str) -> Option<UpstreamRef> {
        self.lock().get(uid)?.refused.as_ref().map(|refused| refused.place.clone())
    }

    /// Remembers whether the object rests after a refused create: then its next reconcile only looks.
    pub fn rest(&self, uid: &str, at_rest: bool) {
        if let Some(refused) = self.lock().get_mut(uid).and_then(|memory| memory.refused.as_mut()) {
            refused.at_rest = at_rest;
        }
    }

    /// Returns whether the object rests after a refused create.
    #[must_use]
    pub fn is_at_rest(&self, uid: &str) -> bool {
        self.lock().get(uid).and_then(|memory| memory.refused.as_ref()).is_some_and(|refused| refused.at_rest)
    }

    /// Forgets a refused create: a search would have shown its object.
    pub fn refusal_searched(&self, uid: &str) {
        if let Some(memory) = self.lock().get_mut(uid) {
            memory.refused = None;
        }
    }
}
