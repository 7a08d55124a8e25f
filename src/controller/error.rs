//! Why a reconcile ended early. Everything that concerns the upstream ends in a status instead.

use std::time::Duration;

/// The result of talking to Kubernetes.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A reconcile that must be repeated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Kubernetes refused or failed.
    #[error("kubernetes: {0}")]
    Kube(#[source] Box<kube::Error>),
    /// The object changed since it was read; a fresh look is needed.
    #[error("the object changed since it was read")]
    Stale,
    /// This process does not lead any more and must not write.
    #[error("not the leader any more: nothing more is written")]
    NotLeading,
    /// The reconcile took too long.
    #[error("no end after {0:?}")]
    Timeout(Duration),
    /// The reconcile panicked; the object is tried again, the others go on.
    #[error("panicked: {0}")]
    Panic(String),
    /// A type of ours would not become JSON.
    #[error("cannot serialise: {0}")]
    Serialise(#[from] serde_json::Error),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match &error {
            // 409: our precondition failed; 422: a `test` in a JSON patch did; 404: it is gone.
            kube::Error::Api(status) if matches!(status.code, 404 | 409 | 422) => Self::Stale,
            _ => Self::Kube(Box::new(error)),
        }
    }
}

impl Error {
    /// A bounded label for metrics.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Kube(_) => "kubernetes",
            Self::Stale => "stale",
            Self::NotLeading => "not_leading",
            Self::Timeout(_) => "timeout",
            Self::Panic(_) => "panic",
            Self::Serialise(_) => "serialise",
        }
    }
}
