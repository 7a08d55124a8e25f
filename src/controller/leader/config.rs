//! Configures an election: which Lease, which identity, which durations.

use std::time::Duration;

/// The Lease, the identity and the durations of one [`Elector`](super::Elector).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElectorConfig {
    /// The namespace of the Lease.
    pub namespace: String,
    /// The name of the Lease.
    pub name: String,
    /// The name of this process in the Lease, for people to read: the pod's name. It need not be unique.
    pub identity: String,
    /// How long the other processes wait after they last saw a renewal.
    pub lease_duration: Duration,
    /// How long this process leads after its last renewal.
    pub renew_deadline: Duration,
    /// How often this process reads or renews the Lease.
    pub retry_period: Duration,
}

impl ElectorConfig {
    /// Returns a configuration with the durations that Kubernetes' own components use.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>, identity: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            identity: identity.into(),
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }

    /// Checks the rule between the durations. Without it two processes could lead at once.
    pub(super) fn validate(&self) -> Result<(), InvalidConfig> {
        let Self { namespace: _, name: _, identity, lease_duration, renew_deadline, retry_period } = self;
        if identity.is_empty() {
            return Err(InvalidConfig::NoIdentity);
        }
        let ascending = !retry_period.is_zero() && retry_period < renew_deadline && renew_deadline < lease_duration;
        if ascending { Ok(()) } else { Err(InvalidConfig::Durations(*lease_duration, *renew_deadline, *retry_period)) }
    }

    /// Returns the timeout of one request: half a term, so that one hanging request does not end the term.
    pub(super) fn request_timeout(&self) -> Duration {
        self.renew_deadline / 2
    }
}

/// Why an election cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// The identity is empty, which in a Lease means that no process holds it.
    #[error("leader election needs an identity")]
    NoIdentity,
    /// Lease duration, renew deadline and retry period do not fit together.
    #[error(
        "the lease duration ({0:?}) must exceed the renew deadline ({1:?}), which must exceed the retry period ({2:?}), which must exceed zero"
    )]
    Durations(Duration, Duration, Duration),
}
