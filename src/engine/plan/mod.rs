//! What to do with one object: a pure function of what is remembered, what is allowed and what
//! is seen.
//!
//! The order of the questions is the order of safety: whose is it, may we touch it, is there
//! anything to do, can it be done in place.

mod known;

use super::diff::SHOWN_FIELDS;
use super::{Diff, Observation, Ownership, Remedy};
use crate::api::Reason;
use crate::api::shared::{AdoptionPolicy, DriftPolicy, ManagementPolicy, RecreatePolicy};
use crate::api::status::OperationKind;

pub use known::{LastKnown, Rules};

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// Create it.
    Create,
    /// A lost create may still land: look again later.
    Wait,
    /// It exists and will be ours.
    Existing(Existing),
    /// It exists, or not, and only a report is allowed.
    Report {
        /// The object, unless there is none.
        seen: Option<Observation>,
        /// Why nothing is written.
        why: ReportOnly,
    },
    /// It is another object's of this cluster, or that one comes first: leave it to that one.
    Yield {
        /// Which object that is and what to do.
        message: String,
    },
    /// Several are ours: the oldest is kept as such, and nothing is written until a human chooses.
    Duplicate {
        /// The oldest.
        oldest: Box<Observation>,
        /// Which there are and what to do.
        message: String,
    },
    /// Nothing can be done until a human acts.
    Refuse {
        /// The reason of the condition.
        reason: Reason,
        /// What is wrong and what to do.
        message: String,
    },
}

impl Plan {
    /// Whether nothing is written upstream, and nothing becomes ours, if this is carried out.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        match self {
            Self::Report { .. } => true,
            Self::Existing(Existing { take, claim, step, seen: _ }) => take.is_none() && !claim && *step == Step::None,
            Self::Create | Self::Wait | Self::Yield { .. } | Self::Duplicate { .. } | Self::Refuse { .. } => false,
        }
    }

    /// Whether an upstream object would become ours that has not been.
    #[must_use]
    pub fn acquires(&self) -> bool {
        match self {
            Self::Create => true,
            Self::Existing(hold) => hold.take == Some(Acquire::Adopt),
            Self::Wait | Self::Report { .. } | Self::Yield { .. } | Self::Duplicate { .. } | Self::Refuse { .. } => {
                false
            }
        }
    }
}

/// An upstream object that is ours or about to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Existing {
    /// The object.
    pub seen: Observation,
    /// How it became ours, when status does not know yet.
    pub take: Option<Acquire>,
    /// Whether our stamp must be put on it.
    pub claim: bool,
    /// What to write.
    pub step: Step,
}

/// How an object becomes ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquire {
    /// We created it and lost the answer.
    Recover,
    /// It existed, and the adoption policy allows to take it over.
    Adopt,
}

/// What to write.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Nothing: it is as wanted.
    None,
    /// These fields, in place.
    Update {
        /// What differs and can be changed in place.
        diff: Diff,
        /// Whether somebody else changed them (rather than the spec).
        drift: bool,
    },
    /// Delete it and create it again.
    Recreate {
        /// What differs.
        diff: Diff,
        /// Whether somebody else changed it (rather than the spec).
        drift: bool,
    },
    /// Nothing: these fields were written and did not stick, or cannot be written.
    NotApplied(Diff),
    /// Nothing: somebody changes these fields back each time.
    DriftFight {
        /// What differs.
        diff: Diff,
        /// The paths that are fought over.
        over: Vec<String>,
    },
}

/// Why nothing is written although something could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportOnly {
    /// `managementPolicy: Observe`.
    Observe,
    /// `managementPolicy: CreateOnly`.
    CreateOnly,
    /// `driftPolicy: Report`.
    DriftReport,
}

/// Decides. `found` are the candidates: the object with the known id, or all that may be the one.
#[must_use]
pub fn plan(record: &LastKnown, rules: Rules<'_>, found: Vec<Observation>, wanted_hash: &str) -> Plan {
    let plan = alone(record, rules, found, wanted_hash);
    match &record.contender {
        Some(name) if plan.acquires() => Plan::Yield {
            message: format!(
                "{name} is older and claims the same upstream object, so nothing is written. Delete one of the two, or choose another name."
            ),
        },
        _ => plan,
    }
}

/// What to do if no other object of this cluster wants the same.
fn alone(record: &LastKnown, rules: Rules<'_>, found: Vec<Observation>, wanted_hash: &str) -> Plan {
    let (ours, strangers): (Vec<_>, Vec<_>) = found.into_iter().partition(|s| is_ours(record, s));
    match (ours.len(), strangers.len()) {
        (0, 0) => absent(record, rules),
        (1, _) => match ours.into_iter().next() {
            Some(seen) => owned(record, rules, seen, wanted_hash),
            None => absent(record, rules),
        },
        (0, 1) => match strangers.into_iter().next() {
            Some(seen) => foreign(record, rules, seen, wanted_hash),
            None => absent(record, rules),
        },
        (0, _) => refuse(
            Reason::Conflict,
            format!(
                "Several upstream objects have this name and none is ours: {}. Set spec.externalId to choose one.",
                ids(&strangers)
            ),
        ),
        (_, _) => several(ours),
    }
}

fn several(ours: Vec<Observation>) -> Plan {
    let message = format!(
        "Several upstream objects bear the stamp of this object: {}. Nothing is written. Delete all but one upstream; they all go with this object.",
        ids(&ours)
    );
    match ours.into_iter().next() {
        Some(oldest) => Plan::Duplicate { oldest: Box::new(oldest), message },
        None => refuse(Reason::Duplicate, message),
    }
}

fn is_known(record: &LastKnown, seen: &Observation) -> bool {
    record.id.as_deref() == Some(seen.id.as_str())
}

/// The stamp says whose an object is. Status may be written by people who may not write upstream,
/// so an id in status proves something only where the upstream shows no stamps.
fn is_ours(record: &LastKnown, seen: &Observation) -> bool {
    match seen.owner {
        Ownership::Ours => true,
        Ownership::Unknown => is_known(record, seen),
        Ownership::Unmarked | Ownership::ForeignTag(_) | Ownership::OtherObject(_) => false,
    }
}

fn absent(record: &LastKnown, rules: Rules<'_>) -> Plan {
    if rules.management == ManagementPolicy::Observe {
        return Plan::Report { seen: None, why: ReportOnly::Observe };
    }
    if record.is_in_flight(OperationKind::Create) && record.in_grace {
        return Plan::Wait;
    }
    let existed = record.id.is_some() && !record.is_in_flight(OperationKind::Recreate);
    match rules.external_id {
        Some(id) if record.id.is_none() => refuse(
            Reason::InvalidSpec,
            format!(
                "spec.externalId names {id}, which does not exist upstream. Correct it in a new object, or leave it out to have one created."
            ),
        ),
        _ if existed && rules.drift == DriftPolicy::Report => Plan::Report { seen: None, why: ReportOnly::DriftReport },
        _ => Plan::Create,
    }
}

/// An object that is ours by its stamp, or by its id where there are no stamps.
fn owned(record: &LastKnown, rules: Rules<'_>, seen: Observation, hash: &str) -> Plan {
    let may_write = rules.management != ManagementPolicy::Observe;
    if may_write && seen.owner == Ownership::Unknown && seen.diff.needs_recreate() {
        return refuse(
            Reason::Conflict,
            format!(
                "The upstream object {} is another one than the spec names, at {}, and the upstream shows no stamp. Nothing is written.",
                seen.id,
                seen.diff.summary()
            ),
        );
    }
    let existed = record.is_in_flight(OperationKind::Adopt) || rules.external_id.is_some();
    let take = if existed { Acquire::Adopt } else { Acquire::Recover };
    let take = (!is_known(record, &seen)).then_some(take);
    hold(record, rules, seen, take, false, hash)
}

/// An object under our name that does not bear our stamp.
fn foreign(record: &LastKnown, rules: Rules<'_>, seen: Observation, hash: &str) -> Plan {
    if let Ownership::ForeignTag(owner) = &seen.owner {
        return refuse(
            Reason::Conflict,
            format!(
                "The upstream object {} bears the stamp of {owner}. It is never touched while it does: choose another name, or have it released there.",
                seen.id
            ),
        );
    }
    if let Ownership::OtherObject(name) = &seen.owner {
        return Plan::Yield {
            message: format!(
                "The upstream object {} belongs to {name}, so nothing is written. Delete one of the two, or choose another name.",
                seen.id
            ),
        };
    }
    if rules.management == ManagementPolicy::Observe {
        return Plan::Report { seen: Some(seen), why: ReportOnly::Observe };
    }
    let identical = seen.diff.is_empty();
    if record.is_in_flight(OperationKind::Create) && identical {
        // The upstream dropped the stamp: our own operation and the same content are the proof.
        return hold(record, rules, seen, Some(Acquire::Recover), true, hash);
    }
    if is_known(record, &seen) && rules.external_id != Some(seen.id.as_str()) {
        return refuse(
            Reason::Conflict,
            format!(
                "The upstream object {0} of status.upstream does not bear the stamp of this object. Nothing is written. If it is the right one, set spec.externalId: {0} and spec.adoptionPolicy to take it over.",
                seen.id
            ),
        );
    }
    match rules.adoption {
        AdoptionPolicy::Never => refuse(
            Reason::Conflict,
            format!(
                "The upstream object {} exists and is not ours. {} to take it over, or delete this object and choose another name.",
                seen.id,
                if identical {
                    "Set spec.adoptionPolicy: IfIdentical".to_owned()
                } else {
                    format!(
                        "It differs at {}: make the spec equal and set spec.adoptionPolicy: IfIdentical, or set Always",
                        seen.diff.summary()
                    )
                }
            ),
        ),
        AdoptionPolicy::IfIdentical if !identical => refuse(
            Reason::Conflict,
            format!(
                "The upstream object {} exists, is not ours and differs at {}. Make the spec equal, or set spec.adoptionPolicy: Always.",
                seen.id,
                seen.diff.summary()
            ),
        ),
        AdoptionPolicy::IfIdentical | AdoptionPolicy::Always => {
            hold(record, rules, seen, Some(Acquire::Adopt), true, hash)
        }
    }
}

fn hold(
    record: &LastKnown,
    rules: Rules<'_>,
    seen: Observation,
    take: Option<Acquire>,
    claim: bool,
    hash: &str,
) -> Plan {
    if rules.management == ManagementPolicy::Observe {
        return Plan::Report { seen: Some(seen), why: ReportOnly::Observe };
    }
    let drift = record.applied_hash.as_deref() == Some(hash);
    let differs = !seen.diff.is_empty();
    let adopting = take == Some(Acquire::Adopt);
    if differs && rules.management == ManagementPolicy::CreateOnly {
        return if take.is_some() {
            Plan::Existing(Existing { seen, take, claim, step: Step::None })
        } else {
            Plan::Report { seen: Some(seen), why: ReportOnly::CreateOnly }
        };
    }
    if differs && drift && !adopting && rules.drift == DriftPolicy::Report {
        return Plan::Report { seen: Some(seen), why: ReportOnly::DriftReport };
    }
    let step = step(record, rules, &seen.diff, drift);
    Plan::Existing(Existing { seen, take, claim, step })
}

fn step(record: &LastKnown, rules: Rules<'_>, diff: &Diff, drift: bool) -> Step {
    if diff.is_empty() {
        return Step::None;
    }
    let paths = diff.fields.iter().map(|f| &f.path);
    let over: Vec<String> = paths.filter(|path| record.fought.contains(path)).cloned().collect();
    if drift && !over.is_empty() {
        return Step::DriftFight { diff: diff.clone(), over };
    }
    if diff.needs_recreate() && rules.recreate == RecreatePolicy::WhenRequired {
        return Step::Recreate { diff: diff.clone(), drift };
    }
    let in_place = Diff { fields: diff.fields.iter().filter(|f| f.remedy == Remedy::Update).cloned().collect() };
    // Status remembers the first fields only, always in the same order.
    let mut remembered = diff.fields.iter().take(SHOWN_FIELDS).filter(|f| f.remedy == Remedy::Update);
    let tried = drift && remembered.all(|f| record.not_applied.contains(&f.path));
    if in_place.is_empty() || tried {
        return Step::NotApplied(diff.clone());
    }
    Step::Update { diff: in_place, drift }
}

fn refuse(reason: Reason, message: String) -> Plan {
    Plan::Refuse { reason, message }
}

fn ids(sightings: &[Observation]) -> String {
    sightings.iter().map(|s| s.id.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
