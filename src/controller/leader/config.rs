//! Which Lease, and how patiently.

use std::time::Duration;

/// Which Lease, for whom, and how patiently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElectorConfig {
    /// The namespace of the Lease.
    pub namespace: String,
    /// The name of the Lease.
    pub name: String,
    /// Names this process to people: the pod's name. Need not be unique.
    pub identity: String,
    /// How long the others wait after they last saw a renewal.
    pub lease_duration: Duration,
    /// How long this process leads after its last renewal.
    pub renew_deadline: Duration,
    /// How often the Lease is read or renewed.
    pub retry_period: Duration,
}

impl ElectorConfig {
    /// With the durations that Kubernetes' own components use.
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

    /// The rule between the durations without which two processes could lead at once.
    pub(super) fn check(&self) -> Result<(), InvalidConfig> {
        let Self { namespace: _, name: _, identity, lease_duration, renew_deadline, retry_period } = self;
        if identity.is_empty() {
            return Err(InvalidConfig::NoIdentity);
        }
        let rising = !retry_period.is_zero() && retry_period < renew_deadline && renew_deadline < lease_duration;
        if rising { Ok(()) } else { Err(InvalidConfig::Durations(*lease_duration, *renew_deadline, *retry_period)) }
    }

    /// Two requests fit into a term, so that one that hangs does not end it.
    pub(super) fn request_timeout(&self) -> Duration {
        self.renew_deadline / 2
    }
}

/// Why there can be no election.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// Nobody could be told from anybody.
    #[error("leader election needs an identity")]
    NoIdentity,
    /// Lease duration, renew deadline and retry period do not fit together.
    #[error("lease duration ({0:?}) must exceed the renew deadline ({1:?}), and that the retry period ({2:?})")]
    Durations(Duration, Duration, Duration),
}
