//! Watches the approvals, and triggers the policies that they name.

use super::triggers::{Approved, Triggers};
use super::watches::selecting;
use crate::api::PolicyApproval;
use crate::controller::context::Shared;
use crate::controller::k8s::namespaces::{scoped, scopes};
use crate::controller::settings::Settings;
use crate::controller::settings::selector::WatchSelector;
use crate::controller::state::approvals::ApprovalStore;
use futures::StreamExt as _;
use futures::future::{BoxFuture, FutureExt as _};
use kube::ResourceExt as _;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::store::Writer;
use kube::runtime::{WatchStreamExt as _, reflector, watcher};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// Caches that are going to be filled, one for each watched namespace.
pub(super) struct Caches {
    writers: Vec<Writer<DeserializeGuard<PolicyApproval>>>,
}

impl Caches {
    /// Creates empty caches.
    pub fn new(settings: &Settings) -> (Self, Vec<ApprovalStore>) {
        let (stores, writers) = scopes(settings).iter().map(|_| reflector::store()).unzip();
        (Self { writers }, stores)
    }

    /// Returns what fills them until shutdown.
    pub fn fill(
        self,
        shared: &Shared,
        triggers: &Triggers,
        shutdown: &CancellationToken,
    ) -> Vec<BoxFuture<'static, ()>> {
        let watched = scopes(&shared.settings).into_iter().zip(self.writers);
        let each = watched.map(|(namespace, writer)| {
            let api = scoped::<DeserializeGuard<PolicyApproval>>(&shared.client, namespace);
            let (triggers, shutdown) = (triggers.approvals.clone(), shutdown.clone());
            let changes = watcher(api, selecting(&WatchSelector::default())).default_backoff().reflect(writer);
            async move {
                let changes = changes.touched_objects().take_until(shutdown.cancelled_owned());
                changes.for_each(|change| async { pass_on(&triggers, change.ok()) }).await;
            }
            .boxed()
        });
        each.collect()
    }
}

fn pass_on(triggers: &broadcast::Sender<Approved>, changed: Option<DeserializeGuard<PolicyApproval>>) {
    let Some(DeserializeGuard(Ok(approval))) = changed else { return };
    let policy = &approval.spec.policy_ref;
    let (kind, namespace) = (policy.kind.as_str(), approval.namespace().unwrap_or_default());
    // Without a receiver the controllers have stopped.
    let _ = triggers.send(Approved { kind, namespace, name: policy.name.clone() });
}
