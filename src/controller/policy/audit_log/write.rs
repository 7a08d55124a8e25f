//! A write, as its caller describes it and as its lines show it.

use crate::engine::access::Change;
use crate::engine::diff::SHOWN_FIELDS;
use crate::engine::{Cause, Diff};

/// Describes a write to the log.
pub struct Write<'a> {
    cause: Cause,
    id: Option<&'a str>,
    diff: Option<&'a Diff>,
    access: Change,
}

impl<'a> Write<'a> {
    /// Describes the creation of an object that changes access so.
    pub fn create(cause: Cause, access: Change) -> Self {
        Self { cause, id: None, diff: None, access }
    }

    /// Describes a write of the owner tag to the object with this id.
    pub fn tag(cause: Cause, id: &'a str) -> Self {
        Self { cause, id: Some(id), diff: None, access: Change::Equal }
    }

    /// Describes a write that changes what differs in the object with this id: access goes back to that of the spec.
    pub fn update(cause: Cause, id: &'a str, diff: &'a Diff) -> Self {
        Self { cause, id: Some(id), diff: Some(diff), access: diff.access.reversed() }
    }

    /// Describes the deletion of the object with this id. Its creation changed access so.
    pub fn delete(cause: Cause, id: &'a str, granted: Change) -> Self {
        Self { cause, id: Some(id), diff: None, access: granted.reversed() }
    }

    /// Adds what differs in the object.
    #[must_use]
    pub fn because_of(self, diff: &'a Diff) -> Self {
        Self { diff: Some(diff), ..self }
    }
}

/// A write, as its lines show it.
#[derive(Clone)]
pub(super) struct Description {
    pub cause: Cause,
    pub id: Option<String>,
    pub fields: String,
    pub access: Change,
}

impl Description {
    /// Describes the write.
    pub fn of(write: &Write<'_>) -> Self {
        Self {
            cause: write.cause,
            id: write.id.map(str::to_owned),
            fields: write.diff.map(paths).unwrap_or_default(),
            access: write.access,
        }
    }
}

/// Returns the paths of what differs, without any value.
pub(super) fn paths(diff: &Diff) -> String {
    let mut paths: Vec<&str> = diff.fields.iter().take(SHOWN_FIELDS).map(|field| field.path.as_str()).collect();
    let more = diff.fields.len().saturating_sub(paths.len());
    let rest = format!("and {more} more");
    paths.extend((more > 0).then_some(rest.as_str()));
    paths.join(", ")
}
