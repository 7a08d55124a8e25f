//! Where an upstream object is: what its id is relative to.
//!
//! The address of an upstream, its account and its repository may change under an id, because users edit
//! connections and rotate keys. An object that is not at the new location is not a deleted object.

use super::{Observation, Ownership};
use crate::api::status::UpstreamRef;
use std::fmt;

/// What the id of an upstream object is relative to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Location {
    /// The base URL of the API.
    pub endpoint: String,
    /// The account: NAVER Cloud's member number, SpaceONE's domain id. `None` while it is unknown.
    pub account: Option<String>,
    /// The repository that the connection names, if the collection has repositories.
    pub repository: Option<String>,
}

/// How sure it is that two locations are different upstreams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// They may be one upstream under two addresses. An object with our owner tag is the proof.
    Possible,
    /// They belong to different accounts.
    Certain,
}

impl Location {
    /// Returns how the location to which a connection leads differs from this one, which status records.
    #[must_use]
    pub fn difference(&self, now: &Self) -> Option<Difference> {
        match (&self.account, &now.account) {
            (Some(recorded), Some(now)) if recorded != now => return Some(Difference::Certain),
            (Some(_), None) => return Some(Difference::Possible),
            _ => {}
        }
        let same = self.endpoint == now.endpoint && self.repository == now.repository;
        (!same).then_some(Difference::Possible)
    }
}

impl From<&UpstreamRef> for Location {
    fn from(record: &UpstreamRef) -> Self {
        let UpstreamRef { endpoint, account, repository, .. } = record;
        Self { endpoint: endpoint.clone(), account: account.clone(), repository: repository.clone() }
    }
}

/// Writes one word, such as `https://subaccount.apigw.ntruss.com#2942`: it is also the value of an annotation.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<&str> = [&self.account, &self.repository].into_iter().flatten().map(String::as_str).collect();
        let mark = if parts.is_empty() { "" } else { "#" };
        write!(f, "{}{mark}{}", self.endpoint, parts.join("/"))
    }
}

/// A record in status that names another location than the one to which the connection leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The recorded location.
    pub from: Location,
    /// The location to which the connection leads.
    pub to: Location,
    /// How sure it is that they are different upstreams.
    pub difference: Difference,
    /// The recorded id; `None` while a create is pending.
    pub id: Option<String>,
    /// The recorded name.
    pub key: String,
}

impl Moved {
    /// Compares a record with the location to which the connection leads; `None` if both are the same.
    #[must_use]
    pub fn between(record: &UpstreamRef, to: Location) -> Option<Self> {
        let from = Location::from(record);
        let difference = from.difference(&to)?;
        Some(Self { from, to, difference, id: record.id.clone(), key: record.key.clone() })
    }

    /// Returns whether an object that was found at the new location is the recorded one, so that both
    /// locations are one upstream.
    #[must_use]
    pub fn is_disproved_by(&self, id: &str, owner: &Ownership) -> bool {
        let ours = match owner {
            Ownership::Ours => true,
            // Where the upstream shows no owner tags, it assigns ids that no other account has.
            Ownership::Unknown => self.id.is_some(),
            Ownership::Untagged | Ownership::Reserved | Ownership::ForeignTag(_) | Ownership::OtherObject(_) => false,
        };
        ours && self.difference == Difference::Possible && self.id.as_deref().is_none_or(|recorded| recorded == id)
    }

    /// Returns whether one of the objects that are ours is the recorded one.
    #[must_use]
    pub fn is_disproved_by_any(&self, ours: &[Observation]) -> bool {
        ours.iter().any(|observed| self.is_disproved_by(&observed.id, &observed.owner))
    }

    /// Returns the first sentences of the messages: what is recorded, and where the connection leads.
    #[must_use]
    pub fn description(&self) -> String {
        let Self { from, to, difference, id, key } = self;
        let recorded = match id {
            Some(id) => format!("The upstream object is recorded at {from} as {id}."),
            None => format!("A create of {key} was sent to {from}, and may have taken effect."),
        };
        let absent = match difference {
            Difference::Certain => "which is another account",
            Difference::Possible => "where it is not",
        };
        format!("{recorded} The connection leads to {to}, {absent}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(endpoint: &str, account: Option<&str>, repository: Option<&str>) -> Location {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Location { endpoint: endpoint.to_owned(), account: owned(account), repository: owned(repository) }
    }

    #[test]
    fn other_account_is_certain_and_other_address_is_not() {
        let recorded = at("https://a", Some("1"), None);
        assert_eq!(recorded.difference(&recorded), None);
        assert_eq!(recorded.difference(&at("https://a", Some("2"), None)), Some(Difference::Certain));
        assert_eq!(recorded.difference(&at("https://b", Some("2"), None)), Some(Difference::Certain));
        for other in
            [at("https://b", Some("1"), None), at("https://a", None, None), at("https://a", Some("1"), Some("r"))]
        {
            assert_eq!(recorded.difference(&other), Some(Difference::Possible), "{other}");
        }
        assert_eq!(at("https://a", None, None).difference(&recorded), None, "an older version recorded no account");
    }

    #[test]
    fn location_is_one_word() {
        assert_eq!(at("https://a", None, None).to_string(), "https://a");
        assert_eq!(at("https://a", Some("2942"), None).to_string(), "https://a#2942");
        assert_eq!(at("https://a", Some("domain-1"), Some("repo-1")).to_string(), "https://a#domain-1/repo-1");
    }

    #[test]
    fn only_recorded_object_proves_one_upstream() {
        let (from, to) = (at("https://a", Some("1"), None), at("https://b", Some("1"), None));
        let moved = Moved { from, to, difference: Difference::Possible, id: Some("x".to_owned()), key: "k".to_owned() };
        assert!(moved.is_disproved_by("x", &Ownership::Ours) && moved.is_disproved_by("x", &Ownership::Unknown));
        assert!(!moved.is_disproved_by("y", &Ownership::Ours) && !moved.is_disproved_by("x", &Ownership::Untagged));
        let certain = Moved { difference: Difference::Certain, ..moved.clone() };
        assert!(!certain.is_disproved_by("x", &Ownership::Ours), "both accounts have an object with this id");
        let pending = Moved { id: None, ..moved };
        assert!(pending.is_disproved_by("y", &Ownership::Ours) && !pending.is_disproved_by("y", &Ownership::Unknown));
    }
}
