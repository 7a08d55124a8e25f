//! One check of a connection: read the Secret, open an account where something changed, probe it.

use super::Context;
use super::credentials;
use super::credentials::{Keys, Missing};
use crate::api::ConnectionKey;
use crate::api::Reason;
use crate::api::connection::{ConnectionSpec, Usage};
use crate::controller::context::Shared;
use crate::controller::state::accounts::Readiness;
use crate::engine::{ErrorKind, UpstreamError};
use crate::upstream::{Account, Priority};
use std::sync::Arc;
use std::time::Duration;

/// The account that was probed last, kept also when that failed: its limits are those of the
/// upstream, and must not be forgotten with every try.
pub(super) struct Opened {
    account: Arc<Account>,
    /// What it was opened from, to tell when it must be opened anew.
    fingerprint: String,
}

/// How a check ended.
pub(super) struct Check {
    pub(super) health: Readiness,
    pub(super) message: String,
    pub(super) usage: Option<Usage>,
    pub(super) version: Option<String>,
    pub(super) endpoint: Option<String>,
    /// Whether only a human can mend it.
    pub(super) stalled: bool,
    /// How long the upstream asked to wait.
    pub(super) retry_after: Option<Duration>,
    /// Whether it is deleted and still used.
    pub(super) held: bool,
}

impl Context {
    /// The account that was opened from just this.
    fn opened(&self, key: &ConnectionKey, fingerprint: &str) -> Option<Arc<Account>> {
        let known = self.known();
        let opened = known.get(key)?.as_ref()?;
        (opened.fingerprint == fingerprint).then(|| Arc::clone(&opened.account))
    }
}

/// Opens a new account where Secret or spec changed, and probes it either way.
pub(super) async fn check(ctx: &Context, key: &ConnectionKey, spec: &ConnectionSpec) -> Check {
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
    let opened = Opened { account: Arc::clone(&account), fingerprint };
    if let Some(known) = ctx.known().get_mut(key) {
        *known = Some(opened);
    }
    match account.probe().await {
        Ok(usage) => accepted(account, Some(usage), version),
        Err(error) if error.kind == ErrorKind::RateLimited && is_in_use(ctx, key, &account) => {
            // Too many requests say nothing against the credentials.
            Check { retry_after: error.retry_after, ..accepted(account, None, version) }
        }
        Err(error) => failed(&error, version, Some(account.endpoint().to_owned())),
    }
}

fn is_in_use(ctx: &Context, key: &ConnectionKey, account: &Arc<Account>) -> bool {
    !account.is_tripped() && ctx.shared.connections.ready(key).is_some_and(|now| Arc::ptr_eq(&now, account))
}

fn open(shared: &Shared, spec: &ConnectionSpec, keys: Keys) -> crate::engine::Result<Account> {
    let Keys { credentials, ca_bundle, version: _ } = keys;
    let log = Arc::new(RequestCounter(Arc::clone(&shared.metrics)));
    Account::open(spec, credentials, ca_bundle.as_deref(), &shared.settings.endpoints, &shared.settings.http, log)
}

/// Upstream requests, counted.
struct RequestCounter(Arc<crate::metrics::Metrics>);

impl crate::upstream::RequestLog for RequestCounter {
    fn request(&self, system: &'static str, operation: &'static str, code: &str, elapsed: Duration) {
        self.0.upstream_request(system, operation, code, elapsed);
    }

    fn unsent(&self, system: &'static str, why: &'static str) {
        self.0.upstream_request_unsent(system, why);
    }

    fn waited(&self, system: &'static str, priority: Priority, waited: Duration) {
        self.0.upstream_wait(system, priority.label(), waited);
    }
}

fn accepted(account: Arc<Account>, usage: Option<Usage>, version: String) -> Check {
    Check {
        endpoint: Some(account.endpoint().to_owned()),
        health: Readiness::Ready(account),
        message: "The upstream accepts the credentials.".to_owned(),
        usage,
        version: Some(version),
        stalled: false,
        retry_after: None,
        held: false,
    }
}

fn unusable(Missing { reason, message }: Missing) -> Check {
    let stalled = reason != Reason::Unreachable;
    let health = Readiness::NotReady { reason };
    Check { health, message, usage: None, version: None, endpoint: None, stalled, retry_after: None, held: false }
}

fn failed(error: &UpstreamError, version: String, endpoint: Option<String>) -> Check {
    let (reason, advice) = match error.kind {
        ErrorKind::Unauthorized => (Reason::Unauthorized, "Check the keys in the Secret and their permissions."),
        ErrorKind::ClockSkew => (Reason::ClockSkew, "Set the clock of the node that runs the operator."),
        ErrorKind::EndpointNotAllowed => (
            Reason::EndpointNotAllowed,
            "Correct the endpoint in the spec, or have the administrator allow the host with --allowed-hosts (in the chart operator.allowedHosts; and --allow-private-addresses or --allow-http).",
        ),
        ErrorKind::RateLimited => (Reason::RateLimited, "The operator slows down by itself."),
        ErrorKind::InvalidReference | ErrorKind::Rejected | ErrorKind::Unsupported => {
            (Reason::InvalidSpec, "Check the endpoint, spec.spaceone.apiStyle and the ids in the spec.")
        }
        ErrorKind::Unavailable
        | ErrorKind::OutcomeUnknown
        | ErrorKind::AlreadyExists
        | ErrorKind::InUse
        | ErrorKind::QuotaExceeded => {
            (Reason::Unreachable, "Check the endpoint and the network; the operator tries again by itself.")
        }
    };
    let stalled = !matches!(reason, Reason::Unreachable | Reason::RateLimited);
    let message = format!("{} {advice}", error.sentence());
    let (health, retry_after) = (Readiness::NotReady { reason }, error.retry_after);
    Check { health, message, usage: None, version: Some(version), endpoint, stalled, retry_after, held: false }
}
