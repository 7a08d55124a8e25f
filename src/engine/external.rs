//! The contract with one upstream collection.

use super::{Diff, FoundTag, OwnerTag, Result};
use crate::api::status::{UpstreamObject, ValidationResult};
use serde::Serialize;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

/// The upstream's verdict, in the shape in which status shows it.
pub type Verdict = ValidationResult;

/// The canonical form of one upstream object: the SAME type for what is desired and for what
/// is observed. What the user did not set is `None` and is not ours to compare.
pub trait Document: Clone + PartialEq + Serialize + Send + Sync + std::fmt::Debug + 'static {
    /// The name under which the object can be found without its id: the policy's name, or
    /// the id that the caller chose. Recorded before the create call.
    fn key(&self) -> String;

    /// Where `observed` is not what `self` asks for, by meaning.
    fn diff(&self, observed: &Self) -> Diff;

    /// Rules that the upstream enforces badly or not at all; checked before anything is sent.
    fn validate(&self) -> Vec<Problem>;
}

/// A broken rule: which field, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path in the object, such as `spec.spaceone.tags`.
    pub field: String,
    /// What is wrong and what to do, a sentence without the path.
    pub message: String,
}

/// One upstream object as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed<D> {
    /// The upstream's id.
    pub id: String,
    /// Its content.
    pub document: D,
    /// What stands in the place of the stamp.
    pub found_tag: FoundTag,
    /// What status shows of it.
    pub details: Details,
}

/// What the upstream says of an object beside its content; shown in status as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Details {
    /// NAVER Cloud resource name.
    pub nrn: Option<String>,
    /// State of a SpaceONE policy.
    pub state: Option<String>,
    /// Repository of a SpaceONE policy.
    pub repository_info: Option<UpstreamObject>,
    /// Region of a SpaceONE network policy.
    pub region_info: Option<UpstreamObject>,
    /// Zone of a SpaceONE network policy.
    pub zone_info: Option<UpstreamObject>,
    /// When it was created.
    pub created_at: Option<String>,
    /// When it was last updated.
    pub updated_at: Option<String>,
}

/// The answer to a create or update.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// The upstream says that it took it. Whether it did is for the next observation to tell.
    Accepted {
        /// The id of the object.
        id: String,
        /// The verdict that came with the answer, where the upstream gives one.
        verdict: Option<Verdict>,
    },
    /// The upstream answered, and took nothing.
    Refused(Verdict),
}

/// A whole collection as one list showed it, by id.
pub type Snapshot<D> = HashMap<String, Observed<D>>;

/// One upstream collection, such as the policies of one NAVER Cloud account.
///
/// # Guarantees that implementations give
/// - Absence is `Ok(None)` or an empty list, never an error; failure is never absence.
/// - `find`, `observe`, `list`, `snapshot`, `check` and `used_by` never write.
/// - Every call may be repeated. `create` is sent at most once a call: no retry inside, because
///   the caller must look before a second attempt. Reads may retry inside.
/// - `create` writes the stamp in the create call itself.
/// - `delete` of an absent object is `Ok`.
/// - An answer that was lost, cut or unreadable after the request was sent is
///   `ErrorKind::OutcomeUnknown` for a write.
pub trait External: Send + Sync + 'static {
    /// The canonical form of its objects.
    type Document: Document;

    /// Paths of the spec that lists leave out. Where there are any, lists show no stamps either.
    const UNLISTED: &'static [&'static str] = &[];

    /// The collection's name in status and metrics, such as `ncloud/policy`.
    fn system(&self) -> &'static str;

    /// Every object that may be the one: those under the key, and those that bear the stamp.
    /// Oldest first where the upstream tells. Documents are complete.
    fn find(
        &self,
        key: &str,
        owner_tag: &OwnerTag,
    ) -> impl Future<Output = Result<Vec<Observed<Self::Document>>>> + Send;

    /// The object with this id, read completely.
    fn observe(&self, id: &str) -> impl Future<Output = Result<Option<Observed<Self::Document>>>> + Send;

    /// The whole collection, over all pages. Documents lack what [`External::UNLISTED`] names.
    fn list(&self) -> impl Future<Output = Result<Vec<Observed<Self::Document>>>> + Send;

    /// A list that was begun at `not_before` or later; all callers share one. `None` while lists
    /// cannot be had.
    fn snapshot(&self, not_before: Instant) -> impl Future<Output = Option<Arc<Snapshot<Self::Document>>>> + Send;

    /// Whether this is the turn of one more close look at what lists leave out. Turns come as often
    /// as the account's rate limit allows beside everything else.
    fn try_full_read(&self) -> bool {
        true
    }

    /// The upstream's verdict without writing; `None` where it cannot be asked.
    fn check(&self, wanted: &Self::Document) -> impl Future<Output = Result<Option<Verdict>>> + Send;

    /// Whether the collection has room for one more object, asked before a create; `QuotaExceeded`
    /// if not.
    fn check_quota(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Creates the object, stamp included.
    fn create(&self, wanted: &Self::Document, owner_tag: &OwnerTag) -> impl Future<Output = Result<Written>> + Send;

    /// Writes what `diff` names (its remedies are all `Update`); keeps the stamp.
    fn update(
        &self,
        id: &str,
        wanted: &Self::Document,
        diff: &Diff,
        owner_tag: &OwnerTag,
    ) -> impl Future<Output = Result<Written>> + Send;

    /// Puts the stamp on an existing object and changes nothing else.
    fn tag_owner(&self, id: &str, owner_tag: &OwnerTag) -> impl Future<Output = Result<()>> + Send;

    /// Deletes the object.
    fn delete(&self, id: &str) -> impl Future<Output = Result<()>> + Send;

    /// Who uses the object and so keeps it from being deleted, as text for people; empty where
    /// nobody does or the upstream cannot be asked.
    fn used_by(&self, id: &str) -> impl Future<Output = Result<Vec<String>>> + Send;
}
