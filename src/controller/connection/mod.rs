//! Reconciles `Connection` and `ClusterConnection`: reads the Secret, opens an account, probes
//! it, and only then puts it in the place of the one in use.

pub mod credentials;
mod probe;
mod usage;

use super::Result;
use super::context::Shared;
use super::k8s::finalizer;
use super::k8s::status;
use super::queue::backoff::jitter;
use super::state::accounts::Readiness;
use crate::api::ConnectionKey;
use crate::api::connection::{AllowedNamespaces, ConnectionStatus};
use crate::api::{ConditionType, RECONCILE_REQUESTED_AT, Reason};
use crate::controller::kinds::connection::ConnectionResource;
use crate::controller::state::dependents::User;
use crate::upstream::Account;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use probe::{Check, Opened, check};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How soon a connection looks again who uses it, when it is deleted or nobody could tell yet.
const STILL_USED: Duration = Duration::from_secs(2);

/// Finds the objects that use a connection; `None` until all objects are known.
pub type Dependants = Arc<dyn Fn(&ConnectionKey) -> Option<Vec<User>> + Send + Sync>;

/// What the controller of one connection kind needs.
pub struct Context {
    /// What all controllers share.
    pub shared: Arc<Shared>,
    /// Finds the objects that use a connection.
    pub dependants: Dependants,
    /// The connections that were looked at, and what was opened for each.
    known: Mutex<HashMap<ConnectionKey, Option<Opened>>>,
}

impl Context {
    /// Knows no connection yet.
    #[must_use]
    pub fn new(shared: Arc<Shared>, dependants: Dependants) -> Self {
        Self { shared, dependants, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<ConnectionKey, Option<Opened>>> {
        // Each entry is valid at every moment, so a panic elsewhere does not spoil it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of how a check ended; the account that it replaced. Not of a connection that went
    /// while it was checked: what is gone must not come back.
    fn put_in(&self, key: &ConnectionKey, check: &Check, allowed: AllowedNamespaces) -> Option<Arc<Account>> {
        let known = self.known();
        if !known.contains_key(key) {
            return None;
        }
        self.shared.connections.set(key, check.health.clone(), allowed)
    }

    /// Takes note of connections that are gone although their finalizer was there: somebody took
    /// it off. What is there says `exists`.
    pub fn forget_unless(&self, exists: impl Fn(&ConnectionKey) -> bool) {
        let mut known = self.known();
        for (gone, _) in known.extract_if(|key, _| !exists(key)) {
            tracing::warn!(connection = %gone, "a connection in use is gone");
            self.shared.connections.missing(&gone);
        }
    }
}

/// Brings one connection and its account together.
pub async fn reconcile<K: ConnectionResource>(object: Arc<DeserializeGuard<K>>, ctx: Arc<Context>) -> Result<Action> {
    let Ok(object) = &object.0 else { return Ok(Action::await_change()) };
    let shared = &ctx.shared;
    let key = object.key();
    let users = (ctx.dependants)(&key);
    let deleting = object.meta().deletion_timestamp.is_some();
    let held = users.as_ref().filter(|_| deleting).map(|users| usage::held(users, &key, &object.allowed()));
    if held == Some(None) {
        return let_go(object, &ctx, &key).await;
    }
    let object = if finalizer::has(object) || deleting {
        object.clone()
    } else {
        finalizer::add(&object.api(shared.client.clone()), object, shared.settings.safeguards).await?
    };
    ctx.known().entry(key.clone()).or_default();
    let used = users.map(|users| users.len());
    let counted_before = object.status().dependants.and_then(|count| usize::try_from(count).ok());
    let mut check = check(&ctx, &key, object.spec()).await;
    if let Some(former) = ctx.put_in(&key, &check, object.allowed()) {
        let_finish(former, shared.settings.http.request_timeout).await;
    }
    if let Some(message) = held.flatten() {
        check.message = message;
        check.held = true;
    }
    report(shared, &object, &check, used).await?;
    // Also after a change: objects that name a connection often come together with it.
    let soon = deleting || used.is_none() || counted_before != used;
    Ok(Action::requeue(next_check(shared, &object, &check, soon)))
}

/// What may pass by itself is tried again with growing distances: all that depends on the
/// connection waits for it.
fn next_check<K: ConnectionResource>(shared: &Shared, object: &K, check: &Check, soon: bool) -> Duration {
    let uid = object.meta().uid.as_deref().unwrap_or_default();
    let interval = jitter(shared.settings.connection_interval);
    if matches!(check.health, Readiness::NotReady { .. }) && !check.stalled {
        return shared.backoffs.failed(uid).min(interval).max(check.retry_after.unwrap_or_default());
    }
    shared.backoffs.clear(uid);
    if soon { STILL_USED } else { interval.max(check.retry_after.unwrap_or_default()) }
}

/// Waits until nobody uses the former account any more. Status names the new Secret only then:
/// whoever sees it there may revoke the old key, and no write fails for it.
async fn let_finish(former: Arc<Account>, patience: Duration) {
    let gone = former.gone();
    drop(former);
    if tokio::time::timeout(patience, gone.cancelled()).await.is_err() {
        tracing::warn!("a call with the former credentials is still under way");
    }
}

async fn let_go<K: ConnectionResource>(object: &K, ctx: &Context, key: &ConnectionKey) -> Result<Action> {
    ctx.shared.connections.missing(key);
    ctx.known().remove(key);
    if finalizer::has(object) {
        finalizer::remove(&object.api(ctx.shared.client.clone()), object, ctx.shared.settings.safeguards).await?;
    }
    Ok(Action::await_change())
}

async fn report<K: ConnectionResource>(shared: &Shared, object: &K, check: &Check, used: Option<usize>) -> Result<()> {
    let before = object.status();
    let after = describe(shared, object, check, used, &before);
    if after == before {
        return Ok(());
    }
    let written = status::write(&object.api(shared.client.clone()), object, &after).await?.status();
    if ready(&before.conditions) != ready(&written.conditions) {
        announce(shared, object, check).await;
    }
    Ok(())
}

fn describe<K: ConnectionResource>(
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
        usage: check.usage.clone().or_else(|| before.usage.clone()),
        dependants: used.and_then(|used| i64::try_from(used).ok()).or(before.dependants),
        last_handled_reconcile_at: requested.or_else(|| before.last_handled_reconcile_at.clone()),
    }
}

fn conditions(check: &Check, before: &[Condition], generation: i64, now: Timestamp) -> Vec<Condition> {
    let (status, reason) = match &check.health {
        Readiness::Ready(_) if check.held => ("True", Reason::InUse),
        Readiness::Ready(_) => ("True", Reason::Authenticated),
        Readiness::NotReady { reason } => ("False", *reason),
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

async fn announce<K: ConnectionResource>(shared: &Shared, object: &K, check: &Check) {
    let about = object.object_ref(&());
    match &check.health {
        _ if check.held => {
            shared.events.warning(&about, Reason::InUse.as_str(), &check.message).await;
        }
        Readiness::Ready(_) => shared.events.normal(&about, Reason::Authenticated.as_str(), &check.message).await,
        Readiness::NotReady { reason } => shared.events.warning(&about, reason.as_str(), &check.message).await,
    }
}
