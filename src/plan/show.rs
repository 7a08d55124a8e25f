//! Describes what a plan does: the action, the fields that differ, how access changes and who holds it.

use super::owners::Owners;
use super::planner::{End, Place, Planner};
use super::report::{Access, Field, Planned, UsedBy};
use crate::api::Reason;
use crate::engine::access::Change;
use crate::engine::access::effects::Effects;
use crate::engine::access::guardrails::{Grants, Judgement};
use crate::engine::actions::{self, Action};
use crate::engine::diff::{SHOWN_FIELDS, shortened};
use crate::engine::outcome::Outcome;
use crate::engine::plan::{Plan, Refusal};
use crate::engine::{BoundExternal, Diff, FieldDiff, Observation, UpstreamError};
use crate::manifests::{Described, Object};
use crate::upstream::registry;
use std::sync::{Mutex, PoisonError};

/// How many users of an upstream object are named.
const NAMED_USERS: usize = 20;

impl Planner {
    /// Describes what a plan does to the upstream object and to access.
    pub(super) async fn show(
        &self,
        place: &Place<'_>,
        external: &dyn BoundExternal,
        plan: &Plan,
        planned: &mut Planned,
    ) -> Result<(), End> {
        let (action, message) = actions::of(plan);
        (planned.action, planned.message) = (action, message);
        planned.reason = reason(plan, action);
        if let (Owners::Unknown, Plan::Refuse(Refusal::ForeignTag { id, owner })) = (&self.owners, plan) {
            planned.message = Some(format!(
                "{id} has the owner tag {owner}. If that is your cluster, name its id with --cluster-id, or plan with --against cluster."
            ));
        }
        let Some(observed) = observation(plan) else {
            if action == Action::Create {
                planned.access = Access::of(&created(external, place.content));
            }
            return Ok(());
        };
        if let Some(upstream) = &mut planned.upstream {
            upstream.id = Some(observed.id.clone());
        }
        planned.fields = fields(&observed.diff, place.object);
        if !action.changes() || observed.diff.is_empty() {
            return Ok(());
        }
        let found = changed(external, &observed.id, &observed.diff, place).await?;
        planned.access = Access::of(&found);
        if found.change != Change::Equal {
            planned.used_by = self.users(external, &observed.id).await;
        }
        Ok(())
    }

    /// Returns who uses an upstream object; `None` if the upstream does not tell.
    async fn users(&self, external: &dyn BoundExternal, id: &str) -> Option<UsedBy> {
        let users = external.deleter().used_by(id, self.since).await.ok()?;
        let count = users.len();
        let names = if self.names_users { users.into_iter().take(NAMED_USERS).collect() } else { Vec::new() };
        Some(UsedBy { count, names })
    }
}

/// Returns the upstream object that a plan is about.
fn observation(plan: &Plan) -> Option<&Observation> {
    match plan {
        Plan::Existing(existing) => Some(&existing.observed),
        Plan::Recheck(observed) | Plan::Duplicate { oldest: observed, .. } => Some(observed),
        Plan::Report { observed, .. } => observed.as_ref(),
        Plan::Create | Plan::Wait | Plan::Yield(_) | Plan::Refuse(_) => None,
    }
}

/// Returns the reason of `Ready` for an object of which nothing is written.
fn reason(plan: &Plan, action: Action) -> Option<&'static str> {
    let reason = match plan {
        Plan::Refuse(refusal) => refusal.reason(),
        Plan::Yield(_) => Reason::Conflict,
        Plan::Duplicate { .. } => Reason::Duplicate,
        Plan::Existing(existing) if action == Action::Blocked && existing.observed.diff.needs_recreate() => {
            Reason::RecreateRequired
        }
        Plan::Existing(_) if action == Action::Blocked => Reason::NotApplied,
        Plan::Report { observed, why } => Outcome::reported(observed.as_ref().map(|it| it.diff.clone()), *why).reason,
        Plan::Create | Plan::Wait | Plan::Recheck(_) | Plan::Existing(_) => return None,
    };
    Some(reason.as_str())
}

/// Returns what the creation of the object grants.
fn created(external: &dyn BoundExternal, content: &dyn Described) -> Effects {
    match external.grants() {
        Grants::Nothing => Effects::of_change(registry::granted(content.desired()), None),
        grants => Effects::between(&Grants::Nothing, &grants),
    }
}

/// Returns how access changes when the upstream object becomes as the spec says. It reads the object once more.
async fn changed(
    external: &dyn BoundExternal,
    id: &str,
    diff: &Diff,
    place: &Place<'_>,
) -> Result<Effects, UpstreamError> {
    let by_diff = || Effects::of_change(diff.access.reversed(), diff.witness.clone());
    let wanted = external.grants();
    if wanted == Grants::Nothing {
        return Ok(by_diff());
    }
    let found = Mutex::new(None);
    let compare = |now: &Grants<'_>| {
        *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(Effects::between(now, &wanted));
        Judgement::Within
    };
    let seen = external.observe_judged(id, &compare).await?;
    let effects = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Another writer was faster: the object is gone.
    Ok(effects.filter(|_| seen.is_some()).unwrap_or_else(|| created(external, place.content)))
}

fn fields(diff: &Diff, object: &Object) -> Vec<Field> {
    let shown = diff.fields.iter().take(SHOWN_FIELDS);
    let field = |it: &FieldDiff| Field {
        path: it.path.clone(),
        line: Some(object.line_of(&it.path)),
        desired: shortened(&it.desired),
        observed: shortened(&it.observed),
    };
    shown.map(field).collect()
}
