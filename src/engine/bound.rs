//! [`External`] with its type erased, so that the controller is written once for all upstreams.

use super::access::guardrails::{Grants, Judgement};
use super::deleter::{Deleter, ExternalDeleter};
use super::external::{Details, Document, External, Observed, Verdict, Written};
use super::observation::{ListedObservation, Observation};
use super::snapshot::{Snapshot, Snapshots};
use super::weighed::Weighed;
use super::{Diff, OwnerTag, Ownership, Problem, Result, User};
use futures::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Tells whether an owner tag is one of those that are looked for.
pub type IsOwner<'a> = &'a (dyn Fn(&str) -> bool + Sync);

/// Judges what an object grants.
pub type Judge<'a> = &'a (dyn Fn(&Grants<'_>) -> Judgement + Sync);

/// A desired object, bound to its collection. Each call has the contract of [`External`].
pub trait BoundExternal: Send + Sync {
    /// Returns the collection's name.
    fn system(&self) -> &'static str;
    /// Returns the name under which the object can be found without its id.
    fn key(&self) -> String;
    /// Returns what the desired object grants.
    fn grants(&self) -> Grants<'_>;
    /// Returns the desired object as JSON: the input of the request hash.
    fn wanted(&self) -> serde_json::Value;
    /// Checks the rules of the spec.
    fn validate(&self) -> Vec<Problem>;
    /// Checks the rules that only a new object must keep.
    fn validate_new(&self) -> Vec<Problem>;
    /// Returns the names to record: [`Document::lasting_names`].
    fn lasting_names(&self) -> BTreeSet<String>;
    /// Takes the recorded names: [`Document::remember`].
    fn remember(&mut self, once_declared: &BTreeSet<String>);
    /// Finds every candidate.
    fn find(&self) -> BoxFuture<'_, Result<Vec<Observation>>>;
    /// Looks in a list for an object that a read does not show.
    fn find_listed(&self) -> BoxFuture<'_, Result<Option<Observation>>>;
    /// Finds objects with our owner tag under another key.
    fn find_tagged(&self, not_before: Instant) -> BoxFuture<'_, Result<Vec<Observation>>>;
    /// Finds objects of other owners that the wanted one may have been before its Kubernetes object was lost.
    fn find_namesakes(&self) -> BoxFuture<'_, Result<Vec<Observation>>>;
    /// Finds in a list that started at `since` or later what equals the wanted object but for its name, and
    /// has one of these owner tags. Finds nothing if `waiting` further objects do not justify a list.
    fn find_alike<'a>(&'a self, since: Instant, waiting: usize, of: IsOwner<'a>) -> BoxFuture<'a, Vec<Observation>>;
    /// Reads the object with this id.
    fn observe<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Observation>>>;
    /// Reads the object with this id, and judges what it grants.
    fn observe_judged<'a>(
        &'a self,
        id: &'a str,
        judge: Judge<'a>,
    ) -> BoxFuture<'a, Result<Option<(Observation, Judgement)>>>;
    /// Weighs the creation of the object.
    fn weigh_new(&self) -> Weighed;
    /// Reads the object with this id, and weighs its change.
    fn weigh<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Weighed>>>;
    /// Looks up the object with this id in a list that started at `not_before` or later.
    fn observe_listed<'a>(&'a self, id: &'a str, not_before: Instant) -> BoxFuture<'a, ListedObservation>;
    /// Returns the ids of the objects with the key or our owner tag in a list that started at `not_before` or later; `None`
    /// if there is none.
    fn listed_ids(&self, not_before: Instant) -> BoxFuture<'_, Option<Vec<String>>>;
    /// Returns whether a list that started at `not_before` or later shows no object that [`BoundExternal::find`] or
    /// [`BoundExternal::find_namesakes`] might find. `false` also when `waiting` further objects do not justify a list.
    fn is_absent_from_list(&self, not_before: Instant, waiting: usize) -> BoxFuture<'_, bool>;
    /// Reports whether one more object may be read completely now.
    fn try_full_read(&self) -> bool;
    /// Returns whether the objects of the collection have users.
    fn has_users(&self) -> bool;
    /// Reports whether the users of one more object may be read now.
    fn try_users_read(&self) -> bool;
    /// Lists the users of the object with this id: [`External::users`].
    fn users<'a>(&'a self, id: &'a str, not_before: Instant) -> BoxFuture<'a, Result<Option<Vec<User>>>>;
    /// Asks for the upstream's verdict without writing; `None` if the upstream has no such call.
    fn check(&self) -> BoxFuture<'_, Result<Option<Verdict>>>;
    /// Checks that the quota allows one more object.
    fn check_quota(&self) -> BoxFuture<'_, Result<()>>;
    /// Creates the object.
    fn create(&self) -> BoxFuture<'_, Result<Written<Observation>>>;
    /// Writes the fields in the diff.
    fn update<'a>(&'a self, id: &'a str, diff: &'a Diff) -> BoxFuture<'a, Result<Written<Observation>>>;
    /// Returns how long the upstream may go on granting what an update of the diff takes away.
    fn revocation_delay(&self, diff: &Diff) -> Option<Duration>;
    /// Writes our owner tag.
    fn tag_owner<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>>;
    /// Returns the part of the binding that deletion needs.
    fn deleter(&self) -> Box<dyn ExternalDeleter>;
}

/// The one implementation of [`BoundExternal`].
pub struct Binding<E: External> {
    external: Arc<E>,
    snapshots: Arc<dyn Snapshots<E>>,
    wanted: E::Document,
    owner_tag: OwnerTag,
}

impl<E: External> Binding<E> {
    /// Binds the desired object to the collection and its lists.
    pub fn new(external: E, snapshots: Arc<dyn Snapshots<E>>, wanted: E::Document, owner_tag: OwnerTag) -> Self {
        external.know(&wanted.key());
        Self { external: Arc::new(external), snapshots, wanted, owner_tag }
    }

    fn alike(&self, all: &Snapshot<E::Document>, is_owner: &dyn Fn(&str) -> bool) -> Vec<Observation> {
        let is_alike =
            |seen: &Observation| seen.diff.fields.iter().all(|field| E::NAMES.contains(&field.path.as_str()));
        let others = all.owned_by_any(is_owner).map(|seen| self.observation(seen));
        others.filter(|seen| seen.owner != Ownership::Ours && is_alike(seen)).collect()
    }

    fn observation(&self, seen: &Observed<E::Document>) -> Observation {
        let mut diff = self.wanted.diff(&seen.document);
        diff.fields.extend(E::Document::ineffective(&seen.details));
        Observation {
            id: seen.id.clone(),
            owner: self.owner_tag.judge(&seen.found_tag),
            diff,
            details: Details::of(&seen.details),
        }
    }
}

impl<E: External> BoundExternal for Binding<E> {
    fn system(&self) -> &'static str {
        E::SYSTEM
    }
    fn key(&self) -> String {
        self.wanted.key()
    }
    fn grants(&self) -> Grants<'_> {
        self.wanted.grants()
    }
    fn wanted(&self) -> serde_json::Value {
        serde_json::to_value(&self.wanted).unwrap_or_default()
    }
    fn validate(&self) -> Vec<Problem> {
        self.wanted.validate()
    }
    fn validate_new(&self) -> Vec<Problem> {
        self.wanted.validate_new()
    }
    fn lasting_names(&self) -> BTreeSet<String> {
        self.wanted.lasting_names()
    }
    fn remember(&mut self, once_declared: &BTreeSet<String>) {
        self.wanted.remember(once_declared);
    }
    fn find(&self) -> BoxFuture<'_, Result<Vec<Observation>>> {
        Box::pin(async {
            let found = self.external.find(&self.wanted.key(), &self.owner_tag).await?;
            Ok(found.iter().map(|seen| self.observation(seen)).collect())
        })
    }
    fn find_listed(&self) -> BoxFuture<'_, Result<Option<Observation>>> {
        Box::pin(async {
            let listed = self.external.find_listed(&self.wanted.key()).await?;
            Ok(listed.map(|seen| self.observation(&seen)))
        })
    }
    fn find_tagged(&self, not_before: Instant) -> BoxFuture<'_, Result<Vec<Observation>>> {
        Box::pin(async move {
            let found = self.external.find_tagged(&self.owner_tag, not_before).await?;
            Ok(found.iter().map(|seen| self.observation(seen)).collect())
        })
    }
    fn find_namesakes(&self) -> BoxFuture<'_, Result<Vec<Observation>>> {
        Box::pin(async {
            let found = self.external.find_namesakes(&self.wanted).await?;
            Ok(found.iter().map(|seen| self.observation(seen)).collect())
        })
    }
    fn find_alike<'a>(
        &'a self,
        not_before: Instant,
        waiting: usize,
        is_owner: IsOwner<'a>,
    ) -> BoxFuture<'a, Vec<Observation>> {
        Box::pin(async move {
            if E::NAMES.is_empty() {
                return Vec::new();
            }
            let all = self.snapshots.snapshot_for_crowd(&self.external, not_before, waiting).await;
            all.map(|all| self.alike(&all, is_owner)).unwrap_or_default()
        })
    }
    fn observe<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Observation>>> {
        Box::pin(async move { Ok(self.external.observe(id).await?.map(|seen| self.observation(&seen))) })
    }
    fn observe_judged<'a>(
        &'a self,
        id: &'a str,
        judge: Judge<'a>,
    ) -> BoxFuture<'a, Result<Option<(Observation, Judgement)>>> {
        Box::pin(async move {
            let seen = self.external.observe(id).await?;
            Ok(seen.map(|seen| (self.observation(&seen), judge(&seen.document.grants()))))
        })
    }
    fn weigh_new(&self) -> Weighed {
        Weighed::between(serde_json::Value::Null, &Grants::Nothing, &self.wanted.grants())
    }
    fn weigh<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Weighed>>> {
        Box::pin(async move {
            let seen = self.external.observe(id).await?;
            Ok(seen.map(|Observed { document, .. }| {
                let in_force = serde_json::to_value(&document).unwrap_or_default();
                Weighed::between(in_force, &document.grants(), &self.wanted.grants())
            }))
        })
    }
    fn observe_listed<'a>(&'a self, id: &'a str, not_before: Instant) -> BoxFuture<'a, ListedObservation> {
        Box::pin(async move {
            let all = self.snapshots.snapshot(&self.external, not_before).await;
            let Some(all) = all else { return ListedObservation::Inconclusive };
            let Some(seen) = all.get(id) else { return ListedObservation::Inconclusive };
            if all.owned_by(&self.owner_tag).any(|other| other != id) {
                return ListedObservation::Inconclusive;
            }
            let observation = self.observation(seen);
            if E::UNLISTED.is_empty() {
                return ListedObservation::Complete(Box::new(observation));
            }
            let unlisted = |path: &str| E::UNLISTED.iter().any(|unlisted| path.starts_with(unlisted));
            let alike = observation.diff.fields.iter().all(|field| unlisted(&field.path));
            if alike { ListedObservation::PartialMatch } else { ListedObservation::Inconclusive }
        })
    }
    fn listed_ids(&self, not_before: Instant) -> BoxFuture<'_, Option<Vec<String>>> {
        Box::pin(async move {
            let all = self.snapshots.snapshot(&self.external, not_before).await?;
            Some(all.candidates(&self.wanted.key(), &self.owner_tag))
        })
    }
    fn is_absent_from_list(&self, not_before: Instant, waiting: usize) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let all = self.snapshots.snapshot_for_crowd(&self.external, not_before, waiting).await;
            let absent = |all: Arc<Snapshot<E::Document>>| {
                !all.has_key(&self.wanted.key()) && all.owned_by(&self.owner_tag).next().is_none()
            };
            all.is_some_and(absent)
        })
    }
    fn try_full_read(&self) -> bool {
        E::UNLISTED.is_empty() || self.snapshots.try_full_read()
    }
    fn has_users(&self) -> bool {
        E::HAS_USERS
    }
    fn try_users_read(&self) -> bool {
        E::UNLISTED.is_empty() || self.snapshots.try_users_read()
    }
    fn users<'a>(&'a self, id: &'a str, not_before: Instant) -> BoxFuture<'a, Result<Option<Vec<User>>>> {
        Box::pin(self.external.users(id, not_before))
    }
    fn check(&self) -> BoxFuture<'_, Result<Option<Verdict>>> {
        Box::pin(self.external.check(&self.wanted))
    }
    fn check_quota(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.external.check_quota())
    }
    fn create(&self) -> BoxFuture<'_, Result<Written<Observation>>> {
        Box::pin(async {
            let written = self.external.create(&self.wanted, &self.owner_tag).await?;
            Ok(written.map(|seen| self.observation(&seen)))
        })
    }
    fn update<'a>(&'a self, id: &'a str, diff: &'a Diff) -> BoxFuture<'a, Result<Written<Observation>>> {
        Box::pin(async move {
            let written = self.external.update(id, &self.wanted, diff, &self.owner_tag).await?;
            Ok(written.map(|seen| self.observation(&seen)))
        })
    }
    fn revocation_delay(&self, diff: &Diff) -> Option<Duration> {
        E::revocation_delay(&self.wanted, diff)
    }
    fn tag_owner<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.external.tag_owner(id, &self.owner_tag))
    }
    fn deleter(&self) -> Box<dyn ExternalDeleter> {
        Box::new(Deleter::new(Arc::clone(&self.external), Arc::clone(&self.snapshots), self.owner_tag.clone()))
    }
}
