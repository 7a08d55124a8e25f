//! Tells what happened to the owner tags of objects that are released on purpose.
//!
//! A release may reach several upstream objects: copies, and those at the other place that is recorded. Each one whose
//! owner tag was seen is named, with what became of its owner tag. A place without a look is told beside them.

pub use crate::controller::state::tagged::Tagged;

/// What happened to the owner tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnerTagFate {
    /// The operator leaves the upstream object exactly as it is.
    Untouched,
    /// A search at all places showed no upstream object.
    Gone,
    /// The operator found objects with it.
    Found(Found),
    /// It stays, for this reason, and the operator found no object.
    Stays(String),
}

/// The upstream objects that had our owner tag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Those whose owner tag the operator removed.
    pub removed: Vec<Tagged>,
    /// Those whose owner tag stays, and why.
    pub kept: Vec<(Tagged, String)>,
    /// Where and why the operator could not look for others.
    pub unseen: Option<Unseen>,
}

/// Where the operator could not look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// Why.
    pub why: String,
    /// Whether the object has another place that is recorded.
    pub is_other_place: bool,
}

impl OwnerTagFate {
    /// Returns the end of the message about an orphan.
    pub fn sentence(&self) -> String {
        match self {
            Self::Untouched | Self::Gone => String::new(),
            Self::Found(found) => found.sentences(),
            Self::Stays(why) => format!(" Its owner tag stays: {why}."),
        }
    }

    /// Returns whether the operator looked for all objects with the owner tag.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Found(found) if found.unseen.is_none())
    }
}

impl Found {
    /// Returns the objects.
    pub fn all(&self) -> impl Iterator<Item = &Tagged> {
        self.removed.iter().chain(self.kept.iter().map(|(object, _)| object))
    }

    fn sentences(&self) -> String {
        let removed = (!self.removed.is_empty()).then(|| {
            let ids: Vec<&str> = self.removed.iter().map(|object| object.id.as_str()).collect();
            let which = if self.kept.is_empty() {
                "its owner tag".to_owned()
            } else {
                format!("the owner tag of {}", ids.join(" and "))
            };
            format!(" The operator removed {which}, so another object or cluster can adopt it.")
        });
        let is_only = self.all().count() == 1;
        let kept = self.kept.iter().map(|(object, why)| {
            let which = if is_only { "Its owner tag".to_owned() } else { format!("The owner tag of {}", object.id) };
            format!(" {which} stays: {why}.")
        });
        let unseen = self.unseen.as_ref().map(|Unseen { why, is_other_place }| {
            let object =
                if *is_other_place { "An object at the other place that is recorded" } else { "Another object" };
            format!(" {object} may keep its owner tag: {why}.")
        });
        removed.into_iter().chain(kept).chain(unseen).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged(id: &str) -> Tagged {
        Tagged { id: id.to_owned(), endpoint: "https://a".to_owned() }
    }

    #[test]
    fn sentence_tells_each_object_when_one_stays() {
        let kept = vec![(tagged("2"), "refused".to_owned())];
        let sentence = |removed: &[&str], unseen: Option<bool>| {
            let unseen = unseen.map(|is_other_place| Unseen { why: "down".to_owned(), is_other_place });
            let removed = removed.iter().map(|id| tagged(id)).collect();
            OwnerTagFate::Found(Found { removed, kept: kept.clone(), unseen }).sentence()
        };
        assert_eq!(sentence(&[], None), " Its owner tag stays: refused.");
        assert_eq!(
            sentence(&["1"], Some(true)),
            " The operator removed the owner tag of 1, so another object or cluster can adopt it. The owner tag of 2 stays: refused. An object at the other place that is recorded may keep its owner tag: down."
        );
        assert!(sentence(&["1"], Some(false)).ends_with(" Another object may keep its owner tag: down."));
    }
}
