//! Connects: resolves the connection of an object to its open account, or says why it is unavailable.

use super::reconciliation::Reconciliation;
use super::stop::Stop;
use crate::api::shared::{ConnectionKind, ConnectionRef};
use crate::api::{ConnectionKey, Reason};
use crate::controller::Result;
use crate::controller::k8s::connection_metadata;
use crate::controller::kinds::managed::Managed;
use crate::controller::queue::backoff::jitter;
use crate::controller::state::accounts::Unavailable;
use crate::engine::outcome::{Outcome, Requeue};
use crate::upstream::Account;
use std::sync::Arc;
use std::time::Duration;

/// The delay before the operator reconciles an object again whose connection has not been checked yet.
const UNCHECKED_RETRY: Duration = Duration::from_millis(500);

/// The delay before the operator reconciles an object again whose connection is in doubt.
const IN_DOUBT_RETRY: Duration = Duration::from_secs(2);

/// Returns the account of the object's connection.
pub async fn resolve<K: Managed>(this: &Reconciliation<'_, K>) -> Result<Arc<Account>, Stop> {
    let reference = &this.object.common().connection_ref;
    ensure_known(this, reference).await?;
    let account = this.shared().accounts.resolve(reference, &this.namespace());
    account.map_err(|why| stop_for(why, reference, &this.namespace()))
}

/// Makes sure that something is known of the connection. After a start its objects may come first, and must
/// not call an unchecked connection missing.
pub async fn ensure_known<K: Managed>(this: &Reconciliation<'_, K>, reference: &ConnectionRef) -> Result<()> {
    let namespace = this.namespace();
    let key = ConnectionKey::of(reference, &namespace);
    if this.shared().accounts.is_settled(&key) {
        return Ok(());
    }
    if connection_metadata::get(&this.shared().client, reference, &namespace).await?.is_none() {
        this.shared().accounts.record_absent(key);
    }
    Ok(())
}

/// Returns what an unavailable connection means for an object of this namespace.
pub fn stop_for(why: Unavailable, reference: &ConnectionRef, namespace: &str) -> Stop {
    let (kind, name) = (reference.kind, &reference.name);
    match why {
        Unavailable::Unchecked => Stop::Silently(Requeue::After(UNCHECKED_RETRY)),
        Unavailable::InDoubt => Stop::Silently(Requeue::After(jitter(IN_DOUBT_RETRY))),
        Unavailable::NotWatched => unavailable(
            Reason::ConnectionNotFound,
            format!(
                "ClusterConnection {name} cannot be used: the operator watches single namespaces (--watch-namespaces) and does not see ClusterConnections. Name a Connection of this namespace in spec.connectionRef."
            ),
        ),
        Unavailable::NamespaceNotAllowed => unavailable(
            Reason::NamespaceNotAllowed,
            format!("ClusterConnection {name} does not list namespace {namespace} in spec.allowedNamespaces."),
        ),
        Unavailable::NotFound { cluster_namesake } => unavailable(
            Reason::ConnectionNotFound,
            format!(
                "{kind:?} {name} does not exist{}. Create it, or correct spec.connectionRef.{}",
                if kind == ConnectionKind::Connection { format!(" in namespace {namespace}") } else { String::new() },
                if cluster_namesake {
                    " A ClusterConnection of this name exists: spec.connectionRef.kind names that kind."
                } else {
                    ""
                }
            ),
        ),
        Unavailable::NotReady(reason) => unavailable(
            Reason::ConnectionNotReady,
            format!("Waiting for {kind:?} {name}, which is not ready ({}). See its status.", reason.as_str()),
        ),
    }
}

fn unavailable(reason: Reason, message: String) -> Stop {
    Outcome::blocked(reason, message, Requeue::Slow).into()
}
