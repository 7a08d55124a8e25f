//! The stamp: how an upstream object says which Kubernetes object it belongs to.

use std::fmt;

/// `<cluster id>/<object uid>`, written upstream in the create call itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stamp {
    cluster: String,
    uid: String,
}

impl Stamp {
    /// The stamp of the object with this uid, in this cluster.
    pub fn new(cluster: impl Into<String>, uid: impl Into<String>) -> Self {
        Self { cluster: cluster.into(), uid: uid.into() }
    }

    /// What the stamp found on an upstream object says of it.
    #[must_use]
    pub fn judge(&self, found: Option<&str>) -> Ownership {
        match found {
            None | Some("") => Ownership::Unmarked,
            Some(mark) if mark == self.to_string() => Ownership::Ours,
            Some(mark) => Ownership::Other(mark.to_owned()),
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.cluster, self.uid)
    }
}

/// Whose an upstream object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// It bears our stamp.
    Ours,
    /// It bears no stamp.
    Unmarked,
    /// It bears somebody else's stamp.
    Other(String),
    /// The upstream could not tell (it has no tags, or refuses to show them).
    Unknown,
}
