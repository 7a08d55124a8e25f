//! Reconciles `Connection` and `ClusterConnection`: reads the Secret, opens an account, probes
//! it, and only then puts it in the place of the one in use.

use super::backoff::jitter;
use super::connections::{ConnectionKey, Health};
use super::context::Shared;
use super::credentials::{self, Keys, Missing};
use super::finalizer;
use super::{Result, status};
use crate::api::connection::{AllowedNamespaces, ConnectionSpec, ConnectionStatus, Usage};
use crate::api::{ClusterConnection, ConditionType, Connection, RECONCILE_REQUESTED_AT, Reason};
use crate::engine::{ErrorKind, UpstreamError};
use crate::upstream::Account;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How soon a connection looks again who uses it, when it is deleted or nobody could tell yet.
const STILL_USED: Duration = Duration::from_secs(2);

/// How the message begins while a deleted connection is still used.
const HELD_BY: &str = "Deletion waits for";

/// A kind of connection.
pub trait Link:
    Resource<DynamicType = ()> + ResourceExt + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The kind's name.
    const KIND: &'static str;
    /// Whether its Secrets lie in the operator's namespace, where they may be watched.
    const SECRETS_ARE_OURS: bool;
    /// Endpoint, credentials and limits.
    fn spec(&self) -> &ConnectionSpec;
    /// Who may use it.
    fn allowed(&self) -> AllowedNamespaces;
    /// What status says now.
    fn status(&self) -> ConnectionStatus;
    /// The API it lives in.
    fn api(&self, client: Client) -> Api<Self>;

    /// How policies find it.
    fn key(&self) -> ConnectionKey {
        ConnectionKey { namespace: self.namespace(), name: self.name_any() }
    }
}

impl Link for Connection {
    const KIND: &'static str = "Connection";
    const SECRETS_ARE_OURS: bool = false;
    fn spec(&self) -> &ConnectionSpec {
        &self.spec
    }
    fn allowed(&self) -> AllowedNamespaces {
        AllowedNamespaces::default()
    }
    fn status(&self) -> ConnectionStatus {
        self.status.clone().unwrap_or_else(unseen)
    }
    fn api(&self, client: Client) -> Api<Self> {
        Api::namespaced(client, &self.namespace().unwrap_or_default())
    }
}

impl Link for ClusterConnection {
    const KIND: &'static str = "ClusterConnection";
    const SECRETS_ARE_OURS: bool = true;
    fn spec(&self) -> &ConnectionSpec {
        &self.spec.connection
    }
    fn allowed(&self) -> AllowedNamespaces {
        self.spec.allowed_namespaces.clone().unwrap_or_default()
    }
    fn status(&self) -> ConnectionStatus {
        self.status.clone().unwrap_or_else(unseen)
    }
    fn api(&self, client: Client) -> Api<Self> {
        Api::all(client)
    }
}

fn unseen() -> ConnectionStatus {
    ConnectionStatus { observed_generation: crate::api::status::unseen(), ..ConnectionStatus::default() }
}

/// Counts the objects that use a connection; `None` until all objects are known.
pub type Dependants = Arc<dyn Fn(&ConnectionKey) -> Option<usize> + Send + Sync>;

/// What the controller of one connection kind needs.
pub struct Context {
    /// What all controllers share.
    pub shared: Arc<Shared>,
    /// Counts the objects that use a connection.
    pub dependants: Dependants,
    /// The connections that were looked at, and what the account of each was opened from, to tell
    /// when it must be opened anew; empty without one.
    pub opened: Mutex<HashMap<ConnectionKey, String>>,
}

impl Context {
    /// Takes note of connections that are gone although their finalizer was there: somebody took
    /// it off. What is there says `exists`.
    pub fn forget_unless(&self, exists: impl Fn(&ConnectionKey) -> bool) {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        for (gone, _) in opened.extract_if(|key, _| !exists(key)) {
            tracing::warn!(?gone, "a connection in use is gone");
            self.shared.connections.missing(&gone);
        }
    }
}

/// How a check ended.
struct Check {
    health: Health,
    message: String,
    usage: Option<Usage>,
    version: Option<String>,
    endpoint: Option<String>,
    /// Whether only a human can mend it.
    stalled: bool,
}

/// Brings one connection and its account together.
pub async fn reconcile<K: Link>(object: Arc<DeserializeGuard<K>>, ctx: Arc<Context>) -> Result<Action> {
    let Ok(object) = &object.0 else { return Ok(Action::await_change()) };
    let shared = &ctx.shared;
    let key = object.key();
    let used = (ctx.dependants)(&key);
    if object.meta().deletion_timestamp.is_some() && used == Some(0) {
        return let_go(object, &ctx, &key).await;
    }
    let object = if finalizer::is_on(object) || object.meta().deletion_timestamp.is_some() {
        object.clone()
    } else {
        finalizer::put_on(&object.api(shared.client.clone()), object, shared.settings.safeguards).await?
    };
    ctx.opened.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default();
    let deleting = object.meta().deletion_timestamp.is_some();
    let counted_before = object.status().dependants.and_then(|count| usize::try_from(count).ok());
    let mut check = check(&ctx, &key, object.spec()).await;
    shared.connections.set(&key, check.health.clone(), object.allowed());
    if deleting && let Some(count) = used {
        check.message = format!("{HELD_BY} {count} objects that use this connection: delete them first.");
    }
    report(shared, &object, &check, used).await?;
    // Also after a change: objects that name a connection often come together with it.
    let soon = deleting || used.is_none() || counted_before != used;
    Ok(Action::requeue(next_check(shared, &object, &check, soon)))
}

/// What may pass by itself is tried again with growing distances: all that depends on the
/// connection waits for it.
fn next_check<K: Link>(shared: &Shared, object: &K, check: &Check, soon: bool) -> Duration {
    let uid = object.meta().uid.as_deref().unwrap_or_default();
    let interval = jitter(shared.settings.connection_interval);
    if matches!(check.health, Health::NotReady { .. }) && !check.stalled {
        return shared.backoffs.failed(uid).min(interval);
    }
    shared.backoffs.clear(uid);
    if soon { STILL_USED } else { interval }
}

async fn let_go<K: Link>(object: &K, ctx: &Context, key: &ConnectionKey) -> Result<Action> {
    ctx.shared.connections.missing(key);
    ctx.opened.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    if finalizer::is_on(object) {
        finalizer::take_off(&object.api(ctx.shared.client.clone()), object, ctx.shared.settings.safeguards).await?;
    }
    Ok(Action::await_change())
}

/// Opens a new account where Secret or spec changed, and probes it either way.
async fn check(ctx: &Context, key: &ConnectionKey, spec: &ConnectionSpec) -> Check {
    let keys = match credentials::read(&ctx.shared, key, spec).await {
        Ok(keys) => keys,
        Err(missing) => return unusable(missing),
    };
    let fingerprint = format!("{} {}", keys.version, serde_json::to_string(spec).unwrap_or_default());
    let unchanged = ctx.opened.lock().unwrap_or_else(PoisonError::into_inner).get(key) == Some(&fingerprint);
    let in_use = ctx.shared.connections.ready(key).filter(|_| unchanged);
    let version = keys.version.clone();
    let account = match in_use {
        Some(account) => account,
        None => match open(&ctx.shared, spec, keys) {
            Ok(account) => Arc::new(account),
            Err(error) => return failed(&error, version),
        },
    };
    match account.probe().await {
        Ok(usage) => {
            ctx.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), fingerprint);
            accepted(account, usage, version)
        }
        Err(error) => failed(&error, version),
    }
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
}

fn accepted(account: Arc<Account>, usage: Usage, version: String) -> Check {
    Check {
        endpoint: Some(account.endpoint().to_owned()),
        health: Health::Ready(account),
        message: "The upstream accepts the credentials.".to_owned(),
        usage: Some(usage),
        version: Some(version),
        stalled: false,
    }
}

fn unusable(Missing { reason, message }: Missing) -> Check {
    let stalled = reason != Reason::Unreachable;
    Check { health: Health::NotReady { reason }, message, usage: None, version: None, endpoint: None, stalled }
}

fn failed(error: &UpstreamError, version: String) -> Check {
    let (reason, advice) = match error.kind {
        ErrorKind::Unauthorized => (Reason::Unauthorized, "Check the keys in the Secret and their permissions."),
        ErrorKind::ClockSkew => (Reason::ClockSkew, "Set the clock of the node that runs the operator."),
        ErrorKind::EndpointNotAllowed => (
            Reason::EndpointNotAllowed,
            "Correct spec, or have the administrator allow the host with --allowed-hosts (and --allow-private-addresses or --allow-http).",
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
    Check { health: Health::NotReady { reason }, message, usage: None, version: Some(version), endpoint: None, stalled }
}

async fn report<K: Link>(shared: &Shared, object: &K, check: &Check, used: Option<usize>) -> Result<()> {
    let before = object.status();
    let after = describe(shared, object, check, used, &before);
    if after == before {
        return Ok(());
    }
    let written = status::write(&object.api(shared.client.clone()), object, &after).await?.status();
    if ready(&before.conditions) != ready(&written.conditions) || is_held(&before) != is_held(&written) {
        announce(shared, object, check).await;
    }
    Ok(())
}

fn describe<K: Link>(
    shared: &Shared,
    object: &K,
    check: &Check,
    used: Option<usize>,
    before: &ConnectionStatus,
) -> ConnectionStatus {
    let generation = object.meta().generation.unwrap_or_default();
    let requested = object.annotations().get(RECONCILE_REQUESTED_AT).cloned();
    ConnectionStatus {
        observed_generation: generation,
        conditions: conditions(check, &before.conditions, generation, shared.clock.now()),
        endpoint: check.endpoint.clone().or_else(|| before.endpoint.clone()),
        secret_resource_version: check.version.clone().or_else(|| before.secret_resource_version.clone()),
        usage: check.usage.or(before.usage),
        dependants: used.and_then(|used| i64::try_from(used).ok()).or(before.dependants),
        last_handled_reconcile_at: requested.or_else(|| before.last_handled_reconcile_at.clone()),
    }
}

fn conditions(check: &Check, before: &[Condition], generation: i64, now: Timestamp) -> Vec<Condition> {
    let (status, reason) = match &check.health {
        Health::Ready(_) => ("True", Reason::Authenticated),
        Health::NotReady { reason } => ("False", *reason),
    };
    let stalled = check.stalled.then_some((ConditionType::Stalled, "True"));
    [(ConditionType::Ready, status)]
        .into_iter()
        .chain(stalled)
        .map(|(kind, status)| {
            let old = before.iter().find(|c| c.type_ == kind.as_str() && c.status == status);
            Condition {
                type_: kind.as_str().to_owned(),
                status: status.to_owned(),
                reason: reason.as_str().to_owned(),
                message: check.message.clone(),
                observed_generation: Some(generation),
                last_transition_time: old.map_or(Time(now), |c| c.last_transition_time.clone()),
            }
        })
        .collect()
}

fn ready(conditions: &[Condition]) -> Option<(&str, &str)> {
    let ready = conditions.iter().find(|c| c.type_ == ConditionType::Ready.as_str())?;
    Some((ready.status.as_str(), ready.reason.as_str()))
}

fn is_held(status: &ConnectionStatus) -> bool {
    status.conditions.iter().any(|condition| condition.message.starts_with(HELD_BY))
}

async fn announce<K: Link>(shared: &Shared, object: &K, check: &Check) {
    let about = object.object_ref(&());
    match &check.health {
        _ if check.message.starts_with(HELD_BY) => {
            shared.events.warning(&about, Reason::InUse.as_str(), &check.message).await;
        }
        Health::Ready(_) => shared.events.normal(&about, Reason::Authenticated.as_str(), &check.message).await,
        Health::NotReady { reason } => shared.events.warning(&about, reason.as_str(), &check.message).await,
    }
}
