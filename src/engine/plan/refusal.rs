//! Why a plan does not write, and the messages that tell users what to do.

use crate::api::{RELEASE_UPSTREAM, Reason};
use crate::engine::location::Moved;

/// Why the operator writes nothing until a human acts.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// The object is recorded in another place than the one to which the connection leads.
    RecordedElsewhere(Box<Moved>),
    /// The object has the owner tag of another owner.
    ForeignTag {
        /// Id of the object.
        id: String,
        /// The owner tag that it has.
        owner: String,
    },
    /// The upstream itself owns the object.
    Reserved {
        /// Id of the object.
        id: String,
    },
    /// `spec.externalId` names an object that does not exist.
    ExternalIdNotFound {
        /// The id that `spec.externalId` names.
        id: String,
    },
    /// Several objects have the name, and none is ours.
    Ambiguous {
        /// Ids of the objects.
        ids: Vec<String>,
    },
    /// The recorded object is not the one that the spec names, and the upstream shows no owner tags.
    OtherThanSpec {
        /// Id of the object.
        id: String,
        /// Summary of the fields that differ.
        fields: String,
    },
    /// The recorded object does not have our owner tag.
    RecordedNotTagged {
        /// Id of the object.
        id: String,
    },
    /// Status has a create in flight that this process did not send, and the object has no owner tag.
    CreateNotProven {
        /// Id of the object.
        id: String,
    },
    /// The object is not ours, and `adoptionPolicy` is `Never`.
    AdoptionNotAllowed {
        /// Id of the object.
        id: String,
        /// Summary of the fields that differ, if any.
        differs: Option<String>,
    },
    /// The object belonged to a Kubernetes object of this cluster that does not exist any more, and
    /// `adoptionPolicy` is `Never`.
    LeftBehind {
        /// Id of the object.
        id: String,
    },
    /// The object is not ours and differs, and `adoptionPolicy` is `IfIdentical`.
    NotIdentical {
        /// Id of the object.
        id: String,
        /// Summary of the fields that differ.
        fields: String,
    },
}

impl Refusal {
    /// Returns the reason of the condition.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::RecordedElsewhere(_) => Reason::AccountChanged,
            Self::ExternalIdNotFound { .. } => Reason::InvalidSpec,
            Self::ForeignTag { .. }
            | Self::Reserved { .. }
            | Self::Ambiguous { .. }
            | Self::OtherThanSpec { .. }
            | Self::RecordedNotTagged { .. }
            | Self::CreateNotProven { .. }
            | Self::AdoptionNotAllowed { .. }
            | Self::LeftBehind { .. }
            | Self::NotIdentical { .. } => Reason::Conflict,
        }
    }

    /// Returns the message of the condition: the problem and what to do.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::RecordedElsewhere(moved) => recorded_elsewhere(moved),
            Self::ForeignTag { id, owner } => {
                format!("{id} is owned by {owner}. Choose another name, or remove the owner tag upstream.")
            }
            Self::Reserved { id } => format!(
                "{id} is a system object of the upstream, which the operator never writes. Set spec.managementPolicy: Observe, or name another object."
            ),
            Self::ExternalIdNotFound { id } => format!(
                "spec.externalId names {id}, which does not exist upstream. Correct spec.externalId, or remove it to have the operator create one."
            ),
            Self::Ambiguous { ids } => format!(
                "Several upstream objects have this name, and this object owns none of them: {}. Set spec.externalId to choose one.",
                ids.join(", ")
            ),
            Self::OtherThanSpec { id, fields } => format!(
                "The upstream object {id} is not the one that the spec names: it differs at {fields}, and the upstream shows no owner tag. The operator does not write to it."
            ),
            Self::RecordedNotTagged { id } => format!(
                "The upstream object {id} in status.upstream does not have the owner tag of this object, so the operator does not write to it. To adopt it, set spec.externalId: {id} and spec.adoptionPolicy."
            ),
            Self::CreateNotProven { id } => format!(
                "The upstream object {id} equals the spec and has no owner tag, so nothing proves that the create in status.operation made it. Set spec.adoptionPolicy: IfIdentical to adopt it, or delete it upstream to have the operator create one."
            ),
            Self::AdoptionNotAllowed { id, differs } => adoption_not_allowed(id, differs.as_deref()),
            Self::LeftBehind { id } => left_behind(id),
            Self::NotIdentical { id, fields } => format!(
                "The upstream object {id} exists, and this object does not own it. It differs at {fields}: to adopt it, make the spec equal, or set spec.adoptionPolicy: Always."
            ),
        }
    }
}

fn adoption_not_allowed(id: &str, differs: Option<&str>) -> String {
    let exists = format!("The upstream object {id} exists, and this object does not own it.");
    match differs {
        None => format!("{exists} Set spec.adoptionPolicy: IfIdentical to adopt it, or choose another name."),
        Some(fields) => format!(
            "{exists} It differs at {fields}: to adopt it, make the spec equal and set spec.adoptionPolicy: IfIdentical, or set Always. Otherwise choose another name."
        ),
    }
}

fn recorded_elsewhere(moved: &Moved) -> String {
    format!(
        "{} The operator creates nothing there. Change the connection back. Or set the annotation {RELEASE_UPSTREAM}={}: the operator then leaves the recorded object as it is and creates another.",
        moved.description(),
        moved.from
    )
}

fn left_behind(id: &str) -> String {
    format!(
        "The upstream object {id} has this name, or the same content under another name, and its owner tag names an object of this cluster that does not exist any more, as after a restore from a backup. The operator creates no second one. To adopt it, set spec.adoptionPolicy: IfIdentical, or Always, and spec.externalId: {id} if there are several. Otherwise delete it upstream."
    )
}

/// Another object of this cluster that keeps this one from writing.
#[derive(Debug, Clone, PartialEq)]
pub enum Rival {
    /// It owns the upstream object.
    Owner {
        /// Id of the upstream object.
        id: String,
        /// Name of the other object.
        name: String,
    },
    /// It claims the same upstream object, and is older or records it as well.
    Older {
        /// Name of the other object.
        name: String,
    },
}

impl Rival {
    /// Returns the message of the condition: the other object and what to do.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Owner { id, name } => {
                format!("The upstream object {id} belongs to {name}. Delete one of the two, or choose another name.")
            }
            Self::Older { name } => format!(
                "{name} uses the same upstream object, and is older or records it as well. Delete one of the two, or choose another name."
            ),
        }
    }
}
