//! One policy object, from guard to status.

pub mod apply;
pub mod audit_log;
pub mod conflicts;
pub mod deletion;
pub mod failure;
pub mod observe;
pub mod reconciliation;

use super::context::Context;
use super::k8s::finalizer;
use super::kinds::managed::Managed;
use super::{Error, Result};
use crate::api::Reason;
use crate::api::shared::ManagementPolicy;
use crate::engine::BoundExternal;
use crate::engine::outcome::Outcome;
use crate::engine::plan;
use crate::engine::plan::{LastKnown, Rules};
use crate::upstream::{Account, registry};
use apply::Apply;
use failure::failed;
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use reconciliation::Reconciliation;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Brings one object and its upstream together.
pub async fn reconcile<K: Managed>(object: Arc<DeserializeGuard<K>>, ctx: Arc<Context<K>>) -> Result<Action> {
    let object = match &object.0 {
        Ok(object) => object.clone(),
        Err(poison) => return Ok(skip::<K>(poison)),
    };
    let mut this = Reconciliation::open(&ctx, object);
    if this.object.meta().deletion_timestamp.is_some() {
        return deletion::run(&mut this).await;
    }
    if this.object.common().suspend {
        return this.finish(Outcome::suspended()).await.map(|_| Action::await_change());
    }
    ensure_finalizer(&mut this).await?;
    let shared = &ctx.shared;
    shared.connections.ensure_known(&shared.client, &this.object.common().connection_ref, &this.namespace()).await?;
    let account = match shared.connections.resolve(&this.object.common().connection_ref, &this.namespace()) {
        Ok(account) => account,
        Err(held) => return held.report(&mut this).await,
    };
    let subject = match registry::bind(&account, this.object.desired(), &this.owner_tag(), this.request_context()) {
        Ok(subject) => subject,
        Err(problem) => return this.finish(broken(&problem.field, &problem.message)).await,
    };
    if let Some(problem) = subject.validate().into_iter().next() {
        return this.finish(broken(&problem.field, &problem.message)).await;
    }
    let hash = fingerprint(subject.as_ref());
    if let Some(outcome) = observe::from_afar(&mut this, subject.as_ref(), &account, &hash).await? {
        return this.finish(outcome).await;
    }
    let outcome = compare(&mut this, subject.as_ref(), &account, hash).await?;
    this.finish(outcome).await
}

/// Looks, decides and acts, while no other object does so to the same upstream object.
async fn compare<K: Managed>(
    this: &mut Reconciliation<'_, K>,
    subject: &dyn BoundExternal,
    account: &Arc<Account>,
    hash: String,
) -> Result<Outcome> {
    let stake = this.shared().claim_locks.try_lock(conflicts::claims_of(&this.object), &this.uid());
    let found = match observe::closely(this, subject).await {
        Ok(found) => found,
        Err(error) => return Ok(failed(this, &error)),
    };
    let record = LastKnown { contender: conflicts::contender(this, &found), ..this.record() };
    let plan = plan::plan(&record, Rules::from(this.object.common()), found, &hash);
    if plan.acquires() && stake.is_none() {
        return Err(Error::Stale);
    }
    Apply::new(this, subject, account, hash).run(plan).await
}

/// Puts the finalizer on before anything can exist upstream. What is only observed needs none.
async fn ensure_finalizer<K: Managed>(this: &mut Reconciliation<'_, K>) -> Result<()> {
    if this.object.common().management_policy == ManagementPolicy::Observe || finalizer::has(&this.object) {
        return Ok(());
    }
    this.object = finalizer::add(&this.api(), &this.object, this.shared().settings.safeguards).await?;
    Ok(())
}

/// Identifies what is wanted, so that a changed spec is told from drift.
fn fingerprint(subject: &dyn BoundExternal) -> String {
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
