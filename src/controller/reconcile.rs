//! One policy object, from guard to status.

use super::Result;
use super::act;
use super::case::Case;
use super::cleanup;
use super::context::Context;
use super::finalizer;
use super::managed::Managed;
use crate::api::Reason;
use crate::api::shared::ManagementPolicy;
use crate::engine::outcome::Outcome;
use crate::engine::plan::{self, Rules};
use crate::engine::{Ownership, Sighting, Subject};
use crate::upstream::registry;
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Brings one object and its upstream together.
pub async fn reconcile<K: Managed>(object: Arc<DeserializeGuard<K>>, ctx: Arc<Context<K>>) -> Result<Action> {
    let object = match &object.0 {
        Ok(object) => object.clone(),
        Err(poison) => return Ok(skip::<K>(poison)),
    };
    let mut case = Case::open(&ctx, object);
    if case.object.meta().deletion_timestamp.is_some() {
        return cleanup::run(&mut case).await;
    }
    if case.object.common().suspend {
        return case.finish(Outcome::suspended()).await.map(|_| Action::await_change());
    }
    hold_on(&mut case).await?;
    let shared = &ctx.shared;
    shared.connections.look_up(&shared.client, &case.object.common().connection_ref, &case.namespace()).await?;
    let account = match shared.connections.resolve(&case.object.common().connection_ref, &case.namespace()) {
        Ok(account) => account,
        Err(held) => return held.report(&mut case).await,
    };
    let subject = match registry::bind(&account, case.object.wanted(), &case.stamp()) {
        Ok(subject) => subject,
        Err(problem) => return case.finish(broken(&problem.field, &problem.message)).await,
    };
    if let Some(problem) = subject.problems().into_iter().next() {
        return case.finish(broken(&problem.field, &problem.message)).await;
    }
    let outcome = match look(&case, subject.as_ref()).await {
        Ok(found) => {
            let hash = fingerprint(subject.as_ref());
            let plan = plan::plan(&case.record(), Rules::from(case.object.common()), found, &hash);
            act::Act::new(&mut case, subject.as_ref(), &account, hash).carry_out(plan).await?
        }
        Err(error) => act::failed(&case, &error),
    };
    case.finish(outcome).await
}

/// Reads the object with the known id; and, unless that is ours, everything that may be the one.
async fn look<K: Managed>(case: &Case<'_, K>, subject: &dyn Subject) -> crate::engine::Result<Vec<Sighting>> {
    let known = case.record().id;
    let named = case.object.common().external_id.clone();
    let mut found = Vec::new();
    if let Some(id) = known.as_deref().or(named.as_deref()) {
        found.extend(subject.observe(id).await?);
    }
    let ours = found.iter().any(|seen| matches!(seen.owner, Ownership::Ours | Ownership::Unknown));
    if !ours && (known.is_some() || named.is_none()) {
        let others = subject.find().await?;
        found.retain(|seen| others.iter().all(|other| other.id != seen.id));
        found.extend(others);
    }
    for sighting in &mut found {
        sighting.owner = case.ctx.judge(sighting.owner.clone()).await;
    }
    Ok(found)
}

/// Puts the finalizer on before anything can exist upstream. What is only observed needs none.
async fn hold_on<K: Managed>(case: &mut Case<'_, K>) -> Result<()> {
    if case.object.common().management_policy == ManagementPolicy::Observe || finalizer::is_on(&case.object) {
        return Ok(());
    }
    case.object = finalizer::put_on(&case.api(), &case.object).await?;
    Ok(())
}

/// Identifies what is wanted, so that a changed spec is told from drift.
fn fingerprint(subject: &dyn Subject) -> String {
    let digest = Sha256::digest(subject.wanted().to_string().as_bytes());
    digest.iter().take(12).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn broken(field: &str, message: &str) -> Outcome {
    Outcome::refused(Reason::InvalidSpec, format!("{field}: {message}"))
}

fn skip<K: Managed>(poison: &kube::core::error_boundary::InvalidObject) -> Action {
    let name = poison.metadata.name.as_deref().unwrap_or_default();
    tracing::error!(
        kind = K::KIND,
        namespace = poison.metadata.namespace,
        name,
        error = poison.error,
        "cannot read this object: skipped until it changes"
    );
    Action::await_change()
}
