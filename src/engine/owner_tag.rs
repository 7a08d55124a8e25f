//! The owner tag, by which an upstream object names the Kubernetes object that owns it.
//!
//! Its text is `<cluster id>_<object uid>`: every documented rule of tag values allows `_`, and not `/`. Earlier
//! versions wrote `<cluster id>/<object uid>`. Both forms are read. The old one is replaced by the next write of tags.

use std::fmt;

/// The separators that were ever written, the current one first.
const SEPARATORS: [char; 2] = ['_', '/'];

/// The cluster and the uid of an owner, written upstream in the create call itself.
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
            FoundTag::Reserved => Ownership::Reserved,
            FoundTag::Some(text) if self.is(text) => Ownership::Ours,
            FoundTag::Some(text) => Ownership::ForeignTag(text.clone()),
        }
    }

    /// Returns whether this text is the owner tag, in any of its forms.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        uid_of(text, &self.cluster) == Some(self.uid.as_str())
    }

    /// Returns the owner tag in all its forms, the current one first.
    #[must_use]
    pub fn forms(&self) -> [String; 2] {
        SEPARATORS.map(|separator| format!("{}{separator}{}", self.cluster, self.uid))
    }
}

/// Returns the cluster and the uid in the text of an owner tag; `None` if it has not this form.
#[must_use]
pub fn parts(text: &str) -> Option<(&str, &str)> {
    // A uid contains no separator, and the id of a cluster may.
    text.rsplit_once(SEPARATORS)
}

/// Returns the uid in the text of an owner tag; `None` if the tag belongs to another cluster.
#[must_use]
pub fn uid_of<'t>(text: &'t str, cluster: &str) -> Option<&'t str> {
    let (found, uid) = parts(text)?;
    (found == cluster).then_some(uid)
}

impl fmt::Display for OwnerTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.cluster, SEPARATORS[0], self.uid)
    }
}

/// The owner tag of an upstream object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundTag {
    /// The upstream does not show tags.
    NotShown,
    /// The upstream itself owns the object, so no tag is written to it.
    Reserved,
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
    /// The upstream itself owns it. It is never written.
    Reserved,
    /// The upstream has no tags, or does not show them.
    Unknown,
}

impl Ownership {
    /// Returns whether the object is ours, or may be because the upstream shows no owner tag.
    #[must_use]
    pub fn may_be_ours(&self) -> bool {
        matches!(self, Self::Ours | Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str) -> Ownership {
        OwnerTag::new("a_b", "uid-1").judge(&FoundTag::Some(text.to_owned()))
    }

    #[test]
    fn owner_tag_is_read_in_both_forms_and_written_in_one() {
        let owner_tag = OwnerTag::new("a_b", "uid-1");
        assert_eq!(owner_tag.to_string(), "a_b_uid-1");
        assert_eq!(owner_tag.forms(), ["a_b_uid-1", "a_b/uid-1"]);
        for text in owner_tag.forms() {
            assert_eq!(judged(&text), Ownership::Ours, "{text}");
        }
        for text in ["a_b uid-1", "a_uid-1", "a/b_uid-1", "a_b_uid-2", "a_b_", "uid-1", "x_a_b_uid-1"] {
            assert_eq!(judged(text), Ownership::ForeignTag(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn uid_belongs_to_its_own_cluster_only() {
        assert_eq!(
            (uid_of("a_b_uid", "a_b"), uid_of("a_b_uid", "a"), uid_of("a_b/uid", "a_b")),
            (Some("uid"), None, Some("uid"))
        );
    }

    #[test]
    fn owner_tag_fits_every_rule_of_tag_values() {
        let uid = "0f8fad5b-d9cb-469f-a165-70867728950e";
        let text = OwnerTag::new(uid, uid).to_string();
        assert!(text.len() <= 127 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "{text}");
    }
}
