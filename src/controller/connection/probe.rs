//! Checks a connection once: reads the Secret, opens an account if something changed, probes it.

use super::context::{Context, Opened};
use super::credentials::{Keys, Missing};
use crate::api::connection::{ConnectionSpec, ConnectionStatus, Usage};
use crate::api::{ConnectionKey, Reason, reconcile_requested};
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
    /// Whether the former key is in use because the present one failed for a reason that may pass.
    pub fell_back: bool,
    /// How long the upstream asks to wait.
    pub retry_after: Option<Duration>,
    /// The reason of `Ready` while it is `True`. Any but `Authenticated` is a warning.
    pub ready_reason: Reason,
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
            fell_back: false,
            retry_after: None,
            ready_reason: Reason::Authenticated,
        }
    }

    /// Reports a spec that the operator does not use.
    pub(super) fn refused(message: String) -> Self {
        Self { stalled: true, ..Self::new(Readiness::NotReady { reason: Reason::InvalidSpec }, message) }
    }

    /// Reports that objects block the deletion.
    pub(super) fn block_deletion(&mut self, message: String) {
        self.message = message;
        self.ready_reason = Reason::InUse;
    }

    /// Says that the connection works and that no object may use it. That is no error: it may be prepared.
    pub(super) fn say_unused(&mut self) {
        if matches!(self.readiness, Readiness::Ready(_)) {
            self.message.push_str(" No namespace may use it: list namespaces in spec.allowedNamespaces.");
        }
    }

    /// Says that the API server refuses the finalizer, if it does. The connection works all the same.
    pub(super) fn say_without_finalizer(&mut self, refusal: Option<&str>) {
        let Some(why) = refusal else { return };
        let told = format!(
            " The API server refuses the finalizer, so a deletion of this connection does not wait for the objects that use it: {why}"
        );
        self.message.push_str(&told);
    }

    /// Reports that objects are recorded in another place than the one to which the connection leads.
    pub(super) fn warn_of_moved(&mut self, objects: usize) {
        if objects == 0 {
            return;
        }
        let told = format!(
            "{objects} of the objects that use this connection are recorded in another account or at another endpoint. The operator writes nothing for them: see their messages."
        );
        if self.ready_reason == Reason::Authenticated {
            (self.message, self.ready_reason) = (told, Reason::AccountChanged);
        } else {
            self.message = format!("{} {told}", self.message);
        }
    }

    /// Returns the account to show in status: the one that was probed, or the one that status shows already for
    /// the same credentials.
    pub(super) fn account_id(&self, before: &ConnectionStatus) -> Option<String> {
        let probed = match &self.readiness {
            Readiness::Ready(account) => account.id(),
            Readiness::NotReady { .. } => None,
        };
        let same = |now: &Option<String>, before: &Option<String>| now.is_none() || now == before;
        let unchanged = same(&self.version, &before.secret_resource_version) && same(&self.endpoint, &before.endpoint);
        probed.or_else(|| before.account.clone().filter(|_| unchanged))
    }
}

/// Opens an account if spec or Secret changed, and probes it either way.
pub(super) async fn check_keys<K: ConnectionResource>(
    ctx: &Context<K>,
    key: &ConnectionKey,
    object: &K,
    spec: &str,
    keys: Keys,
) -> Check {
    let fingerprint = format!("{} {spec}", keys.version);
    let version = keys.version.clone();
    let account = match ctx.opened(key, &fingerprint) {
        Some(account) => account,
        None => match open(&ctx.shared, object.spec(), keys) {
            Ok(account) => Arc::new(account),
            Err(error) => return failed(&error, version, None),
        },
    };
    recall(&account, &version, &object.status());
    if is_recount(ctx, key, object, &account, &fingerprint) {
        return accepted(account, None, version);
    }
    ctx.record_opened(key, Opened { account: Arc::clone(&account), fingerprint, probed: None });
    match account.probe().await {
        Ok(usage) => {
            ctx.record_probed(key);
            // The report that follows shows it.
            let _ = account.has_new_id();
            accepted(account, Some(usage), version)
        }
        Err(error) if error.kind == ErrorKind::RateLimited && is_in_use(&ctx.shared, key, &account) => {
            // A throttled probe says nothing against the credentials.
            Check { retry_after: error.retry_after, ..accepted(account, None, version) }
        }
        Err(error) => name_proxy(&ctx.shared, failed(&error, version, Some(account.endpoint().to_owned()))),
    }
}

/// Returns whether only the objects of the connection are to be counted again: the upstream accepted a probe of the same
/// spec and Secrets a moment ago, no call failed since, and no user asks for a check.
fn is_recount<K: ConnectionResource>(
    ctx: &Context<K>,
    key: &ConnectionKey,
    object: &K,
    account: &Arc<Account>,
    fingerprint: &str,
) -> bool {
    let shared = &ctx.shared;
    let wanted = shared.accounts.take_recheck(key);
    let requested = reconcile_requested(object, object.status().last_handled_reconcile_at.as_ref());
    let is_probed = ctx.is_probed(key, fingerprint, shared.settings.connection_interval / 2);
    is_probed && !requested && !wanted && is_in_use(shared, key, account)
}

/// Recalls which account it is from status, if the endpoint and the credentials are still those that status
/// describes. An account without policies cannot show its member number.
fn recall(account: &Account, version: &str, status: &ConnectionStatus) {
    let same = status.secret_resource_version.as_deref() == Some(version)
        && status.endpoint.as_deref() == Some(account.endpoint());
    if let Some(id) = status.account.as_deref().filter(|_| same) {
        account.assume_id(id);
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

pub(super) fn accepted(account: Arc<Account>, usage: Option<Usage>, version: String) -> Check {
    let endpoint = Some(account.endpoint().to_owned());
    let accepted = Check::new(Readiness::Ready(account), "The upstream accepts the credentials.");
    Check { endpoint, usage, version: Some(version), ..accepted }
}

pub(super) fn unusable(Missing { reason, message, malformed: _ }: Missing) -> Check {
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

/// Adds to the message of an unreachable upstream that the environment names a proxy, which the operator ignores.
fn name_proxy(shared: &Shared, mut check: Check) -> Check {
    let unreachable = matches!(check.readiness, Readiness::NotReady { reason: Reason::Unreachable });
    if let Some(variable) = shared.settings.ignored_proxy.filter(|_| unreachable) {
        let hint = format!(
            " {variable} is set, and the operator uses no proxy: set --https-proxy (in the chart operator.httpsProxy), or let it reach the upstream directly."
        );
        check.message.push_str(&hint);
    }
    check
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
