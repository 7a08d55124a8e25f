//! Finds what lost Kubernetes objects left upstream, before another object is created.

use super::ownership;
use super::reconciliation::Reconciliation;
use crate::api::recorded_place;
use crate::controller::kinds::managed::Managed;
use crate::engine::{BoundExternal, Observation, Ownership};

/// How many objects an event names that lost Kubernetes objects left.
const SHOWN_LEFTOVERS: usize = 5;

/// Finds objects of this name whose Kubernetes object is gone: a restore from a backup gives an object a new uid,
/// and so a new owner tag; a restore into another cluster, another cluster in the owner tag as well. An object that
/// was renamed as well is found by its content.
pub(super) async fn leftovers<K: Managed>(
    this: &Reconciliation<'_, K>,
    external: &dyn BoundExternal,
    namesakes: Vec<Observation>,
) -> Vec<Observation> {
    let elsewhere = of_other_cluster(this, &namesakes);
    let mut found = left_behind(this, namesakes).await;
    found.extend(elsewhere);
    if found.is_empty() && this.recorded_id().is_none() { renamed(this, external).await } else { found }
}

/// Finds objects that equal this one but for their name, and whose Kubernetes object is gone. Where the id is chosen
/// by people, another id is another object: an event tells them what is left.
async fn renamed<K: Managed>(this: &Reconciliation<'_, K>, external: &dyn BoundExternal) -> Vec<Observation> {
    if !recorded_place::is_of_another(&this.object) {
        return Vec::new();
    }
    let cached = ownership::cached_uids(this);
    let is_lost = |tag: &str| this.shared().uid_in(tag).is_some_and(|uid| !cached.contains(uid));
    let not_before = this.shared().observations.not_before(&this.uid(), this.interval() / 2);
    // A list of one page costs no more than a read.
    let waiting = 1 + this.shared().permits.waiting(&this.object.connection());
    let lost = left_behind(this, external.find_alike(not_before, waiting, &is_lost).await).await;
    if lost.is_empty() || !this.has_unique_name() {
        return lost;
    }
    let ids: Vec<&str> = lost.iter().take(SHOWN_LEFTOVERS).map(|observation| observation.id.as_str()).collect();
    let note = format!(
        "Upstream objects equal this one, and their owner tags name objects of this cluster that do not exist any more: {}. If this object was restored under another name, delete them upstream.",
        ids.join(", ")
    );
    this.warning_event("LeftBehind", &note);
    Vec::new()
}

/// Returns the objects whose owner tags name objects of this cluster that do not exist any more, as untagged.
async fn left_behind<K: Managed>(this: &Reconciliation<'_, K>, candidates: Vec<Observation>) -> Vec<Observation> {
    let mut found = Vec::new();
    for mut observation in candidates {
        if ownership::is_left_behind(this, &observation.owner).await {
            observation.owner = Ownership::Untagged;
            found.push(observation);
        }
    }
    found
}

/// Returns the objects of another cluster that a restored object may have been there. Backups keep the annotation that
/// names the former object, and drop the record in status.
fn of_other_cluster<K: Managed>(this: &Reconciliation<'_, K>, namesakes: &[Observation]) -> Vec<Observation> {
    let common = &this.status.common;
    if !recorded_place::is_of_another(&this.object) || common.upstream.is_some() || common.operation.is_some() {
        return Vec::new();
    }
    let is_elsewhere = |seen: &&Observation| ownership::is_of_other_cluster(this, &seen.owner);
    namesakes.iter().filter(is_elsewhere).cloned().collect()
}
