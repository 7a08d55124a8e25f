//! Reconciles one object of a managed kind with its upstream object.
//!
//! [`reconcile`] skips an unreadable object, only reports a suspended one, and passes a deleted one to
//! [`deletion`]. It connects, observes, plans and applies all others.
//!
//! | file | step |
//! | --- | --- |
//! | [`reconciliation`], [`prior_state`] | the state of one reconcile; what earlier ones left |
//! | [`account`] | connect: resolves the connection, or says why it is unavailable |
//! | [`observe`], [`ownership`], [`conflicts`] | observe: by the shared list or by get; the owners of the found objects; rival objects |
//! | `leftovers` | what lost Kubernetes objects left upstream |
//! | [`place`], [`former`] | where the upstream object is, whatever status says; a spec that names another place |
//! | [`guardrails`], [`judged`] | an object that would grant more than its connection permits |
//! | [`approval`] | a change that grants more, on a connection that requires approvals |
//! | [`moved`] | a connection that leads to another place than the one that status records |
//! | [`apply`] | carries out the plan: create, update, recreate, adopt; counters and events of drift |
//! | [`deletion`] | deletes or orphans the upstream object, then removes the finalizer |
//! | [`narrowing`] | until when permissions that were taken away may still be in force |
//! | `attachments` | how many hold the policy, read beside the reconcile |
//! | [`looks`] | when to look for the effect of a write whose response was lost |
//! | [`vanished`] | reports the upstream object of an object that went without its finalizer |
//! | [`failure`], [`stop`] | what a failed upstream call means; why a reconcile ends early |
//! | [`report`], [`audit_log`] | status, events, requeue; one line for each upstream write |

pub mod account;
pub mod apply;
pub mod approval;
mod attachments;
pub mod audit_log;
pub mod conflicts;
pub mod deletion;
pub mod failure;
pub mod former;
pub mod guardrails;
pub mod judged;
mod leftovers;
pub mod looks;
pub mod moved;
pub mod narrowing;
pub mod observe;
pub mod ownership;
pub mod place;
pub mod prior_state;
pub mod reconciliation;
pub mod report;
pub mod stop;
pub mod vanished;

use super::context::Context;
use super::k8s::size_limit;
use super::kinds::managed::Managed;
use super::{Error, Result};
use crate::api::Reason;
use crate::controller::queue::next::Next;
use crate::engine::fingerprint::fingerprint;
use crate::engine::outcome::{Outcome, Requeue};
use crate::engine::plan::{self, PriorState};
use crate::engine::{BoundExternal, Problem};
use crate::upstream::endpoint::unusable_id;
use crate::upstream::{Account, registry};
use apply::Apply;
use kube::core::DeserializeGuard;
use kube::core::error_boundary::InvalidObject;
use observe::ObserveResult;
use reconciliation::Reconciliation;
use std::sync::Arc;
use stop::Stop;

/// Reconciles one managed object with its upstream object.
pub async fn reconcile<K: Managed>(object: Arc<DeserializeGuard<K>>, ctx: Arc<Context<K>>) -> Result<Next> {
    let object = match &object.0 {
        Ok(object) => object.clone(),
        Err(invalid) => return Ok(skip::<K>(invalid)),
    };
    let mut this = Reconciliation::start(&ctx, object);
    if this.object.is_deleted() {
        return deletion::run(&mut this).await;
    }
    let refusal = size_limit::refusal(&this.object);
    let unheld = match this.restore_finalizer().await {
        Ok(()) => None,
        Err(Error::Refused(why)) => Some(finalizer_refused(&why)),
        Err(error) => return Err(error),
    };
    if this.object.common().suspend {
        return this.finish(suspended(unheld)).await;
    }
    if let Some(outcome) = unheld {
        return this.finish(outcome).await;
    }
    match sync(&mut this, refusal).await {
        Ok(outcome) | Err(Stop::Report(outcome)) => this.finish(outcome).await,
        Err(Stop::Silently(requeue)) => this.finish_silently(requeue).await,
        Err(Stop::Retry(Error::Refused(why))) => this.finish(finalizer_refused(&why)).await,
        Err(Stop::Retry(error)) => Err(error),
    }
}

/// Reports a suspended object, also one whose finalizer the API server refuses to put back.
fn suspended(unheld: Option<Outcome>) -> Outcome {
    let suspended = Outcome::suspended();
    let Some(Outcome { message, requeue, .. }) = unheld else { return suspended };
    Outcome { message: format!("{} {message}", suspended.message), requeue, ..suspended }
}

/// Says that the API server refuses what must be there before the operator writes upstream.
fn finalizer_refused(why: &str) -> Outcome {
    let message = format!(
        "The API server refuses the finalizer or the annotation of the operator, and nothing is written upstream without them: {why}"
    );
    Outcome::working(Reason::Creating, message, Requeue::Backoff)
}

/// Connects, observes, plans and applies.
async fn sync<K: Managed>(this: &mut Reconciliation<'_, K>, refusal: Option<String>) -> Result<Outcome, Stop> {
    if let Some(message) = refusal {
        return Err(Outcome::refused(Reason::InvalidSpec, message).into());
    }
    former::settle(this).await?;
    let account = account::resolve(this).await?;
    let external = bind(this, &account)?;
    deletion::moved::release_if_requested(this, &account).await?;
    this.judge(external.as_ref())?;
    if let Some(denied) = this.denied().filter(|_| observe::is_new(this)) {
        return Err(denied.into());
    }
    let was_settled = observe::is_settled(this) && !this.spec_changed();
    let outcome = compare(this, external.as_ref(), &account).await?;
    if was_settled {
        attachments::refresh(this, external.as_ref(), &outcome).await;
    }
    Ok(outcome)
}

/// Observes, plans and applies.
async fn compare<K: Managed>(
    this: &mut Reconciliation<'_, K>,
    external: &dyn BoundExternal,
    account: &Arc<Account>,
) -> Result<Outcome, Stop> {
    let hash = fingerprint(&external.wanted());
    let (found, claims, contender, left_behind) = match observe::observe(this, external, account, &hash).await? {
        ObserveResult::Unchanged => {
            moved::record(this, account);
            return Ok(Outcome::up_to_date());
        }
        ObserveResult::Listed(observation) => (vec![observation], None, None, false),
        ObserveResult::Read { found, left_behind, claims } => {
            let contender = conflicts::contender(this, &found);
            (found, claims, contender, left_behind)
        }
    };
    let prior_state = PriorState { contender, left_behind, moved: moved::of(this, account), ..this.prior_state() };
    let plan = plan::plan(&prior_state, this.rules(), found, &hash);
    Apply::new(this, external, account, hash).run(plan, claims).await
}

/// Binds the spec to the collection that should hold it, and validates it.
fn bind<K: Managed>(this: &Reconciliation<'_, K>, account: &Account) -> Result<Box<dyn BoundExternal>, Stop> {
    let external = registry::bind(account, this.object.desired(), &this.owner_tag(), this.request_context());
    let mut external = external.map_err(|problem| invalid(&problem))?;
    external.remember(&this.status.once_declared);
    let problem = external.validate().into_iter().next().or_else(|| unusable_id(this.object.common()));
    problem.map_or(Ok(external), |problem| Err(invalid(&problem)))
}

/// Reports a broken rule of the spec.
fn invalid(problem: &Problem) -> Stop {
    let Problem { field, message } = problem;
    Outcome::refused(Reason::InvalidSpec, format!("{field}: {message}")).into()
}

fn skip<K: Managed>(invalid: &InvalidObject) -> Next {
    tracing::error!(
        kind = K::KIND,
        namespace = invalid.metadata.namespace,
        name = invalid.metadata.name.as_deref().unwrap_or_default(),
        error = invalid.error,
        "cannot read this object; skipped until it changes"
    );
    Next::on_change()
}
