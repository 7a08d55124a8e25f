//! Elects a leader through a `coordination.k8s.io/v1` Lease, by the rules of Kubernetes' own clients.
//!
//! Flow: read the Lease every retry period until it is free or stale. Write this process as its holder, under
//! the `resourceVersion` that was read. Then renew it every retry period. If no renewal succeeds within the
//! renew deadline, the term ends, and with it the election: the process should exit.
//!
//! Guarantees: [`Leadership::still_leads`] is true in one process at most.
//!
//! Assumptions:
//!
//! - The clocks of two nodes *run* alike. The times that they show do not matter.
//! - A write that begins before the fence is over within lease duration minus renew deadline.
//! - The caller cancels `shutdown` after the last upstream write.
//! - The Lease is not deleted under a leader while a replica starts that never read it.

mod config;
mod fence;
mod lease;

pub use config::{ElectorConfig, InvalidConfig};
pub use fence::{Leadership, Revocation};

use fence::{Fence, Moment, Standing};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use lease::{Holder, ObservedLease};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// How an election ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The process was told to shut down. It has released the Lease, if it was the holder.
    Released,
    /// The term ran out, or another process holds the Lease. The process should exit.
    Lost,
}

/// Why a request for the Lease failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Kube(#[from] kube::Error),
    #[error("no response after {0:?}")]
    NoResponse(Duration),
}

impl Failure {
    fn status(&self) -> Option<u16> {
        match self {
            Self::Kube(kube::Error::Api(status)) => Some(status.code),
            Self::Kube(_) | Self::NoResponse(_) => None,
        }
    }
}

/// The result of an attempt to rewrite the Lease that this process holds.
enum Rewrite {
    /// The Lease is rewritten, by a request that was sent at this moment.
    Done(Moment),
    /// The attempt failed, and this process may still be the holder: try again.
    Failed(Failure),
    /// This other holder has the Lease.
    OtherHolder(String),
}

/// One process in the election.
pub struct Elector {
    leases: Api<Lease>,
    config: ElectorConfig,
    standing: watch::Sender<Standing>,
    observed: ObservedLease,
    holder: Holder,
}

impl Elector {
    /// Prepares an election, which [`Self::run`] starts.
    pub fn new(client: Client, config: ElectorConfig) -> Result<Self, InvalidConfig> {
        config.validate()?;
        Ok(Self {
            leases: Api::namespaced(client, &config.namespace),
            holder: Holder::new(&config.identity, Timestamp::now()),
            config,
            standing: watch::channel(Standing::Waiting).0,
            observed: ObservedLease::default(),
        })
    }

    /// Returns a handle that tells whether this process leads.
    #[must_use]
    pub fn leadership(&self) -> Leadership {
        Leadership::new(self.standing.subscribe())
    }

    /// Acquires the Lease, renews it, and releases it on shutdown.
    pub async fn run(mut self, shutdown: CancellationToken) -> End {
        let end = match self.acquire(&shutdown).await {
            Some(lease) => self.renew_until_lost(lease, &shutdown).await,
            None => End::Released,
        };
        self.standing.send_replace(Standing::Ended);
        end
    }

    /// Waits until this process has acquired the Lease; `None` on shutdown.
    async fn acquire(&mut self, shutdown: &CancellationToken) -> Option<Lease> {
        let mut last_warning = String::new();
        while !shutdown.is_cancelled() {
            match self.try_acquire().await {
                Ok(Some(lease)) => return Some(lease),
                Ok(None) => last_warning.clear(),
                // Another process was faster.
                Err(failure) if failure.status() == Some(409) => {}
                Err(failure) => self.warn_once(&mut last_warning, "cannot read or acquire the lease", &failure),
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = sleep(self.config.retry_period) => {}
            }
        }
        None
    }

    /// Reads the Lease once, and acquires it if it is free.
    async fn try_acquire(&mut self) -> Result<Option<Lease>, Failure> {
        let current = self.request(self.leases.get_opt(&self.config.name)).await?;
        let spec = current.as_ref().and_then(|lease| lease.spec.as_ref());
        let now = Instant::now();
        self.observed.observe(spec, now);
        // This process may have acquired the Lease already, by a request whose response was lost.
        let ours = spec.filter(|spec| self.holder.is_named_in(spec));
        let new_spec = match ours {
            Some(spec) => lease::renewed(spec, Timestamp::now()),
            None if self.observed.is_free(now, self.config.lease_duration) => {
                self.holder = Holder::new(&self.config.identity, Timestamp::now());
                self.holder.acquire(spec, self.config.lease_duration)
            }
            None => return Ok(None),
        };
        let sent = Moment::now();
        let lease = self.write(current.as_ref(), new_spec).await?;
        self.start_term(sent);
        tracing::info!(lease = %self.config.name, identity = %self.config.identity, "became the leader");
        Ok(Some(lease))
    }

    /// Renews the Lease until the term runs out, another process holds the Lease, or shutdown.
    async fn renew_until_lost(&mut self, mut lease: Lease, shutdown: &CancellationToken) -> End {
        let mut last_warning = String::new();
        loop {
            let term_end = self.term_end();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return self.release(lease).await,
                () = sleep_until(term_end) => break,
                () = sleep(self.config.retry_period) => {}
            }
            let rewrite = timeout_at(term_end, self.rewrite(&mut lease, lease::renewed)).await;
            // An ended term does not start again: `Leadership::lost` may have reported its end.
            if Instant::now() >= term_end {
                break;
            }
            match rewrite {
                Ok(Rewrite::Done(sent)) => {
                    self.start_term(sent);
                    last_warning.clear();
                }
                Ok(Rewrite::Failed(failure)) => self.warn_once(&mut last_warning, "cannot renew the lease", &failure),
                Ok(Rewrite::OtherHolder(holder)) => {
                    tracing::error!(lease = %self.config.name, holder, "another process holds the lease");
                    return End::Lost;
                }
                Err(_) => break,
            }
        }
        tracing::error!(lease = %self.config.name, deadline = ?self.config.renew_deadline, "lease not renewed in time");
        End::Lost
    }

    /// Releases the Lease, so that another process need not wait until it is stale.
    async fn release(&self, mut lease: Lease) -> End {
        // The fence goes first: when another process acquires the Lease, this one has stopped writing.
        self.standing.send_replace(Standing::Ended);
        match self.rewrite(&mut lease, lease::released).await {
            Rewrite::Done(_) => tracing::info!(lease = %self.config.name, "lease released"),
            Rewrite::OtherHolder(holder) => {
                tracing::info!(lease = %self.config.name, holder, "another process already holds the lease");
            }
            Rewrite::Failed(error) => tracing::warn!(lease = %self.config.name, %error, "lease not released"),
        }
        End::Released
    }

    /// Rewrites the spec. If the Lease was changed meanwhile, reads it, and rewrites it if this process is
    /// still its holder.
    async fn rewrite(&self, lease: &mut Lease, edit: fn(&LeaseSpec, Timestamp) -> LeaseSpec) -> Rewrite {
        let failure = match self.edit(lease, edit).await {
            Ok(sent) => return Rewrite::Done(sent),
            Err(failure) => failure,
        };
        if !matches!(failure.status(), Some(404 | 409)) {
            return Rewrite::Failed(failure);
        }
        match self.request(self.leases.get_opt(&self.config.name)).await {
            Ok(Some(current)) if current.spec.as_ref().is_some_and(|spec| self.holder.is_named_in(spec)) => {
                *lease = current;
            }
            Ok(Some(current)) => return Rewrite::OtherHolder(holder_of(&current)),
            // The Lease was deleted: create it again, which fails if another process is faster.
            Ok(None) => lease.metadata = ObjectMeta::default(),
            Err(failure) => return Rewrite::Failed(failure),
        }
        self.edit(lease, edit).await.map_or_else(Rewrite::Failed, Rewrite::Done)
    }

    async fn edit(&self, lease: &mut Lease, edit: fn(&LeaseSpec, Timestamp) -> LeaseSpec) -> Result<Moment, Failure> {
        let spec = edit(&lease.spec.clone().unwrap_or_default(), Timestamp::now());
        let sent = Moment::now();
        *lease = self.write(Some(lease), spec).await?;
        Ok(sent)
    }

    /// Writes the spec under the `resourceVersion` of `current`; creates the Lease if there is none.
    async fn write(&self, current: Option<&Lease>, spec: LeaseSpec) -> Result<Lease, Failure> {
        let params = PostParams { field_manager: Some("cloud-policy-operator".to_owned()), ..PostParams::default() };
        let mut metadata = current.map(|lease| lease.metadata.clone()).unwrap_or_default();
        metadata.managed_fields = None;
        metadata.name = Some(self.config.name.clone());
        let create = metadata.resource_version.is_none();
        let lease = Lease { metadata, spec: Some(spec) };
        if create {
            self.request(self.leases.create(&params, &lease)).await
        } else {
            self.request(self.leases.replace(&self.config.name, &params, &lease)).await
        }
    }

    /// Limits the time of a request to the API server: the client's own retries can take minutes.
    async fn request<T>(&self, request: impl Future<Output = kube::Result<T>>) -> Result<T, Failure> {
        let limit = self.config.request_timeout();
        timeout(limit, request).await.map_err(|_| Failure::NoResponse(limit))?.map_err(Failure::Kube)
    }

    fn start_term(&self, sent: Moment) {
        self.standing.send_replace(Standing::Leading(Fence::new(sent, self.config.renew_deadline)));
    }

    fn term_end(&self) -> Instant {
        match *self.standing.borrow() {
            Standing::Leading(fence) => fence.until(),
            Standing::WithoutElection | Standing::Waiting | Standing::Ended => Instant::now(),
        }
    }

    /// Logs a failure as a warning, unless it is the same as the last one.
    fn warn_once(&self, last_warning: &mut String, message: &str, failure: &Failure) {
        let text = failure.to_string();
        if *last_warning != text {
            tracing::warn!(lease = %self.config.name, error = %text, "{message}");
            *last_warning = text;
        }
    }
}

fn holder_of(lease: &Lease) -> String {
    let identity = lease.spec.as_ref().and_then(lease::holder_identity);
    identity.unwrap_or("none").to_owned()
}

#[cfg(test)]
mod tests;
