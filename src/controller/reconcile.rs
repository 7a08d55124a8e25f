//! One policy object, from guard to status.

use super::act::Act;
use super::case::Case;
use super::claims;
use super::cleanup;
use super::context::Context;
use super::failure::failed;
use super::finalizer;
use super::look;
use super::managed::Managed;
use super::{Error, Result};
use crate::api::Reason;
use crate::api::shared::ManagementPolicy;
use crate::engine::Subject;
use crate::engine::outcome::Outcome;
use crate::engine::plan::{self, Record, Rules};
use crate::upstream::{Account, registry};
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
    let subject = match registry::bind(&account, case.object.wanted(), &case.stamp(), case.errand()) {
        Ok(subject) => subject,
        Err(problem) => return case.finish(broken(&problem.field, &problem.message)).await,
    };
    if let Some(problem) = subject.problems().into_iter().next() {
        return case.finish(broken(&problem.field, &problem.message)).await;
    }
    let hash = fingerprint(subject.as_ref());
    if let Some(outcome) = look::from_afar(&mut case, subject.as_ref(), &account, &hash).await? {
        return case.finish(outcome).await;
    }
    let outcome = compare(&mut case, subject.as_ref(), &account, hash).await?;
    case.finish(outcome).await
}

/// Looks, decides and acts, while no other object does so to the same upstream object.
async fn compare<K: Managed>(
    case: &mut Case<'_, K>,
    subject: &dyn Subject,
    account: &Arc<Account>,
    hash: String,
) -> Result<Outcome> {
    let stake = case.shared().stakes.hold(claims::claims_of(&case.object), &case.uid());
    let found = match look::closely(case, subject).await {
        Ok(found) => found,
        Err(error) => return Ok(failed(case, &error)),
    };
    let record = Record { contender: claims::contender(case, &found), ..case.record() };
    let plan = plan::plan(&record, Rules::from(case.object.common()), found, &hash);
    if plan.takes() && stake.is_none() {
        return Err(Error::Stale);
    }
    Act::new(case, subject, account, hash).carry_out(plan).await
}

/// Puts the finalizer on before anything can exist upstream. What is only observed needs none.
async fn hold_on<K: Managed>(case: &mut Case<'_, K>) -> Result<()> {
    if case.object.common().management_policy == ManagementPolicy::Observe || finalizer::is_on(&case.object) {
        return Ok(());
    }
    case.object = finalizer::put_on(&case.api(), &case.object, case.shared().settings.safeguards).await?;
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
