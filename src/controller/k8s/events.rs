//! Kubernetes events: one for each change of state or upstream write, silence otherwise.

use crate::api::FIELD_MANAGER;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

/// Longest note that the API server takes, with room for the cut.
const LONGEST_NOTE: usize = 1000;

/// Publishes events.
#[derive(Clone)]
pub struct Events(Recorder);

impl Events {
    /// Events in the name of the operator.
    #[must_use]
    pub fn new(client: Client, instance: Option<String>) -> Self {
        Self(Recorder::new(client, Reporter { controller: FIELD_MANAGER.to_owned(), instance }))
    }

    /// Something went as it should.
    pub async fn normal(&self, about: &ObjectReference, reason: &str, note: &str) {
        self.publish(about, EventType::Normal, reason, note).await;
    }

    /// Something needs attention.
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
        // Refused in a terminating namespace, and never a reason to fail a reconcile.
        if let Err(error) = self.0.publish(&event, about).await {
            tracing::debug!(%error, reason, "event not published");
        }
    }
}

fn shorten(note: &str) -> String {
    note.char_indices().take_while(|(at, _)| *at < LONGEST_NOTE).map(|(_, c)| c).collect()
}
