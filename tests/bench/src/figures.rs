//! What is measured of one collection.

use serde::Serialize;
use std::time::Duration;

/// The figures of one collection. Seconds, memory and processor time describe this run only.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    pub collection: &'static str,
    pub objects: usize,
    /// The time that the bare loop took, in the median.
    pub bare_loop_seconds: f64,
    pub creation: Creation,
    /// One new object beside the others, in the median.
    pub alone: Alone,
    /// A start with all objects unchanged.
    pub restart: Work,
    /// A start with one object that another writer has changed.
    pub drift_of_one: Work,
    /// A start with all objects changed.
    pub drift_of_all: Work,
    /// From the first upstream request until the last object is gone.
    pub deletion: Work,
}

/// A new crowd: from the first upstream request until the last object is ready.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Creation {
    #[serde(flatten)]
    pub work: Work,
    pub events: u64,
    pub cpu_millis: u64,
    /// Resident memory at most, and when all had been done for a while.
    pub peak_kilobytes: u64,
    pub rest_kilobytes: u64,
}

/// What some change took.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    pub seconds: f64,
    pub upstream_requests: usize,
    /// Writes of objects to Kubernetes, events apart.
    pub kubernetes_writes: u64,
}

/// What happens to one object, beside all others at rest.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alone {
    /// From the apply until the object is ready.
    pub create: Work,
    /// From the edit until the object is ready.
    pub edit: Work,
    /// From the delete until the object is gone.
    pub delete: Work,
}

impl Figures {
    /// Returns the time to Ready over that of the bare loop.
    pub fn ratio(&self) -> f64 {
        self.creation.work.seconds / self.bare_loop_seconds
    }
}

impl Work {
    /// Returns the median of each figure.
    pub fn median(mut of: Vec<Self>) -> Option<Self> {
        let middle = of.len() / 2;
        of.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        let seconds = of.get(middle)?.seconds;
        of.sort_by_key(|work| work.upstream_requests);
        let upstream_requests = of.get(middle)?.upstream_requests;
        of.sort_by_key(|work| work.kubernetes_writes);
        Some(Self { seconds, upstream_requests, kubernetes_writes: of.get(middle)?.kubernetes_writes })
    }

    pub fn took(mut self, time: Duration) -> Self {
        self.seconds = time.as_secs_f64();
        self
    }
}
