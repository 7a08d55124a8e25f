//! The errors that end a reconcile early. Failures of the upstream end in a status instead.

use std::time::Duration;

/// The result of requests to Kubernetes.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a reconcile must be repeated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server rejected a request, or did not answer it.
    #[error("kubernetes: {0}")]
    Kube(#[source] Box<kube::Error>),
    /// The API server refuses to add or remove a finalizer, such as by an admission policy.
    #[error("{0}")]
    Refused(String),
    /// The object changed since it was read, so it must be read again.
    #[error("the object changed since it was read")]
    Stale,
    /// This process is no longer the leader and must not write.
    #[error("no longer the leader; nothing more is written")]
    NotLeading,
    /// The reconcile took too long.
    #[error("timed out after {0:?}")]
    Timeout(Duration),
    /// The reconcile panicked. The operator retries the object, and the other objects go on.
    #[error("panicked: {0}")]
    Panic(String),
    /// A value cannot be serialised to JSON.
    #[error("cannot serialise: {0}")]
    Serialise(#[from] serde_json::Error),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match &error {
            // 409: our precondition failed; 422: a `test` in a JSON patch failed; 404: the object is gone.
            kube::Error::Api(status) if matches!(status.code, 404 | 409 | 422) => Self::Stale,
            _ => Self::Kube(Box::new(error)),
        }
    }
}

impl Error {
    /// Returns the value of the metric label, one of a fixed set.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Kube(_) | Self::Refused(_) => "kubernetes",
            Self::Stale => "stale",
            Self::NotLeading => "not_leading",
            Self::Timeout(_) => "timeout",
            Self::Panic(_) => "panic",
            Self::Serialise(_) => "serialise",
        }
    }
}
