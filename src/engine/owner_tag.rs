//! The owner tag, by which an upstream object names the Kubernetes object that owns it.

use std::fmt;

/// `<cluster id>/<object uid>`, written upstream in the create call itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OwnerTag {
    cluster: String,
    uid: String,
}

impl OwnerTag {
    /// Returns the owner tag of the object with this uid in this cluster.
    pub fn new(cluster: impl Into<String>, uid: impl Into<String>) -> Self {
        Self { cluster: cluster.into(), uid: uid.into() }
    }

    /// Returns who owns an upstream object with this tag.
    #[must_use]
    pub fn judge(&self, found_tag: &FoundTag) -> Ownership {
        match found_tag {
            FoundTag::NotShown => Ownership::Unknown,
            FoundTag::None => Ownership::Untagged,
            FoundTag::Some(text) if *text == self.to_string() => Ownership::Ours,
            FoundTag::Some(text) => Ownership::ForeignTag(text.clone()),
        }
    }
}

impl fmt::Display for OwnerTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.cluster, self.uid)
    }
}

/// The owner tag of an upstream object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundTag {
    /// The upstream does not show tags.
    NotShown,
    /// The object has no owner tag.
    None,
    /// The object has this owner tag.
    Some(String),
}

impl From<Option<String>> for FoundTag {
    fn from(text: Option<String>) -> Self {
        text.filter(|text| !text.is_empty()).map_or(Self::None, Self::Some)
    }
}

/// The owner of an upstream object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// It has our owner tag.
    Ours,
    /// It has no owner tag.
    Untagged,
    /// It has the owner tag of another owner, which is this text.
    ForeignTag(String),
    /// It has the owner tag of another object of this cluster, which has this name.
    OtherObject(String),
    /// The upstream has no tags, or does not show them.
    Unknown,
}
