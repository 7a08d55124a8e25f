//! Keeps the guardrails of each connection, as its controller read them last.
//!
//! A change triggers the dependents, and gives the guardrails a new version. What was judged by another version is not
//! written any more.

use super::accounts::TriggerSenders;
use crate::api::ConnectionKey;
use crate::api::guardrails::Guardrail;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The guardrails of a connection. The default is that of an unknown connection.
#[derive(Debug, Clone, Default)]
pub struct Bound {
    /// Differs from that of every other guardrails that this process has seen; 0 if nothing is known.
    pub version: u64,
    /// The rules; none if there is no bound.
    pub rules: Arc<[Guardrail]>,
    /// Whether a change that grants more needs an approval.
    pub approval: bool,
}

#[derive(Default)]
struct Known {
    bounds: HashMap<ConnectionKey, Bound>,
    last_version: u64,
    /// The uids of objects that were within the number that a rule permits.
    counted: HashSet<String>,
}

/// The guardrails of all connections.
pub struct Bounds {
    known: Mutex<Known>,
    triggers: TriggerSenders,
}

impl Bounds {
    /// Knows no connection yet.
    #[must_use]
    pub fn new(triggers: TriggerSenders) -> Self {
        Self { known: Mutex::default(), triggers }
    }

    /// Returns the guardrails of a connection.
    pub fn of(&self, key: &ConnectionKey) -> Bound {
        self.known().bounds.get(key).cloned().unwrap_or_default()
    }

    /// Stores the guardrails of a connection, and triggers its dependents if they changed.
    pub fn set(&self, key: &ConnectionKey, rules: &[Guardrail], approval: bool) {
        let mut known = self.known();
        let before = known.bounds.get(key);
        if before.is_some_and(|before| *before.rules == *rules && before.approval == approval) {
            return;
        }
        let is_change = before.is_some();
        known.last_version += 1;
        let bound = Bound { version: known.last_version, rules: rules.into(), approval };
        known.bounds.insert(key.clone(), bound);
        drop(known);
        // The first time, the account of the connection triggers them.
        if is_change && self.triggers.dependents.send(key.clone()).is_err() {
            tracing::debug!(connection = %key, "trigger dropped: controllers have stopped");
        }
    }

    /// Forgets connections that do not exist any more.
    pub fn retain(&self, exists: impl Fn(&ConnectionKey) -> bool) {
        self.known().bounds.retain(|key, _| exists(key));
    }

    /// Records that an object is within the number that a rule permits.
    pub fn count(&self, uid: &str) {
        self.known().counted.insert(uid.to_owned());
    }

    /// Returns whether an object was within the number that a rule permits.
    pub fn is_counted(&self, uid: &str) -> bool {
        self.known().counted.contains(uid)
    }

    /// Forgets an object.
    pub fn forget(&self, uid: &str) {
        self.known().counted.remove(uid);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change is one insertion or removal, so a panic elsewhere leaves valid maps.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    #[test]
    fn changed_guardrails_trigger_dependents_once() {
        let (dependents, mut triggered) = mpsc::unbounded_channel();
        let (connections, _checked) = mpsc::unbounded_channel();
        let bounds = Bounds::new(TriggerSenders { dependents, connections });
        let key = ConnectionKey { namespace: None, name: "company".to_owned() };
        assert_eq!(bounds.of(&key).version, 0);
        bounds.set(&key, &[], false);
        let first = bounds.of(&key).version;
        let rules = [Guardrail { max_policies: Some(1), ..Guardrail::default() }];
        bounds.set(&key, &rules, false);
        bounds.set(&key, &rules, false);
        assert!(bounds.of(&key).version > first && *bounds.of(&key).rules == rules);
        assert_eq!(triggered.try_recv().unwrap(), key);
        assert!(triggered.try_recv().is_err(), "only one change");
        bounds.retain(|_| false);
        bounds.set(&key, &rules, false);
        assert!(bounds.of(&key).version > first + 1, "a connection of the same name is another one");
    }
}
