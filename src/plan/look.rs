//! Finds the upstream objects of an object, by the list that all objects of a connection share, or by reads.

use super::owners::Owners;
use crate::api::shared::{CommonSpec, ManagementPolicy};
use crate::engine::plan::PriorState;
use crate::engine::{BoundExternal, ListedObservation, Observation, Ownership, Result, owner_tag};
use std::time::Instant;

/// How many objects must be planned so that they share a list.
const LEAST_WAITING: usize = 10;

/// What is known before the upstream is read.
pub struct Look<'a> {
    /// What earlier reconciles left.
    pub prior: &'a PriorState,
    /// The spec.
    pub common: &'a CommonSpec,
    /// The owners of upstream objects.
    pub owners: &'a Owners,
    /// When the plan began: older lists do not count.
    pub since: Instant,
    /// How many objects are planned.
    pub waiting: usize,
    /// Whether only one upstream object can have the name.
    pub has_unique_name: bool,
    /// Whether another object claims the same upstream object and comes before this one.
    pub is_contended: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The objects that may be the one.
    pub objects: Vec<Observation>,
    /// Whether they belonged to objects of this cluster that do not exist any more.
    pub left_behind: bool,
    /// The uid in the owner tag of an object of this cluster, which stands for the uid that no manifest has.
    pub uid: Option<String>,
}

impl Look<'_> {
    /// Finds the objects.
    pub async fn find(&self, external: &dyn BoundExternal) -> Result<Found> {
        let is_new = self.prior.id.is_none() && self.prior.in_flight.is_none() && self.common.external_id.is_none();
        let observes = self.common.management_policy == ManagementPolicy::Observe;
        if is_new && !observes && external.is_absent_from_list(self.since, self.waiting).await {
            return Ok(Found::default());
        }
        let mut found = Found { objects: self.read(external).await?, ..Found::default() };
        for seen in &mut found.objects {
            self.resolve(seen, &mut found.uid);
        }
        if found.objects.is_empty() && is_new && !observes {
            let mut namesakes = external.find_namesakes().await?;
            for seen in &mut namesakes {
                self.resolve(seen, &mut found.uid);
            }
            namesakes.retain(|seen| matches!(seen.owner, Ownership::Untagged | Ownership::Ours));
            found.left_behind = found.uid.is_none() && !namesakes.is_empty();
            found.objects = namesakes;
        }
        Ok(found)
    }

    /// Reads the object with the known id. Unless that one is ours, also reads every object that may be the one.
    async fn read(&self, external: &dyn BoundExternal) -> Result<Vec<Observation>> {
        let known = self.prior.id.as_deref();
        let named = self.common.external_id.as_deref();
        if let Some(listed) = self.listed(external, known).await {
            return Ok(vec![listed]);
        }
        let mut found = Vec::new();
        if let Some(id) = known.or(named) {
            found.extend(external.observe(id).await?);
        }
        let ours = found.iter().any(|seen| seen.owner.may_be_ours());
        if !ours && (known.is_some() || named.is_none()) {
            let others = self.others(external).await?;
            found.retain(|seen| others.iter().all(|other| other.id != seen.id));
            found.extend(others);
        }
        if known.is_some() && found.is_empty() {
            found.extend(external.find_listed().await?);
        }
        Ok(found)
    }

    /// Finds every candidate: by the shared list if a list costs less than a search for each object.
    async fn others(&self, external: &dyn BoundExternal) -> Result<Vec<Observation>> {
        let shared = self.has_unique_name && self.waiting > LEAST_WAITING;
        let Some(ids) = (if shared { external.listed_ids(self.since).await } else { None }) else {
            return external.find().await;
        };
        let mut found = Vec::new();
        for id in ids {
            found.extend(external.observe(&id).await?);
        }
        Ok(found)
    }

    /// Returns the object as the shared list shows it, if that shows it completely and without a difference.
    async fn listed(&self, external: &dyn BoundExternal, known: Option<&str>) -> Option<Observation> {
        let key = external.key();
        match external.observe_listed(known.unwrap_or(&key), self.since).await {
            ListedObservation::Complete(seen) if seen.diff.is_empty() => Some(*seen),
            ListedObservation::Complete(_) | ListedObservation::PartialMatch | ListedObservation::Inconclusive => None,
        }
    }

    /// Resolves an owner tag of this cluster. Without its objects, it counts as that of the first manifest that claims the
    /// upstream object.
    fn resolve(&self, seen: &mut Observation, uid: &mut Option<String>) {
        if let (Owners::Cluster { id }, Ownership::ForeignTag(tag)) = (self.owners, &seen.owner)
            && !self.is_contended
            && let Some(own) = owner_tag::uid_of(tag, id)
        {
            *uid = Some(own.to_owned());
            seen.owner = Ownership::Ours;
            return;
        }
        seen.owner = self.owners.resolve(seen.owner.clone());
    }
}
