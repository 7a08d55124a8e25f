//! Reconciles a `Connection` or a `ClusterConnection`: reads the Secret, opens an account, probes it, and only
//! then replaces the account in use.
//!
//! | file | part |
//! | --- | --- |
//! | [`context`] | the accounts that were opened, and the former one that must finish |
//! | [`credentials`] | reads the Secrets |
//! | [`probe`] | opens and probes an account |
//! | `former` | a check of a connection, with the key in its Secret or else with the former one |
//! | [`usage`], `elsewhere` | the objects that use a connection and block its deletion, here and at other operators |
//! | [`report`] | conditions, status and events |

pub mod context;
pub mod credentials;
mod elsewhere;
mod former;
pub mod probe;
pub mod report;
pub mod usage;

use super::context::Shared;
use super::k8s::{finalizer, size_limit};
use super::kinds::connection::ConnectionResource;
use super::queue::backoff::jitter;
use super::state::accounts::Readiness;
use super::state::footprint::Footprint;
use super::{Error, Result};
use crate::api::approval::Approval;
use crate::api::{ConnectionKey, ConnectionSpec, FINALIZER, has_finalizer};
use crate::controller::queue::next::Next;
use crate::upstream::Account;
use context::Context;
use kube::core::DeserializeGuard;
use probe::Check;
use report::Observed;
use std::sync::Arc;
use std::time::Duration;
use usage::Use;

/// How soon a connection is checked again that is being deleted, or whose dependents are not known yet.
const SOON: Duration = Duration::from_secs(2);

/// Reconciles one connection with its account.
pub async fn reconcile<K: ConnectionResource>(object: Arc<DeserializeGuard<K>>, ctx: Arc<Context<K>>) -> Result<Next> {
    let Ok(object) = &object.0 else { return Ok(Next::on_change()) };
    let (shared, key) = (&ctx.shared, object.key());
    let dependents = shared.stores.dependents(&key);
    let deleting = object.meta().deletion_timestamp.is_some();
    let mut used = usage::of(dependents.as_deref(), &key, &object.allowed());
    let maintained = ctx.maintains(object);
    if deleting && maintained && used == Use::Free {
        used = elsewhere::find(shared, &key).await;
        if used == Use::Free {
            return release(object, &ctx, &key).await;
        }
    }
    let Prepared { object, refusal } = prepare(&ctx, object, maintained).await?;
    ctx.observe(&key);
    // Before the account, so that no object is judged without them.
    remember_bound(shared, &key, object.spec());
    let uid = object.uid().unwrap_or_default();
    let mut check = match size_limit::refusal(&object) {
        Some(message) => Check::refused(message),
        None => former::check(&ctx, &key, &object).await,
    };
    if let Some(former) = ctx.replace_account(&key, &uid, check.readiness.clone(), object.allowed()) {
        await_last_user(former, shared.settings.http.request_timeout).await;
    }
    if let (true, Use::Blocked(message)) = (deleting, used) {
        check.block_deletion(message);
    }
    check.warn_of_moved(dependents.as_deref().map_or(0, report::elsewhere));
    if object.allows_no_namespace() {
        check.say_unused();
    }
    check.say_without_finalizer(refusal.as_deref());
    if !maintained {
        return Ok(Next::after(next_check(shared, &object, &check, false)));
    }
    Observed { object: &object, check: &check, dependents: dependents.as_deref() }.report(&ctx).await?;
    let soon = deleting || dependents.is_none_or(|all| dependents_changed(shared, &object, all.len()));
    Ok(Next::after(next_check(shared, &object, &check, soon)))
}

/// Remembers what the connection bounds, and what needs an approval.
fn remember_bound(shared: &Shared, key: &ConnectionKey, spec: &ConnectionSpec) {
    let (rules, approval) = (spec.guardrails.as_deref().unwrap_or_default(), spec.approval.as_ref());
    shared.bounds.set(key, rules, Approval::is_required(approval));
}

/// A connection with the finalizer, or why the API server refuses it.
struct Prepared<K> {
    object: K,
    refusal: Option<String>,
}

/// Adds the finalizer if this operator maintains the connection, and remembers the connection with it. A connection
/// whose finalizer the API server refuses works all the same, and says so.
async fn prepare<K: ConnectionResource>(ctx: &Context<K>, object: &K, maintained: bool) -> Result<Prepared<K>> {
    let shared = &ctx.shared;
    let is_deleted = object.meta().deletion_timestamp.is_some();
    let (object, refusal) = if !maintained || has_finalizer(object) || is_deleted {
        (object.clone(), None)
    } else {
        match finalizer::add(&ctx.api(object), object, None, shared.settings.safeguards).await {
            Ok(object) => (object, None),
            Err(Error::Refused(why)) => (object.clone(), Some(why)),
            Err(error) => return Err(error),
        }
    };
    if let Some(why) = &refusal {
        tell_refused(shared, &object, "add", why);
    }
    if maintained {
        shared.records.remember(&object.uid().unwrap_or_default(), Footprint::of_connection(&object));
    }
    Ok(Prepared { object, refusal })
}

/// Tells that the API server refuses to add or remove the finalizer.
fn tell_refused<K: ConnectionResource>(shared: &Shared, object: &K, what: &str, why: &str) {
    let note = format!("The API server refuses to {what} the finalizer {FINALIZER}: {why}");
    tracing::warn!(connection = %object.key(), why, "the API server refuses to {what} the finalizer");
    shared.events.warning(&object.object_ref(&()), "FinalizerRefused", &note);
}

/// Returns whether status counted another number of dependents before. Objects that name a connection often arrive
/// together with it. With a selector, status counts none.
fn dependents_changed<K: ConnectionResource>(shared: &Shared, before: &K, dependents: usize) -> bool {
    let counted = before.status().dependants.and_then(|count| usize::try_from(count).ok());
    shared.settings.selector.selects_all() && counted != Some(dependents)
}

/// Returns when to check again. A failure that may pass is retried with backoff: every object of the connection waits
/// for it, or a new key does.
fn next_check<K: ConnectionResource>(shared: &Shared, object: &K, check: &Check, soon: bool) -> Duration {
    let uid = object.meta().uid.as_deref().unwrap_or_default();
    let interval = jitter(shared.settings.connection_interval);
    let failed = matches!(check.readiness, Readiness::NotReady { .. }) && !check.stalled;
    if failed || check.fell_back {
        return shared.backoffs.failed(uid).min(interval).max(check.retry_after.unwrap_or_default());
    }
    shared.backoffs.clear(uid);
    if soon { SOON } else { interval.max(check.retry_after.unwrap_or_default()) }
}

/// Waits until no request uses the former account any more. Status names the new Secret only then, so a user
/// who sees it there can revoke the old key, and no write fails for it.
async fn await_last_user(former: Arc<Account>, patience: Duration) {
    let gone = former.gone();
    drop(former);
    if tokio::time::timeout(patience, gone.cancelled()).await.is_err() {
        tracing::warn!("a request with the previous credentials is still running");
    }
}

/// Forgets the connection and removes its finalizer.
async fn release<K: ConnectionResource>(object: &K, ctx: &Context<K>, key: &ConnectionKey) -> Result<Next> {
    ctx.forget(key);
    ctx.shared.backoffs.clear(&object.uid().unwrap_or_default());
    if has_finalizer(object) {
        let removed = finalizer::remove(&ctx.api(object), object, ctx.shared.settings.safeguards).await;
        if let Err(Error::Refused(why)) = &removed {
            tell_refused(&ctx.shared, object, "remove", why);
        }
        removed?;
    }
    Ok(Next::on_change())
}
