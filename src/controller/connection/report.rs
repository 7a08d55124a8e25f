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
use crate::controller::state::records::Footprint;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// A connection as a check found it.
pub(super) struct Observed<'a, K: ConnectionResource> {
    /// The connection.
    pub object: &'a K,
    /// The result of the check.
    pub check: &'a Check,
    /// How many objects use it, when that is known.
    pub dependents: Option<usize>,
}

impl<K: ConnectionResource> Observed<'_, K> {
    /// Writes the status if it changed.
    pub async fn report(self, ctx: &Context<K>) -> Result<()> {
        let before = self.object.status();
        let after = self.status(&before, ctx.shared.clock.now());
        if after == before {
            return Ok(());
        }
        let written = status::write(&ctx.api(self.object), self.object, &after).await?;
        ctx.shared.records.remember(&written.uid().unwrap_or_default(), Footprint::of_connection(&written));
        let written = written.status();
        if ready(&before.conditions) != ready(&written.conditions) {
            self.announce(&ctx.shared).await;
        }
        Ok(())
    }

    fn status(&self, before: &ConnectionStatus, now: Timestamp) -> ConnectionStatus {
        let Self { object, check, dependents } = self;
        let generation = object.meta().generation.unwrap_or_default();
        let requested = object.annotations().get(RECONCILE_REQUESTED_AT).cloned();
        ConnectionStatus {
            observed_generation: generation,
            conditions: conditions(check, &before.conditions, generation, now),
            endpoint: check.endpoint.clone().or_else(|| before.endpoint.clone()),
            secret_resource_version: check.version.clone().or_else(|| before.secret_resource_version.clone()),
            usage: check.usage.clone().or_else(|| before.usage.clone()),
            dependants: dependents.and_then(|count| i64::try_from(count).ok()).or(before.dependants),
            last_handled_reconcile_at: requested.or_else(|| before.last_handled_reconcile_at.clone()),
        }
    }

    async fn announce(&self, shared: &Shared) {
        let (events, about) = (&shared.events, self.object.object_ref(&()));
        let Check { readiness, message, deletion_blocked, .. } = self.check;
        match readiness {
            _ if *deletion_blocked => events.warning(&about, Reason::InUse.as_str(), message).await,
            Readiness::Ready(_) => events.normal(&about, Reason::Authenticated.as_str(), message).await,
            Readiness::NotReady { reason } => events.warning(&about, reason.as_str(), message).await,
        }
    }
}

fn conditions(check: &Check, before: &[Condition], generation: i64, now: Timestamp) -> Vec<Condition> {
    let (status, reason) = match &check.readiness {
        Readiness::Ready(_) if check.deletion_blocked => ("True", Reason::InUse),
        Readiness::Ready(_) => ("True", Reason::Authenticated),
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
    let ready = conditions.iter().find(|condition| condition.type_ == ConditionType::Ready.as_str())?;
    Some((ready.status.as_str(), ready.reason.as_str()))
}
