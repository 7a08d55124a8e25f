//! The contract with one upstream collection.

use super::access::Change;
use super::access::guardrails::Grants;
use super::{Diff, FieldDiff, FoundTag, OwnerTag, Problem, Result, UpstreamError, User};
use crate::api::status::ValidationResult;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

/// The upstream's verdict, in the form that status shows.
pub type Verdict = ValidationResult;

/// The canonical form of one upstream object: the SAME type for the desired and for the observed
/// object. A field that the user did not set is `None` and is not compared.
pub trait Document: Clone + PartialEq + Serialize + Send + Sync + Debug + 'static {
    /// The fields of an object that only the upstream sets, in the camel case of status.
    type Details: Serialize + Clone + PartialEq + Send + Sync + Debug + 'static;

    /// Returns the name under which the object can be found without its id: the policy's name, or
    /// the id that the caller chose. It is recorded before the create call.
    fn key(&self) -> String;

    /// Compares `observed` with `self` by meaning and returns the differences.
    fn diff(&self, observed: &Self) -> Diff;

    /// Compares the document with none at all: how access changes when the object appears.
    fn granted(&self) -> Change;

    /// Returns what the document grants, as guardrails judge it.
    fn grants(&self) -> Grants<'_>;

    /// Returns the difference of an object that has no effect because of its state, with [`Remedy::Person`].
    ///
    /// [`Remedy::Person`]: super::Remedy::Person
    #[must_use]
    fn ineffective(_details: &Self::Details) -> Option<FieldDiff> {
        None
    }

    /// Returns the names in the document that the upstream goes on showing when the spec drops them, such as keys of
    /// a merged map. The caller records them.
    fn lasting_names(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }

    /// Takes the recorded names. One that the document declared once and does not declare any more is a difference;
    /// other writers wrote all others.
    fn remember(&mut self, _once_declared: &BTreeSet<String>) {}

    /// Checks the rules that only a new object must keep, before it is created.
    fn validate_new(&self) -> Vec<Problem> {
        Vec::new()
    }

    /// Checks the rules that the upstream enforces badly or not at all, before anything is sent.
    fn validate(&self) -> Vec<Problem>;
}

impl<S> Written<S> {
    /// Converts the object that a response shows.
    pub fn map<T>(self, convert: impl FnOnce(S) -> T) -> Written<T> {
        match self {
            Self::Accepted { id, verdict, shown } => Written::Accepted { id, verdict, shown: shown.map(convert) },
            Self::Incomplete { id, error } => Written::Incomplete { id, error },
            Self::Refused(verdict) => Written::Refused(verdict),
        }
    }
}

/// One upstream object as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed<D: Document> {
    /// The upstream's id.
    pub id: String,
    /// Its content.
    pub document: D,
    /// The owner tag that was found.
    pub found_tag: FoundTag,
    /// Its further fields.
    pub details: D::Details,
}

/// The [`Document::Details`] of an object as JSON: status shows them unchanged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Details(Map<String, Value>);

impl Details {
    /// Converts the struct of a collection or of a status; anything but a JSON object is empty.
    pub fn of(details: &impl Serialize) -> Self {
        match serde_json::to_value(details) {
            Ok(Value::Object(fields)) => Self(fields),
            _ => Self::default(),
        }
    }

    /// Converts them to the struct of a status. Unknown fields are ignored.
    #[must_use]
    pub fn read<T: DeserializeOwned + Default>(&self) -> T {
        serde_json::from_value(Value::Object(self.0.clone())).unwrap_or_default()
    }
}

/// The response to a create or update. `S` is the object as a response shows it.
#[derive(Debug, Clone, PartialEq)]
pub enum Written<S> {
    /// The upstream says that it accepted the write. The next observation shows whether it did.
    Accepted {
        /// The id of the object.
        id: String,
        /// The verdict in the response, if the upstream gives one.
        verdict: Option<Verdict>,
        /// The whole object as the upstream stored it, if the response shows that.
        shown: Option<S>,
    },
    /// The object was created, and a write that completes it failed.
    Incomplete {
        /// The id of the object.
        id: String,
        /// The failure of the later write.
        error: UpstreamError,
    },
    /// The upstream responded and changed nothing.
    Refused(Verdict),
}

/// One upstream collection, such as the policies of one NAVER Cloud account.
///
/// # Guarantees that implementations give
/// - Absence is `Ok(None)` or an empty list, never an error; failure is never absence.
/// - `find`, `observe`, `list`, `check`, `check_quota` and `used_by` never write.
/// - Every call may be repeated. `create` sends at most one create request: it does not retry,
///   because the caller must observe before a second attempt. Reads may retry.
/// - `create` writes the owner tag in the create request itself.
/// - `delete` of an absent object is `Ok`.
/// - If the response to a write is lost, cut or unreadable after the request was sent, the error is
///   `ErrorKind::OutcomeUnknown`.
pub trait External: Send + Sync + 'static {
    /// The name of the collection in status and metrics, such as `ncloud/policy`.
    const SYSTEM: &'static str;

    /// Paths of the spec that lists leave out. If there are any, lists do not show owner tags either.
    const UNLISTED: &'static [&'static str] = &[];

    /// The paths of the spec that only name the object. Empty where lists do not show owner tags.
    const NAMES: &'static [&'static str] = &[];

    /// How many objects one page of a list shows.
    const PAGE_SIZE: u64;

    /// Whether the users of an object keep what it grants after its deletion.
    const GRANTS_AFTER_DELETION: bool = false;

    /// Whether its objects have users: those that grant nothing have none.
    const HAS_USERS: bool = true;

    /// The canonical form of its objects.
    type Document: Document;

    /// Tells the key of the objects that later calls are about. It may help to prove that an object is absent.
    fn know(&self, _key: &str) {}

    /// Finds every candidate: the objects with the key, and those with the owner tag. Oldest first
    /// if the upstream shows their age. Documents are complete.
    fn find(
        &self,
        key: &str,
        owner_tag: &OwnerTag,
    ) -> impl Future<Output = Result<Vec<Observed<Self::Document>>>> + Send;

    /// Looks in a list for an object that `observe` does not show; `None` where `observe` is a proof of absence.
    /// Some upstreams answer a failed read as an absence, and fail to list as they should.
    fn find_listed(&self, _key: &str) -> impl Future<Output = Result<Option<Observed<Self::Document>>>> + Send {
        async { Ok(None) }
    }

    /// Finds objects with this owner tag under any key, at the cost of a read of each object, unless an earlier search read it
    /// at `not_before` or later; nothing where `find` searches by the owner tag, or where people cannot change the key.
    fn find_tagged(
        &self,
        _owner_tag: &OwnerTag,
        _not_before: Instant,
    ) -> impl Future<Output = Result<Vec<Observed<Self::Document>>>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Reads the object with this id completely.
    fn observe(&self, id: &str) -> impl Future<Output = Result<Option<Observed<Self::Document>>>> + Send;

    /// Lists the whole collection, over all pages. Documents lack the fields in [`External::UNLISTED`].
    fn list(&self) -> impl Future<Output = Result<Vec<Observed<Self::Document>>>> + Send;

    /// Asks for the upstream's verdict without writing; `None` if the upstream has no such call.
    fn check(&self, wanted: &Self::Document) -> impl Future<Output = Result<Option<Verdict>>> + Send;

    /// Checks before a create that the quota allows one more object; the error is `QuotaExceeded` if not.
    fn check_quota(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Creates the object with its owner tag.
    fn create(
        &self,
        wanted: &Self::Document,
        owner_tag: &OwnerTag,
    ) -> impl Future<Output = Result<Written<Observed<Self::Document>>>> + Send;

    /// Writes the fields in `diff` of an object that the caller has observed, whose remedies are all `Update`; keeps the owner tag.
    fn update(
        &self,
        id: &str,
        wanted: &Self::Document,
        diff: &Diff,
        owner_tag: &OwnerTag,
    ) -> impl Future<Output = Result<Written<Observed<Self::Document>>>> + Send;

    /// Returns how long the upstream may go on granting what an update of `diff` takes away; `None` if it takes
    /// nothing away, or takes it away at once.
    fn revocation_delay(_wanted: &Self::Document, _diff: &Diff) -> Option<Duration> {
        None
    }

    /// Writes the owner tag of an existing object and changes nothing else.
    fn tag_owner(&self, id: &str, owner_tag: &OwnerTag) -> impl Future<Output = Result<()>> + Send;

    /// Removes the owner tag of an object, if it is this one, and changes nothing else.
    fn untag_owner(&self, id: &str, owner_tag: &OwnerTag) -> impl Future<Output = Result<()>> + Send;

    /// Finds objects with an owner tag that `wanted` may have been before its Kubernetes object was lost:
    /// those with its name, where names are not unique. Where they are, `find` returns these.
    fn find_namesakes(
        &self,
        _wanted: &Self::Document,
    ) -> impl Future<Output = Result<Vec<Observed<Self::Document>>>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Deletes the object.
    fn delete(&self, id: &str) -> impl Future<Output = Result<()>> + Send;

    /// Reads the owner tag of an object that a list shows.
    fn found_tag(&self, id: &str) -> impl Future<Output = Result<FoundTag>> + Send {
        async move { Ok(self.observe(id).await?.map_or(FoundTag::NotShown, |seen| seen.found_tag)) }
    }

    /// Lists the users of the object that prevent its deletion, as text for people. Empty if there
    /// are none or the upstream has no such call; `UsersUnknown` if the upstream refuses to tell. A list
    /// that also tells the users of other objects must have begun at `not_before` or later.
    fn used_by(&self, id: &str, not_before: Instant) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// Lists the users of the object with their kinds, in order, as [`External::used_by`] does; `None` if the object does not
    /// exist any more. A failure is never an empty list.
    fn users(&self, id: &str, not_before: Instant) -> impl Future<Output = Result<Option<Vec<User>>>> + Send;
}
