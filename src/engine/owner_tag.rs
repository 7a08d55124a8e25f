//! The stamp: how an upstream object says which Kubernetes object it belongs to.

use std::fmt;

/// `<cluster id>/<object uid>`, written upstream in the create call itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OwnerTag {
    cluster: String,
    uid: String,
}

impl OwnerTag {
    /// The stamp of the object with this uid, in this cluster.
    pub fn new(cluster: impl Into<String>, uid: impl Into<String>) -> Self {
        Self { cluster: cluster.into(), uid: uid.into() }
    }

    /// Whose an upstream object with this mark is.
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

/// What was found in the place of the stamp, before anybody judges it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundTag {
    /// The upstream shows no tags, so that there is no telling.
    NotShown,
    /// Nothing.
    None,
    /// This text.
    Some(String),
}

impl From<Option<String>> for FoundTag {
    fn from(text: Option<String>) -> Self {
        text.filter(|text| !text.is_empty()).map_or(Self::None, Self::Some)
    }
}

/// Whose an upstream object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// It bears our stamp.
    Ours,
    /// It bears no stamp.
    Untagged,
    /// It bears somebody else's stamp.
    ForeignTag(String),
    /// It bears the stamp of another object of this cluster; what to call that one.
    OtherObject(String),
    /// The upstream could not tell (it has no tags, or refuses to show them).
    Unknown,
}
