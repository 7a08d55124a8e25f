//! Leader election on a `coordination.k8s.io/v1` Lease, by the rules of Kubernetes' own clients.
//!
//! Flow: read the Lease every retry period until it is free or stale; write our claim under the
//! resourceVersion that was read; then renew every retry period. A renewal that does not succeed
//! within the renew deadline ends the term, and with it the election: the process should exit.
//!
//! Guarantees: [`Leadership::still_leads`] is true in one process at most.
//!
//! Assumes that the clocks of two nodes *run* alike (what they show does not matter); that a write
//! begun before the fence is over within lease duration minus renew deadline; that `shutdown` is
//! cancelled after the last upstream write; and that nobody deletes the Lease under a leader while
//! a replica starts that never saw it.

mod config;
mod fence;
mod record;

pub use config::{ElectorConfig, InvalidConfig};
pub use fence::{Leadership, Revocation};

use fence::{Fence, Moment, Standing};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, ResourceExt as _};
use record::{Claim, Watched};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// How an election ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Shut down; the Lease was released if it was held.
    Released,
    /// The term ran out or another process holds the Lease: exit.
    Lost,
}

/// Why a request for the Lease failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Kube(#[from] kube::Error),
    #[error("no answer after {0:?}")]
    NoAnswer(Duration),
}

impl Failure {
    fn status(&self) -> Option<u16> {
        match self {
            Self::Kube(kube::Error::Api(status)) => Some(status.code),
            Self::Kube(_) | Self::NoAnswer(_) => None,
        }
    }
}

/// What became of an attempt to rewrite the Lease that we hold.
enum Rewrite {
    /// Done, by a request sent then.
    Done(Moment),
    /// Try again: nothing says that the Lease is gone to somebody else.
    Failed(Failure),
    /// Somebody else holds the Lease.
    Usurped(String),
}

/// One process in the election.
pub struct Elector {
    leases: Api<Lease>,
    config: ElectorConfig,
    standing: watch::Sender<Standing>,
    watched: Watched,
    claim: Claim,
}

impl Elector {
    /// Stands for election once [`Self::run`].
    pub fn new(client: Client, config: ElectorConfig) -> Result<Self, InvalidConfig> {
        config.check()?;
        Ok(Self {
            leases: Api::namespaced(client, &config.namespace),
            claim: Claim::new(&config.identity, Timestamp::now()),
            config,
            standing: watch::channel(Standing::Waiting).0,
            watched: Watched::default(),
        })
    }

    /// A handle on the election.
    #[must_use]
    pub fn leadership(&self) -> Leadership {
        Leadership::of(self.standing.subscribe())
    }

    /// Waits for the Lease, holds it, and releases it on shutdown.
    pub async fn run(mut self, shutdown: CancellationToken) -> End {
        let end = match self.acquire(&shutdown).await {
            Some(held) => self.hold(held, &shutdown).await,
            None => End::Released,
        };
        self.standing.send_replace(Standing::Ended);
        end
    }

    /// Waits until the Lease is ours; `None` on shutdown.
    async fn acquire(&mut self, shutdown: &CancellationToken) -> Option<Lease> {
        let mut complaint = String::new();
        while !shutdown.is_cancelled() {
            match self.attempt().await {
                Ok(Some(held)) => return Some(held),
                Ok(None) => complaint.clear(),
                // Another process was faster.
                Err(failure) if failure.status() == Some(409) => {}
                Err(failure) => self.complain(&mut complaint, "cannot read or claim the lease", &failure),
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = sleep(self.config.retry_period) => {}
            }
        }
        None
    }

    /// Looks once, and claims the Lease when it is free.
    async fn attempt(&mut self) -> Result<Option<Lease>, Failure> {
        let seen = self.ask(self.leases.get_opt(&self.config.name)).await?;
        let record = seen.as_ref().and_then(|lease| lease.spec.as_ref());
        let now = Instant::now();
        self.watched.see(record, now);
        // A claim whose answer was lost is still ours.
        let ours = record.filter(|record| self.claim.stands_in(record));
        let wanted = match ours {
            Some(record) => record::renewed(record, Timestamp::now()),
            None if self.watched.is_free(now, self.config.lease_duration) => {
                self.claim = Claim::new(&self.config.identity, Timestamp::now());
                self.claim.record(record, self.config.lease_duration)
            }
            None => return Ok(None),
        };
        let sent = Moment::now();
        let held = self.write(seen.as_ref(), wanted).await?;
        self.extend(sent);
        tracing::info!(lease = %self.config.name, identity = %self.config.identity, "leading");
        Ok(Some(held))
    }

    /// Renews until the term runs out, somebody else holds the Lease, or shutdown.
    async fn hold(&mut self, mut held: Lease, shutdown: &CancellationToken) -> End {
        let mut complaint = String::new();
        loop {
            let fence = self.fence();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return self.release(held).await,
                () = sleep_until(fence) => break,
                () = sleep(self.config.retry_period) => {}
            }
            let rewrite = timeout_at(fence, self.rewrite(&mut held, record::renewed)).await;
            // A term that has run out is not revived: it may have been told that it is over.
            if Instant::now() >= fence {
                break;
            }
            match rewrite {
                Ok(Rewrite::Done(sent)) => {
                    self.extend(sent);
                    complaint.clear();
                }
                Ok(Rewrite::Failed(failure)) => self.complain(&mut complaint, "cannot renew the lease", &failure),
                Ok(Rewrite::Usurped(holder)) => {
                    tracing::error!(lease = %self.config.name, holder, "another process holds the lease");
                    return End::Lost;
                }
                Err(_) => break,
            }
        }
        tracing::error!(lease = %self.config.name, deadline = ?self.config.renew_deadline, "lease not renewed in time");
        End::Lost
    }

    /// Gives the Lease up, so that another process need not wait for it to grow stale.
    async fn release(&self, mut held: Lease) -> End {
        // First the fence, then the Lease: whoever takes it must find us not writing.
        self.standing.send_replace(Standing::Ended);
        match self.rewrite(&mut held, record::released).await {
            Rewrite::Done(_) => tracing::info!(lease = %self.config.name, "lease released"),
            Rewrite::Usurped(holder) => tracing::info!(lease = %self.config.name, holder, "lease already taken"),
            Rewrite::Failed(error) => tracing::warn!(lease = %self.config.name, %error, "lease not released"),
        }
        End::Released
    }

    /// Rewrites the record; when the Lease changed under us, looks, and rewrites what is there if
    /// it is still ours.
    async fn rewrite(&self, held: &mut Lease, edit: fn(&LeaseSpec, Timestamp) -> LeaseSpec) -> Rewrite {
        let failure = match self.edit(held, edit).await {
            Ok(sent) => return Rewrite::Done(sent),
            Err(failure) => failure,
        };
        if !matches!(failure.status(), Some(404 | 409)) {
            return Rewrite::Failed(failure);
        }
        match self.ask(self.leases.get_opt(&self.config.name)).await {
            Ok(Some(lease)) if lease.spec.as_ref().is_some_and(|record| self.claim.stands_in(record)) => *held = lease,
            Ok(Some(lease)) => return Rewrite::Usurped(holder_of(&lease)),
            // Deleted by hand: put it back, which fails if somebody else is faster.
            Ok(None) => held.metadata = ObjectMeta::default(),
            Err(failure) => return Rewrite::Failed(failure),
        }
        self.edit(held, edit).await.map_or_else(Rewrite::Failed, Rewrite::Done)
    }

    async fn edit(&self, held: &mut Lease, edit: fn(&LeaseSpec, Timestamp) -> LeaseSpec) -> Result<Moment, Failure> {
        let record = edit(&held.spec.clone().unwrap_or_default(), Timestamp::now());
        let sent = Moment::now();
        *held = self.write(Some(held), record).await?;
        Ok(sent)
    }

    /// Writes the record under the resourceVersion of `seen`; creates the Lease if there is none.
    async fn write(&self, seen: Option<&Lease>, record: LeaseSpec) -> Result<Lease, Failure> {
        let params = PostParams { field_manager: Some("cloud-policy-operator".to_owned()), ..PostParams::default() };
        let mut metadata = seen.map(|lease| lease.metadata.clone()).unwrap_or_default();
        metadata.managed_fields = None;
        metadata.name = Some(self.config.name.clone());
        let create = metadata.resource_version.is_none();
        let lease = Lease { metadata, spec: Some(record) };
        if create {
            self.ask(self.leases.create(&params, &lease)).await
        } else {
            self.ask(self.leases.replace(&self.config.name, &params, &lease)).await
        }
    }

    /// Asks the API server, but not for ever: the client's own retries can take minutes.
    async fn ask<T>(&self, request: impl Future<Output = kube::Result<T>>) -> Result<T, Failure> {
        let patience = self.config.request_timeout();
        timeout(patience, request).await.map_err(|_| Failure::NoAnswer(patience))?.map_err(Failure::Kube)
    }

    fn extend(&self, sent: Moment) {
        self.standing.send_replace(Standing::Leading(Fence::from(sent, self.config.renew_deadline)));
    }

    fn fence(&self) -> Instant {
        match *self.standing.borrow() {
            Standing::Leading(fence) => fence.until(),
            Standing::Unopposed | Standing::Waiting | Standing::Ended => Instant::now(),
        }
    }

    /// Says what failed, once as long as it stays the same.
    fn complain(&self, last: &mut String, what: &str, failure: &Failure) {
        let text = failure.to_string();
        if *last != text {
            tracing::warn!(lease = %self.config.name, error = %text, "{what}");
            *last = text;
        }
    }
}

fn holder_of(lease: &Lease) -> String {
    let holder = lease.spec.as_ref().and_then(record::holder);
    holder.map_or_else(|| format!("nobody ({})", lease.name_any()), str::to_owned)
}

#[cfg(test)]
mod tests;
