//! Publishes Kubernetes events. Callers publish one for each change of state or upstream write.

use crate::api::FIELD_MANAGER;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

/// The maximum length of a note in bytes. The API server accepts 1024, and the last character may exceed the limit.
const MAX_NOTE: usize = 1000;

/// Publishes events in the name of the operator.
#[derive(Clone)]
pub struct Events(Recorder);

impl Events {
    /// Creates a publisher. `instance` names this process in the events.
    #[must_use]
    pub fn new(client: Client, instance: Option<String>) -> Self {
        Self(Recorder::new(client, Reporter { controller: FIELD_MANAGER.to_owned(), instance }))
    }

    /// Publishes an event about something that went as intended.
    pub async fn normal(&self, about: &ObjectReference, reason: &str, note: &str) {
        self.publish(about, EventType::Normal, reason, note).await;
    }

    /// Publishes an event about something that needs attention.
    pub async fn warning(&self, about: &ObjectReference, reason: &str, note: &str) {
        self.publish(about, EventType::Warning, reason, note).await;
    }

    async fn publish(&self, about: &ObjectReference, type_: EventType, reason: &str, note: &str) {
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(shorten(note)),
            action: reason.to_owned(),
            secondary: None,
        };
        // The API server refuses events in a terminating namespace. A lost event never fails a reconcile.
        if let Err(error) = self.0.publish(&event, about).await {
            tracing::debug!(%error, reason, "event not published");
        }
    }
}

fn shorten(note: &str) -> String {
    note.char_indices().take_while(|(at, _)| *at < MAX_NOTE).map(|(_, c)| c).collect()
}
