//! Judges whether a change that grants more was approved.
//!
//! **Place.** Pure: no client, no clock, no await. The controller asks before each write that may grant more, and `plan`
//! prints the same hash before anything is applied.
//!
//! **Types.** [`Change`] is what would be written and over what. Its [`Change::hash`] covers the object (kind, namespace,
//! name), the connection and its endpoint, the id of the upstream object or its absence, what is in force there and the
//! document that replaces it. [`judge`] takes the approvals of the namespace and a [`Request`], and returns the one that
//! counts, or why none does.
//!
//! **Contract.**
//! - An approval that was never used counts for the change with its hash, of the policy that it names, until it expires.
//!   The hash moves when anything that it covers does, so the approval is void then.
//! - The first use binds it to the uid and the generation of the policy, to the document and to the upstream object. It
//!   counts for retries of that very spec, however far the first attempt came, and for nothing else: not for another object
//!   of the same name, not for the same document after another spec, at another place or over an object that is adopted.
//! - A manifest has no uid yet, so the hash does not cover it: the first use does.

use crate::api::approval::ApprovalUse;
use crate::api::status::UpstreamRef;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A change of an upstream object.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// The kind, the namespace and the name of the Kubernetes object.
    pub object: (&'a str, &'a str, &'a str),
    /// The connection, such as `Connection team-a/ncloud`.
    pub connection: &'a str,
    /// The endpoint to which it leads.
    pub endpoint: &'a str,
    /// The repository, if the connection names one.
    pub repository: Option<&'a str>,
    /// The upstream object; `None` if it is new.
    pub id: Option<&'a str>,
    /// What is in force there; null if it is new.
    pub in_force: &'a Value,
    /// What is written.
    pub wanted: &'a Value,
}

impl Change<'_> {
    /// Returns the hash by which an approval names the change.
    #[must_use]
    pub fn hash(&self) -> String {
        let Self { object, connection, endpoint, repository, id, in_force, wanted } = self;
        let covered = json!([object, connection, endpoint, repository, id, in_force, wanted]);
        let digest = Sha256::digest(covered.to_string().as_bytes());
        digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}

/// An approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// The kind and the name of the policy that it names.
    pub policy: (String, String),
    /// The hash that it names.
    pub hash: String,
    /// When it expires, as it was written.
    pub expires_at: Option<String>,
    /// Its use.
    pub used: Option<ApprovalUse>,
}

/// A change for which an approval is needed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The kind and the name of the policy.
    pub policy: (&'a str, &'a str),
    /// Its uid.
    pub uid: &'a str,
    /// Its generation.
    pub generation: i64,
    /// The hash of the document.
    pub applied_hash: &'a str,
    /// The upstream object that changes; without an id if it is new.
    pub upstream: &'a UpstreamRef,
    /// Whether the operator adopts it.
    pub adopts: bool,
    /// The hash of the change.
    pub hash: &'a str,
    /// The time.
    pub now: Timestamp,
}

/// Why an approval of the policy does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is for another change, or something moved since.
    OtherChange,
    /// It was used for another object of this name, or for an earlier spec.
    Used,
    /// It has expired, or its time cannot be read.
    Expired,
}

impl Refusal {
    /// Returns why, as the end of a sentence that begins with the name.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::OtherChange => "is for another change, or the upstream object or the connection changed since",
            Self::Used => "was used for an earlier change",
            Self::Expired => "has expired",
        }
    }
}

/// Returns the approval that counts for a change, or why those of its policy do not.
pub fn judge<'c>(candidates: &'c [Candidate], request: &Request<'_>) -> Result<&'c Candidate, Vec<(String, Refusal)>> {
    let own = |it: &&Candidate| (it.policy.0.as_str(), it.policy.1.as_str()) == request.policy;
    let mut refused = Vec::new();
    for candidate in candidates.iter().filter(own) {
        match refusal(candidate, request) {
            None => return Ok(candidate),
            Some(why) => refused.push((candidate.name.clone(), why)),
        }
    }
    Err(refused)
}

/// Returns whether two places are the same, as far as it is known: an account may show its id later.
#[must_use]
pub fn is_same_place(one: &UpstreamRef, other: &UpstreamRef) -> bool {
    let of = |it: &UpstreamRef| {
        (it.system.clone(), it.connection.clone(), it.endpoint.clone(), it.repository.clone(), it.key.clone())
    };
    let is_same_account = match (&one.account, &other.account) {
        (Some(one), Some(other)) => one == other,
        (None, _) | (_, None) => true,
    };
    of(one) == of(other) && is_same_account
}

/// Returns whether a used approval covers the upstream object of a request. An object that went may be created again, and
/// one that was created may be completed. No object of another owner takes its place.
fn covers_object(used: Option<&str>, request: &Request<'_>) -> bool {
    match (used, request.upstream.id.as_deref()) {
        (_, None) => true,
        (None, Some(_)) => !request.adopts,
        (Some(used), Some(id)) => used == id,
    }
}

fn refusal(candidate: &Candidate, request: &Request<'_>) -> Option<Refusal> {
    if let Some(used) = &candidate.used {
        let own = used.uid == request.uid
            && used.generation == request.generation
            && used.applied_hash == request.applied_hash
            && is_same_place(&used.upstream, request.upstream)
            && covers_object(used.upstream.id.as_deref(), request);
        return (!own).then_some(Refusal::Used);
    }
    let is_expired = |at: &String| at.parse::<Timestamp>().map_or(true, |at| at <= request.now);
    if candidate.hash != request.hash {
        Some(Refusal::OtherChange)
    } else if candidate.expires_at.as_ref().is_some_and(is_expired) {
        Some(Refusal::Expired)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
