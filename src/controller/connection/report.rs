//! Reports a check in the status of the connection, and publishes an event when `Ready` changes.

use super::context::Context;
use super::probe::Check;
use crate::api::connection::ConnectionStatus;
use crate::api::{ConditionType, RECONCILE_REQUESTED_AT, Reason};
use crate::controller::Result;
use crate::controller::context::Shared;
use crate::controller::k8s::status;
use crate::controller::kinds::connection::ConnectionResource;
use crate::controller::state::accounts::Readiness;
use crate::controller::state::dependents::Dependent;
use crate::controller::state::footprint::Footprint;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// A connection as a check found it.
pub(super) struct Observed<'a, K: ConnectionResource> {
    /// The connection.
    pub object: &'a K,
    /// The result of the check.
    pub check: &'a Check,
    /// The objects that use it, when they are known.
    pub dependents: Option<&'a [Dependent]>,
}

impl<K: ConnectionResource> Observed<'_, K> {
    /// Writes the status if it changed.
    pub async fn report(self, ctx: &Context<K>) -> Result<()> {
        let before = self.object.status();
        let mut after = self.status(&before, ctx.shared.clock.now());
        if !ctx.shared.settings.selector.selects_all() {
            // Other operators have the other dependents.
            (after.dependants, after.recorded_elsewhere) = (None, None);
        }
        if after == before {
            return Ok(());
        }
        let written = status::write(&ctx.api(self.object), self.object, &after).await?;
        ctx.shared.records.remember(&written.uid().unwrap_or_default(), Footprint::of_connection(&written));
        let written = written.status();
        if ready(&before.conditions) != ready(&written.conditions) {
            self.announce(&ctx.shared);
        }
        Ok(())
    }

    fn status(&self, before: &ConnectionStatus, now: Timestamp) -> ConnectionStatus {
        let Self { object, check, dependents } = self;
        let count = dependents.and_then(|all| i64::try_from(all.len()).ok());
        let elsewhere = dependents.map(elsewhere).and_then(|number| i64::try_from(number).ok());
        let generation = object.meta().generation.unwrap_or_default();
        let requested = object.annotations().get(RECONCILE_REQUESTED_AT).cloned();
        ConnectionStatus {
            observed_generation: generation,
            conditions: conditions(check, &before.conditions, generation, now),
            endpoint: check.endpoint.clone().or_else(|| before.endpoint.clone()),
            account: check.account_id(before),
            secret_resource_version: check.version.clone().or_else(|| before.secret_resource_version.clone()),
            usage: check.usage.clone().or_else(|| before.usage.clone()),
            dependants: count.or(before.dependants),
            recorded_elsewhere: elsewhere.map_or(before.recorded_elsewhere, |number| (number > 0).then_some(number)),
            last_handled_reconcile_at: requested.or_else(|| before.last_handled_reconcile_at.clone()),
        }
    }

    fn announce(&self, shared: &Shared) {
        let (events, about) = (&shared.events, self.object.object_ref(&()));
        let Check { readiness, message, ready_reason, .. } = self.check;
        match readiness {
            Readiness::Ready(_) if *ready_reason == Reason::Authenticated => {
                events.normal(&about, ready_reason.as_str(), message);
            }
            Readiness::Ready(_) => events.warning(&about, ready_reason.as_str(), message),
            Readiness::NotReady { reason } => events.warning(&about, reason.as_str(), message),
        }
    }
}

/// Returns how many objects say that they are recorded in another place than the one to which the connection
/// leads.
pub(super) fn elsewhere(dependents: &[Dependent]) -> usize {
    dependents.iter().filter(|dependent| dependent.moved).count()
}

fn conditions(check: &Check, before: &[Condition], generation: i64, now: Timestamp) -> Vec<Condition> {
    let (status, reason) = match &check.readiness {
        Readiness::Ready(_) => ("True", check.ready_reason),
        Readiness::NotReady { reason } => ("False", *reason),
    };
    let stalled = check.stalled.then_some((ConditionType::Stalled, "True"));
    [(ConditionType::Ready, status)]
        .into_iter()
        .chain(stalled)
        .map(|(kind, status)| {
            let old = before.iter().find(|condition| condition.type_ == kind.as_str() && condition.status == status);
            Condition {
                type_: kind.as_str().to_owned(),
                status: status.to_owned(),
                reason: reason.as_str().to_owned(),
                message: check.message.clone(),
                observed_generation: Some(generation),
                last_transition_time: old.map_or(Time(now), |condition| condition.last_transition_time.clone()),
            }
        })
        .collect()
}

fn ready(conditions: &[Condition]) -> Option<(&str, &str)> {
    let ready = ConditionType::Ready.find(conditions)?;
    Some((ready.status.as_str(), ready.reason.as_str()))
}
