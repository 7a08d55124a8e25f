//! Publishes Kubernetes events. Callers publish one for each change of state or upstream write.
//!
//! Equal events of one object become a series with a count. Another note is another event: in a series, kubectl
//! shows only the first note.

use crate::api::FIELD_MANAGER;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Error};
use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// The maximum length of a note in bytes. The API server accepts 1024, and the last character may exceed the limit.
const MAX_NOTE: usize = 1000;
/// The maximum length of the name of an object.
const MAX_NAME: usize = 253;
/// How long after its last occurrence an equal event continues a series, as in Kubernetes' own components.
const SERIES_TTL: SignedDuration = SignedDuration::from_mins(6);
/// How many events are remembered. When there are more, all are forgotten, and equal ones begin a new series.
const MAX_REMEMBERED: usize = 4096;

/// Publishes events in the name of the operator.
#[derive(Clone)]
pub struct Events {
    client: Client,
    instance: String,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    published: HashMap<u64, Published>,
    /// The causes of failed publications that the log already shows as a warning.
    warned: BTreeSet<String>,
}

/// The last event of a series.
#[derive(Clone)]
struct Published {
    name: String,
    count: i32,
    at: Timestamp,
}

impl Events {
    /// Creates a publisher. `instance` names this process in the events.
    #[must_use]
    pub fn new(client: Client, instance: Option<String>) -> Self {
        let instance = instance.unwrap_or_else(|| FIELD_MANAGER.to_owned());
        Self { client, instance, memory: Arc::default() }
    }

    /// Publishes an event about something that went as intended.
    pub async fn normal(&self, about: &ObjectReference, reason: &str, note: &str) {
        self.publish(about, "Normal", reason, note).await;
    }

    /// Publishes an event about something that needs attention.
    pub async fn warning(&self, about: &ObjectReference, reason: &str, note: &str) {
        self.publish(about, "Warning", reason, note).await;
    }

    async fn publish(&self, about: &ObjectReference, type_: &str, reason: &str, note: &str) {
        let (note, now) = (shorten(note), Timestamp::now());
        let key = key(about, type_, reason, &note);
        let api: Api<Event> = Api::namespaced(self.client.clone(), about.namespace.as_deref().unwrap_or("default"));
        let before = self.remembered(key, now);
        let continued = match before {
            Some(before) => continue_series(&api, &before, now).await,
            None => Ok(None),
        };
        let outcome = match continued {
            Ok(Some(published)) => Ok(published),
            Ok(None) => {
                let event = self.event(about, type_, reason, note, now);
                let name = event.metadata.name.clone().unwrap_or_default();
                api.create(&PostParams::default(), &event).await.map(|_| Published { name, count: 1, at: now })
            }
            Err(error) => Err(error),
        };
        // A lost event never fails a reconcile.
        match outcome {
            Ok(published) => self.remember(key, published),
            Err(error) => self.report(&error, about, reason),
        }
    }

    fn event(&self, about: &ObjectReference, type_: &str, reason: &str, note: String, now: Timestamp) -> Event {
        Event {
            metadata: ObjectMeta {
                name: Some(event_name(about.name.as_deref().unwrap_or(FIELD_MANAGER), now)),
                namespace: about.namespace.clone(),
                ..ObjectMeta::default()
            },
            action: Some(reason.to_owned()),
            event_time: Some(MicroTime(now)),
            note: Some(note),
            reason: Some(reason.to_owned()),
            regarding: Some(about.clone()),
            reporting_controller: Some(FIELD_MANAGER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            type_: Some(type_.to_owned()),
            ..Event::default()
        }
    }

    fn remembered(&self, key: u64, now: Timestamp) -> Option<Published> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.published.retain(|_, published| now.duration_since(published.at) < SERIES_TTL);
        memory.published.get(&key).cloned()
    }

    fn remember(&self, key: u64, published: Published) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.published.len() >= MAX_REMEMBERED {
            memory.published.clear();
        }
        memory.published.insert(key, published);
    }

    /// Logs a failed publication: the first of each cause as a warning. Documented events are missing then.
    fn report(&self, error: &Error, about: &ObjectReference, reason: &str) {
        let cause = match error {
            // The API server refuses new objects in a terminating namespace, as it should.
            Error::Api(status) if is_terminating(status) => {
                return tracing::debug!(%error, reason, "event not published");
            }
            Error::Api(status) => format!("{} {}", status.code, status.reason),
            _ => "no response".to_owned(),
        };
        let first = self.memory.lock().unwrap_or_else(PoisonError::into_inner).warned.insert(cause);
        let (namespace, name) = (about.namespace.as_deref(), about.name.as_deref());
        if first {
            tracing::warn!(%error, reason, namespace, name, "event not published; further failures of this kind are logged at debug level");
        } else {
            tracing::debug!(%error, reason, namespace, name, "event not published");
        }
    }
}

/// Counts one more event of a series. Returns `None` if the API server has already removed the event.
async fn continue_series(api: &Api<Event>, before: &Published, now: Timestamp) -> kube::Result<Option<Published>> {
    let count = before.count.saturating_add(1);
    let series = EventSeries { count, last_observed_time: MicroTime(now) };
    let patch = serde_json::json!({ "series": series });
    match api.patch(&before.name, &PatchParams::default(), &Patch::Merge(patch)).await {
        Ok(_) => Ok(Some(Published { count, at: now, ..before.clone() })),
        Err(Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_terminating(status: &kube::core::Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}

/// Identifies a series.
fn key(about: &ObjectReference, type_: &str, reason: &str, note: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&about.kind, &about.namespace, &about.name, &about.uid, type_, reason, note).hash(&mut hasher);
    hasher.finish()
}

/// Returns a name for an event: the name of the object, shortened if necessary, and the time.
fn event_name(object: &str, now: Timestamp) -> String {
    let suffix = format!(".{:x}", now.as_nanosecond());
    let room = MAX_NAME.saturating_sub(suffix.len());
    let short = object.get(..room).unwrap_or(object).trim_end_matches(['-', '.']);
    format!("{short}{suffix}")
}

fn shorten(note: &str) -> String {
    note.char_indices().take_while(|(at, _)| *at < MAX_NOTE).map(|(_, c)| c).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_name_is_valid_for_objects_of_any_name() {
        let now: Timestamp = "2026-11-29T00:00:00Z".parse().unwrap();
        for (object, begins) in [
            ("viewer".to_owned(), "viewer.".to_owned()),
            ("x".repeat(236), format!("{}.", "x".repeat(236))),
            ("x".repeat(253), format!("{}.", "x".repeat(236))),
            (format!("{}-{}", "x".repeat(235), "y".repeat(17)), format!("{}.", "x".repeat(235))),
            (format!("{}.{}", "x".repeat(235), "y".repeat(17)), format!("{}.", "x".repeat(235))),
        ] {
            let name = event_name(&object, now);
            assert!(name.len() <= MAX_NAME && name.starts_with(&begins), "{name}");
            assert!(!name.contains("..") && !name.contains("-."), "{name}");
        }
    }

    #[test]
    fn series_has_one_object_reason_and_note() {
        let about = ObjectReference { uid: Some("u".to_owned()), ..ObjectReference::default() };
        let same = key(&about, "Normal", "Updated", "a");
        assert_eq!(same, key(&about, "Normal", "Updated", "a"));
        assert_ne!(same, key(&about, "Normal", "Updated", "b"));
        assert_ne!(same, key(&about, "Warning", "Updated", "a"));
        assert_ne!(same, key(&ObjectReference::default(), "Normal", "Updated", "a"));
    }
}
