//! Oracles about numbers: how many writes took effect, how many copies exist, and how many orphans were told.

use super::environment::{Counts, Environment};
use super::outside::Outside;
use super::runs::Run;
use super::scenario::Scenario;
use super::schedule::Fault;
use super::steps::Sequence;
use super::targets::Target;
use super::user::User;
use crate::support::kinds::shown_condition;
use serde_json::Value;
use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::sleep;

/// How often the copies are counted.
const COUNTED_EVERY: Duration = Duration::from_millis(20);

/// Oracle (b): as many creates and deletes took effect as in the run without faults.
pub fn check_counts(user: &User<'_>, run: &Run, counts: Counts) -> anyhow::Result<()> {
    let Some(wanted) = run.counts else { return Ok(()) };
    let exception = is_abandoned(run, counts, wanted)
        || is_late_deletion(user.environment.target, run, counts, wanted)
        || is_decided_outside(user, counts, wanted);
    anyhow::ensure!(counts == wanted || exception, "{counts:?} upstream instead of {wanted:?}");
    Ok(())
}

/// Returns whether a create failed, and was not repeated because the object is deleted.
fn is_abandoned(run: &Run, counts: Counts, wanted: Counts) -> bool {
    let is_deleted_early = matches!(run.scenario, Scenario::Abandon | Scenario::RefusedAndDeleted);
    is_deleted_early && counts.creates == counts.deletes && counts.creates <= wanted.creates
}

/// Returns whether a deletion of a crashed process took effect after its successor had deleted the object and
/// created it again under the same id, which only users of SpaceONE policies choose. Neither side can tell the
/// two apart; the operator creates the object once more.
fn is_late_deletion(target: Target, run: &Run, counts: Counts, wanted: Counts) -> bool {
    let is_late = run.schedule.iter().any(|injection| {
        matches!(injection.fault, Fault::CrashDelayed(_)) && injection.position.is_named("spaceone Delete Policy")
    });
    let once_more = Counts { creates: wanted.creates + 1, deletes: wanted.deletes + 1 };
    target == Target::Spaceone && is_late && counts == once_more
}

/// Returns whether the numbers are right after what an outsider did.
fn is_decided_outside(user: &User<'_>, counts: Counts, wanted: Counts) -> bool {
    let Some(what) = user.outside() else { return false };
    match what {
        // The object goes at once, perhaps before it was created. The first oracle says whether the operator
        // told what is left.
        Outside::FinalizerTaken | Outside::Replaced => {
            counts.creates <= wanted.creates && counts.deletes <= wanted.deletes && user.orphans() > 0
        }
        Outside::DeletedByForce
        | Outside::WipedAndDeleted
        | Outside::WipedAtRestart
        | Outside::Deleted
        | Outside::DeletedAtRestart => counts.creates <= wanted.creates,
        // Whatever was deleted may be created again, because the object lives again.
        Outside::Restored => user.scenario == Scenario::Delete && counts.creates == counts.deletes,
        // Each object of the other tenant is created and deleted at most once.
        Outside::Rival | Outside::Crowd => {
            let created = counts.creates.saturating_sub(wanted.creates);
            counts.creates >= wanted.creates
                && counts.deletes == wanted.deletes + created
                && created <= what.neighbours()
        }
        Outside::StatusWiped | Outside::LostAtRestart | Outside::Repointed => false,
    }
}

/// Checks the object as a write of the operator has left it: the finalizer is not taken off while the upstream
/// object exists, and status names no upstream object as up to date that does not exist.
pub fn check_write(environment: &Environment, sequence: &Sequence, name: &str, object: &Value) {
    let (meta, status) = (&object["metadata"], &object["status"]);
    if !name.ends_with("/status") {
        let has_finalizer = meta["finalizers"].as_array().is_some_and(|all| !all.is_empty());
        let is_tagged = environment.is_tagged(meta["uid"].as_str().unwrap_or_default());
        if !has_finalizer && object["spec"]["deletionPolicy"] != "Orphan" && is_tagged {
            sequence.report_violation("finalizer removed while the object is still upstream".to_owned());
        }
        return;
    }
    let is_current = status["observedGeneration"] == meta["generation"];
    let says_ready = shown_condition(status, "Ready").is_some_and(|ready| ready["reason"] == "UpToDate");
    let id = status["upstream"]["id"].as_str().unwrap_or_default();
    if is_current && says_ready && !environment.may_have_lost() && !environment.holds(id) {
        sequence.report_violation(format!("status says UpToDate, but `{id}` does not exist upstream"));
    }
}

/// Reports a second copy at any time: two objects with one owner tag. Never returns.
pub async fn watch_copies(environment: &Environment, sequence: &Sequence) -> Infallible {
    let mut told = false;
    loop {
        sleep(COUNTED_EVERY).await;
        let mut copies: HashMap<String, usize> = HashMap::new();
        for object in environment.managed().unwrap_or_default() {
            *copies.entry(owner_tag(&object)).or_default() += 1;
        }
        copies.remove("");
        if !told && let Some((tag, count)) = copies.into_iter().find(|(_, count)| *count > 1) {
            sequence.report_violation(format!("a second copy: {count} objects bear {tag}"));
            told = true;
        }
    }
}

/// The keys of owner tags.
const OWNERS: [&str; 2] = ["cloudpolicy-owner", "cloudpolicy_owner"];

/// Returns the owner tag of a stored object, or nothing.
pub fn owner_tag(object: &Value) -> String {
    OWNERS.iter().find_map(|key| object["tags"][key].as_str()).unwrap_or_default().to_owned()
}

/// Returns a stored object without its owner tag.
pub fn without_owner_tag(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(tags) = object["tags"].as_object_mut() {
        tags.retain(|key, _| !OWNERS.contains(&key.as_str()));
    }
    object
}
