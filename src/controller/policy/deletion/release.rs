//! Lets an object go after the upstream half of its deletion: status, finalizer, metric.

use crate::api::{FINALIZER, Reason, has_finalizer};
use crate::controller::k8s::finalizer;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::controller::queue::next::Next;
use crate::controller::{Error, Result};
use crate::engine::OrphanReason;
use crate::engine::outcome::{Outcome, Requeue};
use std::time::Duration;

/// Removes the finalizer. An orphan is counted only then: everything before may be repeated.
pub async fn run<K: Managed>(this: &mut Reconciliation<'_, K>, orphaned: Option<OrphanReason>) -> Result<Next> {
    report_to_other_holders(this, orphaned).await?;
    let (records, uid) = (&this.shared().records, this.uid());
    // Before the patch: the object may be gone before its response arrives.
    let is_new = records.release(&uid);
    if has_finalizer(&this.object) {
        match finalizer::remove(&this.api(), &this.object, this.shared().settings.safeguards).await {
            // The object is gone or was changed: the watch delivers what is left to do.
            Err(Error::Stale) => {
                if is_new {
                    records.keep(&uid);
                }
                return Ok(Next::after(Duration::from_secs(1)));
            }
            Err(Error::Refused(why)) => {
                records.keep(&uid);
                return this.finish(refused(orphaned, &why)).await;
            }
            other => other?,
        }
    }
    this.shared().places.keep(&uid, None);
    if let Some(why) = orphaned {
        this.shared().metrics.orphaned(K::KIND, why.label());
    }
    this.forget();
    Ok(Next::on_change())
}

/// Says that the object stays although nothing holds it but our finalizer, which the API server refuses to remove.
fn refused(orphaned: Option<OrphanReason>, why: &str) -> Outcome {
    let upstream = upstream_half(orphaned);
    let message = format!("{upstream} The API server refuses to remove the finalizer {FINALIZER}: {why}");
    Outcome { stalled: true, ..Outcome::working(Reason::Deleting, message, Requeue::Backoff) }
}

fn upstream_half(orphaned: Option<OrphanReason>) -> String {
    match orphaned {
        None => "Nothing of this object is left upstream.".to_owned(),
        Some(why) => format!("The operator left the upstream object in place ({}).", why.label()),
    }
}

/// Writes the truth into the status of an object that stays, because the finalizers of others hold it.
async fn report_to_other_holders<K: Managed>(
    this: &mut Reconciliation<'_, K>,
    orphaned: Option<OrphanReason>,
) -> Result<()> {
    let others: Vec<&str> =
        this.object.finalizers().iter().map(String::as_str).filter(|finalizer| *finalizer != FINALIZER).collect();
    if others.is_empty() {
        return Ok(());
    }
    let upstream = upstream_half(orphaned);
    let message = format!("{upstream} The finalizers of others hold this object: {}.", others.join(", "));
    this.status.common.upstream = None;
    this.status.common.operation = None;
    this.status.observed_id = None;
    this.finish(Outcome::working(Reason::Deleting, message, Requeue::Never)).await.map(drop)
}
