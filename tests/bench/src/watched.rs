//! Which objects of a namespace are ready or gone. One watch shows it, because repeated lists of thousands of objects
//! would take processor time from what is measured.

use anyhow::Context;
use futures::StreamExt;
use kube::api::{Api, ApiResource};
use kube::core::{NotUsed, Object};
use kube::runtime::watcher::{self, Event};
use kube::{Client, ResourceExt};
use serde::Deserialize;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The part of status that tells whether an object is ready.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    observed_generation: i64,
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

type Light = Object<NotUsed, Status>;

/// The objects by name, with the generation that is ready, and how many are ready: a look at all after each event would
/// cost more than the events.
#[derive(Debug, Default)]
struct Objects {
    by_name: HashMap<String, Option<i64>>,
    ready: usize,
}

impl Objects {
    fn insert(&mut self, object: &Light) {
        let ready = ready_generation(object);
        let former = self.by_name.insert(object.name_any(), ready);
        self.ready += usize::from(ready.is_some());
        self.ready -= usize::from(former.flatten().is_some());
    }

    fn remove(&mut self, object: &Light) {
        let former = self.by_name.remove(&object.name_any());
        self.ready -= usize::from(former.flatten().is_some());
    }
}

/// A watch of the objects of one namespace. It ends when this value is dropped.
pub struct Watched {
    objects: watch::Receiver<Objects>,
    task: JoinHandle<()>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watched {
    pub fn start(client: Client, namespace: &str, resource: &ApiResource) -> Self {
        let api: Api<Light> = Api::namespaced_with(client, namespace, resource);
        let (sender, objects) = watch::channel(Objects::default());
        let task = tokio::spawn(follow(api, sender));
        Self { objects, task }
    }

    /// Waits until this many objects exist.
    pub async fn exist(&mut self, count: usize, limit: Duration) -> anyhow::Result<()> {
        self.until("all objects", limit, |objects| objects.by_name.len() == count).await
    }

    /// Waits until so many objects exist and all are ready.
    pub async fn all_ready(&mut self, count: usize, limit: Duration) -> anyhow::Result<()> {
        self.until("all objects to be ready", limit, |seen| seen.by_name.len() == count && seen.ready == count).await
    }

    /// Waits until this generation of an object is ready.
    pub async fn ready(&mut self, name: &str, generation: i64, limit: Duration) -> anyhow::Result<()> {
        self.until(name, limit, |objects| objects.by_name.get(name) == Some(&Some(generation))).await
    }

    /// Waits until an object is gone.
    pub async fn gone(&mut self, name: &str, limit: Duration) -> anyhow::Result<()> {
        self.until(name, limit, |objects| !objects.by_name.contains_key(name)).await
    }

    async fn until(&mut self, what: &str, limit: Duration, done: impl Fn(&Objects) -> bool) -> anyhow::Result<()> {
        let waited = timeout(limit, self.objects.wait_for(|objects| done(objects))).await;
        let finished = waited.map(|seen| seen.map(|_| ()));
        let objects = self.objects.borrow();
        let state = format!("{} of {} objects are ready", objects.ready, objects.by_name.len());
        finished.with_context(|| format!("waited {} s for {what}: {state}", limit.as_secs()))?.context(state)
    }
}

async fn follow(api: Api<Light>, sender: watch::Sender<Objects>) {
    let mut events = std::pin::pin!(watcher::watcher(api, watcher::Config::default()));
    let mut listed = Objects::default();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => listed = Objects::default(),
            Ok(Event::InitApply(object)) => listed.insert(&object),
            Ok(Event::InitDone) => {
                sender.send_replace(std::mem::take(&mut listed));
            }
            Ok(Event::Apply(object)) => sender.send_modify(|objects| objects.insert(&object)),
            Ok(Event::Delete(object)) => sender.send_modify(|objects| objects.remove(&object)),
            // The watcher begins again by itself.
            Err(error) => eprintln!("bench: {error}"),
        }
    }
}

/// Returns the generation of an object if that generation is ready.
fn ready_generation(object: &Light) -> Option<i64> {
    let (status, generation) = (object.status.as_ref()?, object.metadata.generation?);
    let ready = status.conditions.iter().any(|condition| condition.kind == "Ready" && condition.status == "True");
    (ready && status.observed_generation == generation).then_some(generation)
}
