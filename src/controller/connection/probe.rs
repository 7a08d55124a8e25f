//! Checks a connection once: reads the Secret, opens an account if something changed, probes it.

use super::context::{Context, Opened};
use super::credentials::{self, Keys, Missing};
use crate::api::connection::{ConnectionSpec, Usage};
use crate::api::{ConnectionKey, Reason};
use crate::controller::context::Shared;
use crate::controller::kinds::connection::ConnectionResource;
use crate::controller::state::accounts::Readiness;
use crate::engine::{ErrorKind, UpstreamError};
use crate::metrics::Metrics;
use crate::upstream::{Account, Priority, RequestLog};
use std::sync::Arc;
use std::time::Duration;

/// The result of a check.
pub(super) struct Check {
    pub readiness: Readiness,
    pub message: String,
    pub usage: Option<Usage>,
    /// The version of the Secrets.
    pub version: Option<String>,
    pub endpoint: Option<String>,
    /// Whether only a human can correct it.
    pub stalled: bool,
    /// How long the upstream asks to wait.
    pub retry_after: Option<Duration>,
    /// Whether the connection is being deleted and still in use.
    pub deletion_blocked: bool,
}

impl Check {
    fn new(readiness: Readiness, message: impl Into<String>) -> Self {
        Self {
            readiness,
            message: message.into(),
            usage: None,
            version: None,
            endpoint: None,
            stalled: false,
            retry_after: None,
            deletion_blocked: false,
        }
    }

    /// Reports a spec that the operator does not use.
    pub(super) fn refused(message: String) -> Self {
        Self { stalled: true, ..Self::new(Readiness::NotReady { reason: Reason::InvalidSpec }, message) }
    }

    /// Reports that objects block the deletion.
    pub(super) fn block_deletion(&mut self, message: String) {
        self.message = message;
        self.deletion_blocked = true;
    }
}

/// Opens an account if spec or Secret changed, and probes it either way.
pub(super) async fn check<K: ConnectionResource>(
    ctx: &Context<K>,
    key: &ConnectionKey,
    spec: &ConnectionSpec,
) -> Check {
    let keys = match credentials::read(&ctx.shared, key, spec).await {
        Ok(keys) => keys,
        Err(missing) => return unusable(missing),
    };
    let fingerprint = format!("{} {}", keys.version, serde_json::to_string(spec).unwrap_or_default());
    let version = keys.version.clone();
    let account = match ctx.opened(key, &fingerprint) {
        Some(account) => account,
        None => match open(&ctx.shared, spec, keys) {
            Ok(account) => Arc::new(account),
            Err(error) => return failed(&error, version, None),
        },
    };
    ctx.record_opened(key, Opened { account: Arc::clone(&account), fingerprint });
    match account.probe().await {
        Ok(usage) => accepted(account, Some(usage), version),
        Err(error) if error.kind == ErrorKind::RateLimited && is_in_use(&ctx.shared, key, &account) => {
            // A throttled probe says nothing against the credentials.
            Check { retry_after: error.retry_after, ..accepted(account, None, version) }
        }
        Err(error) => failed(&error, version, Some(account.endpoint().to_owned())),
    }
}

fn is_in_use(shared: &Shared, key: &ConnectionKey, account: &Arc<Account>) -> bool {
    !account.is_tripped() && shared.accounts.ready(key).is_some_and(|now| Arc::ptr_eq(&now, account))
}

fn open(shared: &Shared, spec: &ConnectionSpec, keys: Keys) -> crate::engine::Result<Account> {
    let Keys { credentials, ca_bundle, version: _ } = keys;
    let log = Arc::new(RequestCounter(Arc::clone(&shared.metrics)));
    Account::open(spec, credentials, ca_bundle.as_deref(), &shared.settings.endpoints, &shared.settings.http, log)
}

/// Counts upstream requests in the operator's metrics.
struct RequestCounter(Arc<Metrics>);

impl RequestLog for RequestCounter {
    fn request(&self, system: &'static str, operation: &'static str, code: &str, elapsed: Duration) {
        self.0.upstream_request(system, operation, code, elapsed);
    }

    fn unsent(&self, system: &'static str, reason: &'static str) {
        self.0.upstream_request_unsent(system, reason);
    }

    fn waited(&self, system: &'static str, priority: Priority, waited: Duration) {
        self.0.upstream_wait(system, priority.label(), waited);
    }
}

fn accepted(account: Arc<Account>, usage: Option<Usage>, version: String) -> Check {
    let endpoint = Some(account.endpoint().to_owned());
    let accepted = Check::new(Readiness::Ready(account), "The upstream accepts the credentials.");
    Check { endpoint, usage, version: Some(version), ..accepted }
}

fn unusable(Missing { reason, message }: Missing) -> Check {
    let stalled = reason != Reason::Unreachable;
    Check { stalled, ..Check::new(Readiness::NotReady { reason }, message) }
}

fn failed(error: &UpstreamError, version: String, endpoint: Option<String>) -> Check {
    let (reason, advice) = advice(error.kind);
    let stalled = !matches!(reason, Reason::Unreachable | Reason::RateLimited);
    let message = format!("{} {advice}", error.sentence());
    let not_ready = Check::new(Readiness::NotReady { reason }, message);
    Check { version: Some(version), endpoint, stalled, retry_after: error.retry_after, ..not_ready }
}

/// Returns the reason of `Ready` for a failed probe, and what the user can do.
fn advice(kind: ErrorKind) -> (Reason, &'static str) {
    match kind {
        ErrorKind::Unauthorized => (Reason::Unauthorized, "Check the keys in the Secret and their permissions."),
        ErrorKind::ClockSkew => (Reason::ClockSkew, "Set the clock of the node that runs the operator."),
        ErrorKind::EndpointNotAllowed => (
            Reason::EndpointNotAllowed,
            "Correct the endpoint in the spec, or have the administrator allow the host with --allowed-hosts (in the chart operator.allowedHosts; and --allow-private-addresses or --allow-http).",
        ),
        ErrorKind::RateLimited => (Reason::RateLimited, "The operator slows down and retries."),
        ErrorKind::InvalidReference | ErrorKind::Rejected | ErrorKind::Unsupported => {
            (Reason::InvalidSpec, "Check the endpoint, spec.spaceone.apiStyle and the ids in the spec.")
        }
        ErrorKind::Unavailable
        | ErrorKind::OutcomeUnknown
        | ErrorKind::AlreadyExists
        | ErrorKind::NameReserved
        | ErrorKind::InUse
        | ErrorKind::NotUpdatable
        | ErrorKind::UsersUnknown
        | ErrorKind::QuotaExceeded => {
            (Reason::Unreachable, "Check the endpoint and the network. The operator retries.")
        }
    }
}
