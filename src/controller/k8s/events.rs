//! Publishes Kubernetes events. Callers publish one for each change of state or upstream write.
//!
//! A reconcile hands an event to a bounded queue and goes on. One task publishes them in order, and those that are
//! left at shutdown. An event that finds no room is dropped and counted: the status says the same. Namespaces share the
//! room ([`EventShares`]). One that only this process can tell is awaited: the next step makes it forget the cause.
//!
//! Equal events of one object become a series with a count. Another note is another event: in a series, kubectl
//! shows only the first note.

use super::event_shares::{EventShares, MAX_QUEUED};
use crate::api::FIELD_MANAGER;
use crate::metrics::Metrics;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Error};
use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// The maximum length of a note in bytes. The API server accepts 1024, and the last character may exceed the limit.
const MAX_NOTE: usize = 1000;
/// The maximum length of the name of an object.
const MAX_NAME: usize = 253;
/// How long after its last occurrence an equal event continues a series, as in Kubernetes' own components.
const SERIES_TTL: SignedDuration = SignedDuration::from_mins(6);
/// How many events are remembered. When there are more, all are forgotten, and equal ones begin a new series.
const MAX_REMEMBERED: usize = 4096;

/// How long the events that wait at shutdown may take.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a reconcile waits at most for an event that it awaits.
const AWAITED: Duration = Duration::from_secs(2);

/// Takes the events of all reconciles, in order.
#[derive(Clone)]
pub struct Events {
    queue: mpsc::Sender<Queued>,
    shares: Arc<EventShares>,
    metrics: Arc<Metrics>,
}

/// An event that waits for its publication.
struct Queued {
    about: ObjectReference,
    type_: &'static str,
    reason: String,
    note: String,
    /// Dropped with the event: then a waiting reconcile goes on.
    _awaited: Option<oneshot::Sender<()>>,
}

impl Events {
    /// Takes an event about something that went as intended.
    pub fn normal(&self, about: &ObjectReference, reason: &str, note: &str) {
        self.take(about, "Normal", reason, note, None);
    }

    /// Takes an event about something that needs attention.
    pub fn warning(&self, about: &ObjectReference, reason: &str, note: &str) {
        self.take(about, "Warning", reason, note, None);
    }

    /// Takes such an event, and waits a while until the publisher has tried to publish it.
    pub async fn awaited_warning(&self, about: &ObjectReference, reason: &str, note: &str) {
        let (sender, published) = oneshot::channel();
        self.take(about, "Warning", reason, note, Some(sender));
        // The drop of the sender tells as much as a message.
        let _ = tokio::time::timeout(AWAITED, published).await;
    }

    fn take(
        &self,
        about: &ObjectReference,
        type_: &'static str,
        reason: &str,
        note: &str,
        awaited: Option<oneshot::Sender<()>>,
    ) {
        let (object, note) = (about.clone(), shorten(note));
        let queued = Queued { about: object, type_, reason: reason.to_owned(), note, _awaited: awaited };
        self.metrics.event_queued();
        let has_room = self.shares.enter(namespace(about));
        if !has_room || self.queue.try_send(queued).is_err() {
            if has_room {
                self.shares.leave(namespace(about));
            }
            self.metrics.event_left_queue();
            self.metrics.event_dropped();
            tracing::debug!(reason, namespace = about.namespace, name = about.name, "event dropped");
        }
    }
}

/// Publishes the events in the name of the operator.
pub struct EventPublisher {
    client: Client,
    instance: String,
    queue: mpsc::Receiver<Queued>,
    shares: Arc<EventShares>,
    metrics: Arc<Metrics>,
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

/// Creates a queue of events and its publisher. `instance` names this process in the events.
#[must_use]
pub fn channel(client: Client, instance: Option<String>, metrics: &Arc<Metrics>) -> (Events, EventPublisher) {
    let (sender, queue) = mpsc::channel(MAX_QUEUED);
    let shares = Arc::<EventShares>::default();
    let publisher = EventPublisher {
        client,
        instance: instance.unwrap_or_else(|| FIELD_MANAGER.to_owned()),
        queue,
        shares: Arc::clone(&shares),
        metrics: Arc::clone(metrics),
        published: HashMap::new(),
        warned: BTreeSet::new(),
    };
    (Events { queue: sender, shares, metrics: Arc::clone(metrics) }, publisher)
}

impl EventPublisher {
    /// Publishes events until `stop`, then those that still wait.
    pub async fn run(mut self, stop: CancellationToken) {
        while let Some(Some(queued)) = stop.run_until_cancelled(self.queue.recv()).await {
            self.publish(queued).await;
        }
        self.queue.close();
        let flush = async {
            while let Some(queued) = self.queue.recv().await {
                self.publish(queued).await;
            }
        };
        if tokio::time::timeout(FLUSH_TIMEOUT, flush).await.is_err() {
            tracing::warn!("the API server took too long to accept the last events; they are dropped");
        }
    }

    async fn publish(&mut self, queued: Queued) {
        let now = Timestamp::now();
        let key = key(&queued);
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace(&queued.about));
        let continued = match self.last_of_series(key, now) {
            Some(before) => continue_series(&api, &before, now).await,
            None => Ok(None),
        };
        let outcome = match continued {
            Ok(Some(published)) => Ok(published),
            Ok(None) => {
                let event = self.event(&queued, now);
                let name = event.metadata.name.clone().unwrap_or_default();
                api.create(&PostParams::default(), &event).await.map(|_| Published { name, count: 1, at: now })
            }
            Err(error) => Err(error),
        };
        // A lost event never fails a reconcile.
        match outcome {
            Ok(published) => self.remember(key, published, now),
            Err(error) => self.report(&error, &queued),
        }
        self.shares.leave(namespace(&queued.about));
        self.metrics.event_left_queue();
    }

    fn event(&self, queued: &Queued, now: Timestamp) -> Event {
        let Queued { about, type_, reason, note, .. } = queued;
        Event {
            metadata: ObjectMeta {
                name: Some(event_name(about.name.as_deref().unwrap_or(FIELD_MANAGER), now)),
                namespace: about.namespace.clone(),
                ..ObjectMeta::default()
            },
            action: Some(reason.clone()),
            event_time: Some(MicroTime(now)),
            note: Some(note.clone()),
            reason: Some(reason.clone()),
            regarding: Some(about.clone()),
            reporting_controller: Some(FIELD_MANAGER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            type_: Some((*type_).to_owned()),
            ..Event::default()
        }
    }

    /// Returns the last event of a series that an equal event continues.
    fn last_of_series(&self, key: u64, now: Timestamp) -> Option<Published> {
        self.published.get(&key).filter(|last| now.duration_since(last.at) < SERIES_TTL).cloned()
    }

    fn remember(&mut self, key: u64, published: Published, now: Timestamp) {
        if self.published.len() >= MAX_REMEMBERED {
            self.published.retain(|_, last| now.duration_since(last.at) < SERIES_TTL);
        }
        if self.published.len() >= MAX_REMEMBERED {
            self.published.clear();
        }
        self.published.insert(key, published);
    }

    /// Logs a failed publication: the first of each cause as a warning. Documented events are missing then.
    fn report(&mut self, error: &Error, Queued { about, reason, .. }: &Queued) {
        let cause = match error {
            // The API server refuses new objects in a terminating namespace, as it should.
            Error::Api(status) if is_terminating(status) => {
                return tracing::debug!(%error, reason, "event not published");
            }
            Error::Api(status) => format!("{} {}", status.code, status.reason),
            _ => "no response".to_owned(),
        };
        let (namespace, name) = (about.namespace.as_deref(), about.name.as_deref());
        if self.warned.insert(cause) {
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

/// Returns the namespace of the event about an object.
fn namespace(about: &ObjectReference) -> &str {
    about.namespace.as_deref().unwrap_or("default")
}

fn is_terminating(status: &kube::core::Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}

/// Identifies a series.
fn key(Queued { about, type_, reason, note, .. }: &Queued) -> u64 {
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
mod tests;
