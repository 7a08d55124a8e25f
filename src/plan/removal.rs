//! Plans the deletion of an object that no manifest describes any more, in the order of the controller.

use super::planner::{End, Planner};
use super::rehearsal::Recorder;
use super::report::{Access, Planned, UpstreamObject};
use crate::api::status::UpstreamRef;
use crate::api::{CONFIRM_DELETE, ConnectionKey, Reason};
use crate::engine::access::effects::Effects;
use crate::engine::access::guardrails::Grants;
use crate::engine::actions::Action;
use crate::engine::deletion_plan::{self, DeletionPlan, DeletionRecord, plan_deletion};
use crate::engine::{ErrorKind, ExternalDeleter, OrphanReason, OwnerTag, Ownership, UpstreamError};
use crate::manifests::{Described, Object};
use crate::upstream::{RequestContext, registry};
use std::sync::Arc;

impl Planner {
    /// Plans the deletion.
    pub(super) async fn removal(
        &self,
        object: &Object,
        content: &dyn Described,
        planned: &mut Planned,
    ) -> Result<(), End> {
        let status = content.status().common;
        let Some(record) = &status.upstream else {
            planned.message =
                Some("Status records no upstream object, so the deletion only searches for one.".to_owned());
            return Ok(());
        };
        let key = ConnectionKey::of(&record.connection, &object.namespace);
        planned.upstream = Some(UpstreamObject {
            connection: key.to_string(),
            system: registry::systems().into_iter().find(|system| *system == record.system).unwrap_or_default(),
            key: record.key.clone(),
            id: record.id.clone(),
        });
        let keeps = content.orphan_reason();
        if let Some(why) = keeps {
            (planned.action, planned.message) = (Action::Orphan, Some(kept(why).to_owned()));
        }
        if keeps == Some(OrphanReason::Observed) {
            return Ok(());
        }
        let recorder = Arc::<Recorder>::default();
        let deleter = self.deleter(&key, record, content, Recorder::context(&recorder, &object.namespace))?;
        let in_flight = status.operation.as_ref().map(|operation| operation.kind);
        let known =
            DeletionRecord { id: record.id.as_deref(), in_flight, proven: None, adopts: false, is_claimed: false };
        let plan = self.find(&known, record, deleter.as_ref()).await?;
        self.carry(plan, content, deleter.as_ref(), planned).await?;
        planned.writes = recorder.writes();
        Ok(())
    }

    fn deleter(
        &self,
        key: &ConnectionKey,
        record: &UpstreamRef,
        content: &dyn Described,
        request_context: RequestContext,
    ) -> Result<Box<dyn ExternalDeleter>, End> {
        let open = self.connections.get(key).map_err(|message| End::Failed(message.to_owned()))?;
        let tag = OwnerTag::new(self.owners.cluster(), content.uid().unwrap_or_default());
        registry::deleter(&open.account, &record.system, &tag, request_context)
            .ok_or_else(|| End::Blocked(Reason::InvalidSpec, format!("{key} has no collection {}", record.system)))
    }

    /// Deletes or releases the upstream objects of a plan, without the writes.
    async fn carry(
        &self,
        plan: DeletionPlan,
        content: &dyn Described,
        deleter: &dyn ExternalDeleter,
        planned: &mut Planned,
    ) -> Result<(), End> {
        let keeps = planned.action == Action::Orphan;
        match plan {
            DeletionPlan::Blocked(_) | DeletionPlan::NotOurs if keeps => Ok(()),
            DeletionPlan::Blocked(outcome) => Err(End::Blocked(outcome.reason, outcome.message)),
            DeletionPlan::NotOurs => {
                planned.action = Action::Orphan;
                planned.message = Some("The upstream object belongs to another owner and stays.".to_owned());
                Ok(())
            }
            DeletionPlan::Delete(ids) if keeps => {
                for id in &ids {
                    deleter.untag(id).await?;
                }
                Ok(())
            }
            DeletionPlan::Delete(ids) => self.delete(&ids, content, deleter, planned).await,
        }
    }

    /// Finds the upstream objects and decides which are deleted.
    async fn find(
        &self,
        known: &DeletionRecord<'_>,
        record: &UpstreamRef,
        deleter: &dyn ExternalDeleter,
    ) -> Result<DeletionPlan, UpstreamError> {
        deleter.know(&record.key);
        let recorded = match known.id {
            Some(id) => deleter.owner(id).await?.map(|owner| self.owners.resolve(owner)),
            None => None,
        };
        let mut named = Vec::new();
        if known.needs_search(recorded.as_ref(), &record.key) {
            named.extend(deleter.find(&record.key).await?);
        }
        if recorded.is_none() && named.is_empty() {
            named.extend(deleter.find_listed(&record.key).await?);
        }
        let named: Vec<(String, Ownership)> =
            named.into_iter().map(|(id, owner)| (id, self.owners.resolve(owner))).collect();
        Ok(plan_deletion(known, recorded, named))
    }

    async fn delete(
        &self,
        ids: &[String],
        content: &dyn Described,
        deleter: &dyn ExternalDeleter,
        planned: &mut Planned,
    ) -> Result<(), End> {
        for id in ids {
            let used_by = match deleter.used_by(id, self.since).await {
                Err(error) if error.kind == ErrorKind::UsersUnknown && content.has_annotation(CONFIRM_DELETE) => {
                    Vec::new()
                }
                Err(error) if error.kind == ErrorKind::UsersUnknown => {
                    let message = format!("{} {}", error.sentence(), error.kind.advice());
                    return Err(End::Blocked(Reason::UsersUnknown, message));
                }
                used_by => used_by?,
            };
            if !used_by.is_empty() {
                let outcome = deletion_plan::in_use(id, &used_by);
                return Err(End::Blocked(outcome.reason, outcome.message));
            }
            deleter.delete(id).await?;
        }
        if !ids.is_empty() {
            planned.action = Action::Delete;
            planned.access = revoked(content);
        }
        Ok(())
    }
}

/// Returns how access changes when the upstream object goes.
pub(super) fn revoked(content: &dyn Described) -> Access {
    let mut effects = None;
    registry::examine(content.desired(), &mut |_, grants: &Grants<'_>| {
        effects = (*grants != Grants::Nothing).then(|| Effects::between(grants, &Grants::Nothing));
    });
    let by_change = || Effects::of_change(registry::granted(content.desired()).reversed(), None);
    Access::of(&effects.unwrap_or_else(by_change))
}

pub(super) fn kept(why: OrphanReason) -> &'static str {
    match why {
        OrphanReason::Requested => "deletionPolicy is Orphan: the upstream object stays, without an owner.",
        OrphanReason::Observed => "managementPolicy is Observe: the upstream object stays.",
        OrphanReason::Forced
        | OrphanReason::CrdDeleted
        | OrphanReason::Deadline
        | OrphanReason::NotOurs
        | OrphanReason::FinalizerRemoved
        | OrphanReason::NotSearched
        | OrphanReason::Moved => "An annotation asks to keep the upstream object, without an owner.",
    }
}
