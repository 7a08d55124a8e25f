//! Finds out where the upstream object of a deletion may be, and what to delete there.
//!
//! The spec names the collection and the name. Status only adds an id: other writers may have removed or changed it.
//! So the operator also searches, unless the recorded object is ours and no second one can exist beside it.

use super::places::Place;
use crate::api::status::UpstreamRef;
use crate::api::{FORCE_ORPHAN, Reason};
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::conflicts;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::controller::policy::stop::Stop;
use crate::engine::deletion_plan::{DeletionPlan, DeletionRecord, plan_deletion};
use crate::engine::outcome::Outcome;
use crate::engine::{ExternalDeleter, Ownership, Problem};
use crate::upstream::{Account, registry};
use std::sync::Arc;

/// One collection in which the upstream object may be.
pub struct Target {
    /// Deletes there.
    pub deleter: Box<dyn ExternalDeleter>,
    /// The id in status.
    pub id: Option<String>,
    /// The name to search for.
    pub key: String,
    /// The account, as text.
    location: String,
}

/// What a deletion does with a target.
pub struct Planned {
    /// What it deletes.
    pub plan: DeletionPlan,
    /// Whether it deletes nothing because the name is held by an object that is not ours.
    pub is_taken: bool,
}

/// Returns the collections at a place: for that of the spec its collection, and the one in status if that is another.
pub fn at<K: Managed>(
    this: &Reconciliation<'_, K>,
    place: &Place<'_>,
    account: &Arc<Account>,
) -> Result<Vec<Target>, Stop> {
    let record = place.record;
    if !place.is_of_spec {
        return only_recorded(this, account, record);
    }
    let bound = registry::bind(account, this.object.desired(), &this.owner_tag(), this.request_context());
    let (system, key) = match &bound {
        Ok(external) => (Some(external.system()), Some(external.key())),
        Err(_) => (None, None),
    };
    let matches = |record: &&UpstreamRef| system == Some(record.system.as_str());
    let of_spec = bound.as_ref().ok().map(|external| {
        let id = record.filter(matches).and_then(|record| record.id.clone());
        Target::new(account, external.deleter(), id, external.key())
    });
    let of_record = record.filter(|record| !matches(record)).and_then(|record| {
        let deleter = registry::deleter(account, &record.system, &this.owner_tag(), this.request_context())?;
        let key = key.unwrap_or_else(|| record.key.clone());
        Some(Target::new(account, deleter, record.id.clone(), key))
    });
    match bound {
        Err(problem) if of_record.is_none() => Err(unreachable(record, &problem).into()),
        _ => Ok(of_spec.into_iter().chain(of_record).collect()),
    }
}

/// Returns the recorded collection at a place that the spec does not name.
fn only_recorded<K: Managed>(
    this: &Reconciliation<'_, K>,
    account: &Account,
    record: Option<&UpstreamRef>,
) -> Result<Vec<Target>, Stop> {
    let target = record.and_then(|record| {
        let deleter = registry::deleter(account, &record.system, &this.owner_tag(), this.request_context())?;
        Some(Target::new(account, deleter, record.id.clone(), record.key.clone()))
    });
    let problem = || Problem {
        field: "spec.connectionRef".to_owned(),
        message: "the recorded connection leads to another provider".to_owned(),
    };
    target.map(|target| vec![target]).ok_or_else(|| unreachable(record, &problem()).into())
}

/// Reports that neither spec nor status names a collection that the connection reaches.
fn unreachable(record: Option<&UpstreamRef>, Problem { field, message }: &Problem) -> Outcome {
    let recorded =
        record.map(|record| format!("status.upstream names {}, which this connection does not reach. ", record.system));
    let message = format!(
        "{}{field}: {message}. Set the annotation {FORCE_ORPHAN}=true to release this object without a search upstream.",
        recorded.unwrap_or_default()
    );
    Outcome::refused(Reason::InvalidSpec, message)
}

impl Target {
    fn new(account: &Account, deleter: Box<dyn ExternalDeleter>, id: Option<String>, key: String) -> Self {
        let location = registry::location(account, deleter.system()).to_string();
        Self { deleter, id, key, location }
    }

    /// Returns the ids of the objects with our owner tag: the recorded one, and those that a search finds. Also returns
    /// whether anything was found, with or without it.
    pub async fn ours<K: Managed>(&self, this: &Reconciliation<'_, K>) -> crate::engine::Result<(Vec<String>, bool)> {
        self.deleter.know(&self.key);
        if let Some(id) = this.only_id(self).await {
            return Ok((vec![id], true));
        }
        let (recorded, mut all) = self.find(this, &self.deletion_record(this, None)).await?;
        if let Some((id, owner)) = self.id.clone().zip(recorded) {
            all.retain(|(found, _)| *found != id);
            all.insert(0, (id, owner));
        }
        let is_there = !all.is_empty();
        Ok((all.into_iter().filter(|(_, owner)| *owner == Ownership::Ours).map(|(id, _)| id).collect(), is_there))
    }

    /// Observes the objects and decides which to delete.
    pub async fn plan<K: Managed>(&self, this: &Reconciliation<'_, K>) -> crate::engine::Result<Planned> {
        // Where people choose the id, another writer may have made an object of this id anew.
        let proven = this.shared().records.proven(&this.uid()).filter(|id| *id != self.key);
        let record = self.deletion_record(this, proven.as_deref());
        self.deleter.know(&self.key);
        if let Some(id) = this.only_id(self).await {
            return Ok(Planned { plan: DeletionPlan::Delete(vec![id]), is_taken: false });
        }
        let (recorded, named) = self.find(this, &record).await?;
        let is_hidden = recorded == Some(Ownership::Unknown);
        let is_claimed = is_hidden && conflicts::first_claim(this, |id| self.id.as_deref() == Some(id)).is_some();
        let record = DeletionRecord { is_claimed, ..record };
        let is_empty = named.is_empty();
        let plan = plan_deletion(&record, recorded, named);
        let is_taken = !is_empty && plan == DeletionPlan::Delete(Vec::new());
        Ok(Planned { plan, is_taken })
    }

    fn deletion_record<'a, K: Managed>(
        &'a self,
        this: &Reconciliation<'_, K>,
        proven: Option<&'a str>,
    ) -> DeletionRecord<'a> {
        let (operation, records) = (this.status.common.operation.as_ref(), &this.shared().records);
        let adopts = operation.is_some_and(|operation| records.began_adoption(&this.uid(), &operation.id));
        let in_flight = operation.map(|operation| operation.kind);
        DeletionRecord { id: self.id.as_deref(), in_flight, proven, adopts, is_claimed: false }
    }

    /// Returns the owner of the recorded object, and what a search finds if one is needed.
    async fn find<K: Managed>(
        &self,
        this: &Reconciliation<'_, K>,
        record: &DeletionRecord<'_>,
    ) -> crate::engine::Result<(Option<Ownership>, Vec<(String, Ownership)>)> {
        let recorded = match record.id {
            Some(id) => self.deleter.owner(id).await?,
            None => None,
        };
        let mut named = if record.needs_search(recorded.as_ref(), &self.key) {
            self.deleter.find(&self.key).await?
        } else {
            Vec::new()
        };
        if recorded.is_none() && named.is_empty() && this.shared().settings.safeguards.absence_by_list {
            named.extend(self.deleter.find_listed(&self.key).await?);
        }
        let is_ours = |owner: &Ownership| *owner == Ownership::Ours;
        // What has the name may be of another owner.
        let has_ours = recorded.as_ref().is_some_and(is_ours) || named.iter().any(|(_, owner)| is_ours(owner));
        let adopts = this.shared().records.refused_adoption(&this.uid()).is_some();
        if !has_ours && (adopts || this.may_be_renamed(&self.location)) {
            let tagged = self.deleter.find_tagged(this.tags_not_before()).await?;
            if tagged.is_empty() && this.grace_left().is_none() {
                this.shared().records.tag_searched(&this.uid(), &self.location);
            }
            named.extend(tagged);
        }
        named.retain(|(id, _)| !this.shared().records.is_replaced(&this.uid(), id));
        Ok((recorded, named))
    }
}
