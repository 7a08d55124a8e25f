//! Decides which upstream objects the deletion of one Kubernetes object deletes: a pure function of
//! the deletion record and of the objects found upstream.
//!
//! An id in status alone does not permit a deletion: people who cannot write upstream may be able to
//! write status. Where the upstream shows no owner tags, the recorded id and the name must agree. What status alone
//! cannot explain, such as an object of the name with another id, blocks: neither a deletion of a foreign object nor a
//! leak is guessed. What the process itself knows to be its own needs no further proof.

use super::Ownership;
use super::outcome::{Outcome, Requeue};
use crate::api::status::OperationKind;
use crate::api::{FORCE_ORPHAN, Reason};
use std::time::Duration;

/// How many users of an upstream object a message names.
const SHOWN_USERS: usize = 5;

/// The part of status that a deletion depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeletionRecord<'a> {
    /// `status.upstream.id`.
    pub id: Option<&'a str>,
    /// The kind of `status.operation`: a write whose outcome is unknown.
    pub in_flight: Option<OperationKind>,
    /// The id of the object that this process created, or saw with our owner tag, if the upstream chose the id.
    pub proven: Option<&'a str>,
    /// Whether this process began the adoption in flight. Status alone does not prove one.
    pub adopts: bool,
    /// Whether another object of this cluster comes first in the claim on the name: the id in status may be forged.
    pub is_claimed: bool,
}

impl DeletionRecord<'_> {
    /// Returns whether the upstream must be searched by name, given the owner of the object with the
    /// recorded id.
    ///
    /// Other writers can remove the record, so a search is needed even if nothing is recorded. It is not
    /// needed if the recorded object is ours and its id is the name: a second one cannot exist.
    #[must_use]
    pub fn needs_search(&self, recorded: Option<&Ownership>, name: &str) -> bool {
        recorded != Some(&Ownership::Ours) || self.id != Some(name)
    }
}

/// The upstream half of a deletion.
#[derive(Debug, Clone, PartialEq)]
pub enum DeletionPlan {
    /// Delete the objects with these ids, in this order; none are left if the list is empty.
    Delete(Vec<String>),
    /// Orphan the recorded object: it belongs to another owner.
    NotOurs,
    /// Keep the finalizer: the owner of an object is uncertain.
    Blocked(Outcome),
}

/// Decides which objects to delete, and why none if none.
///
/// `recorded` is the owner of the object with the recorded id, `None` if there is no such object.
/// `named` are the objects found by name or by our owner tag, empty if no search was needed. Without a
/// record, an object that the upstream shows no owner of may be ours.
#[must_use]
pub fn plan_deletion(
    record: &DeletionRecord<'_>,
    recorded: Option<Ownership>,
    named: Vec<(String, Ownership)>,
) -> DeletionPlan {
    let mut delete = Vec::new();
    for (id, owner) in candidates(record, recorded, named) {
        match decide(record, id, &owner) {
            Decision::Delete(id) => delete.push(id),
            Decision::Skip => {}
            Decision::Stop(plan) => return plan,
        }
    }
    DeletionPlan::Delete(delete)
}

/// Selects the objects that the deletion concerns: those with our owner tag, the recorded one first.
/// Without any, the recorded object; without a recorded id, all that a create may have created.
fn candidates(
    record: &DeletionRecord<'_>,
    recorded: Option<Ownership>,
    named: Vec<(String, Ownership)>,
) -> Vec<(String, Ownership)> {
    let is_recorded = |id: &str| record.id == Some(id);
    let recorded = record.id.zip(recorded).map(|(id, owner)| (id.to_owned(), owner));
    let is_ours = |(_, owner): &(String, Ownership)| *owner == Ownership::Ours;
    // A create that took effect late may have made a second object with our owner tag.
    let others = named.iter().filter(|found| is_ours(found) && recorded.as_ref() != Some(*found));
    let ours: Vec<_> = recorded.iter().filter(|found| is_ours(found)).chain(others).cloned().collect();
    let hidden = || named.iter().filter(|(id, owner)| *owner == Ownership::Unknown && !is_recorded(id)).cloned();
    match recorded {
        _ if !ours.is_empty() => ours,
        // Where the upstream shows no tags, the name must match as well.
        Some((id, Ownership::Unknown))
            if !named.iter().any(|(found, _)| is_recorded(found)) && !proves(record, &id) =>
        {
            hidden().chain([(id, Ownership::Untagged)]).collect()
        }
        Some(recorded) => vec![recorded],
        // Another writer may have changed the id in status.
        None if record.id.is_some() => hidden().collect(),
        None => named,
    }
}

/// Returns whether this process knows that the object is ours.
fn proves(record: &DeletionRecord<'_>, id: &str) -> bool {
    record.proven == Some(id)
}

/// The decision about one object.
enum Decision {
    Delete(String),
    Skip,
    Stop(DeletionPlan),
}

fn decide(record: &DeletionRecord<'_>, id: String, owner: &Ownership) -> Decision {
    let has_id = record.id.is_some();
    let is_recorded = record.id == Some(id.as_str());
    let adopting = record.in_flight == Some(OperationKind::Adopt);
    match owner {
        Ownership::Ours => Decision::Delete(id),
        // Another writer dropped the owner tag, or the upstream hides it.
        Ownership::Untagged | Ownership::Unknown if proves(record, &id) => Decision::Delete(id),
        // The owner tag of the adoption was never written, so the object was never adopted.
        Ownership::Untagged if adopting => Decision::Skip,
        Ownership::Unknown if adopting && record.adopts => Decision::Skip,
        // Where the upstream shows no tags, the recorded id is the only proof.
        Ownership::Unknown if is_recorded && !adopting && !record.is_claimed => Decision::Delete(id),
        Ownership::Untagged if has_id => Decision::Stop(DeletionPlan::Blocked(not_tagged(&id))),
        // Nothing is recorded, and the upstream shows that the object is not ours.
        Ownership::Untagged if record.in_flight.is_none() => Decision::Skip,
        Ownership::Untagged | Ownership::Unknown => Decision::Stop(DeletionPlan::Blocked(uncertain(&id))),
        Ownership::ForeignTag(_) | Ownership::OtherObject(_) | Ownership::Reserved if has_id => {
            Decision::Stop(DeletionPlan::NotOurs)
        }
        // Another owner's object has our name, so our create had no effect.
        Ownership::ForeignTag(_) | Ownership::OtherObject(_) | Ownership::Reserved => Decision::Skip,
    }
}

/// Reports that the recorded object does not have our owner tag.
fn not_tagged(id: &str) -> Outcome {
    Outcome::refused(
        Reason::Conflict,
        format!(
            "The upstream object {id} does not have the owner tag of this object, so the operator does not delete it. Delete it upstream if it is yours, or set the annotation {FORCE_ORPHAN}=true to release this object without deleting it."
        ),
    )
}

/// Reports that a create was in flight and an object without an owner tag has its name. Deleting it
/// could hit a foreign object; releasing the Kubernetes object could leak ours.
fn uncertain(id: &str) -> Outcome {
    Outcome::refused(
        Reason::Conflict,
        format!(
            "Cannot tell whether {id} was created by this object. Delete it upstream if it is yours, or set the annotation {FORCE_ORPHAN}=true to release this object without deleting it."
        ),
    )
}

/// Reports that the upstream accepted a deletion and still lists the object.
#[must_use]
pub fn still_listed(id: &str, pause: Duration) -> Outcome {
    let message = format!(
        "The upstream accepted the deletion of {id} but still shows it. The operator looks again. To release this object without that, set the annotation {FORCE_ORPHAN}=true."
    );
    Outcome::working(Reason::Deleting, message, Requeue::After(pause))
}

/// Reports that users of the upstream object prevent its deletion.
#[must_use]
pub fn in_use(id: &str, used_by: &[String]) -> Outcome {
    let users = some_of(used_by);
    let message =
        format!("The upstream object {id} is used by {users}. Detach it there; the operator then deletes it.");
    Outcome::refused(Reason::InUse, message)
}

/// Reports that the upstream object is gone, and its users keep what it granted.
#[must_use]
pub fn still_granted(id: &str, used_by: &[String]) -> Outcome {
    let users = some_of(used_by);
    let message = format!(
        "The upstream object {id} is deleted, but {users} still holds it and keeps its permissions. Detach it there; the operator then releases this object."
    );
    Outcome::refused(Reason::InUse, message)
}

fn some_of(used_by: &[String]) -> String {
    let shown: Vec<&str> = used_by.iter().take(SHOWN_USERS).map(String::as_str).collect();
    let rest = used_by.len().saturating_sub(shown.len());
    let more = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    shown.join(", ") + &more
}

#[cfg(test)]
mod tests;
