//! Carries a plan out without the writes.
//!
//! It calls the functions of the collection in the order in which the controller calls them. The recorder takes each write
//! before it is sent, so the requests are those that the collection itself makes of a difference.

use super::report::Write;
use crate::api::Reason;
use crate::engine::outcome::Outcome;
use crate::engine::plan::{Existing, Plan, Step, TagOwner};
use crate::engine::{BoundExternal, ErrorKind, UpstreamError};
use crate::upstream::{Priority, RequestContext, WriteObserver, WriteRequest};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The fields of a body that say where an object is, and nothing of its content.
const PLACES: [&str; 2] = ["domain_id", "repository_id"];

/// Takes the writes of one object.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<Write>>);

impl Recorder {
    /// Returns the context of the requests of an object: each write is taken, and none would be permitted.
    pub fn context(recorder: &Arc<Self>, namespace: &str) -> RequestContext {
        RequestContext {
            namespace: namespace.into(),
            writes: Some(Arc::clone(recorder) as _),
            write_permission: Some(Arc::new(|| false)),
            ..Priority::Background.into()
        }
    }

    /// Returns the writes in their order.
    pub fn writes(&self) -> Vec<Write> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Write>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WriteObserver for Recorder {
    fn takes(&self, write: &WriteRequest<'_>) -> bool {
        let keys = write.body.and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key);
        let planned = Write {
            operation: write.operation,
            method: write.method.to_owned(),
            path: write.path.to_owned(),
            fields: keys.filter(|key| !PLACES.contains(&key.as_str())).cloned().collect(),
            body: write.body.cloned(),
        };
        let mut all = self.lock();
        // A read does not show a write that was taken. Where the upstream would show it, the collection sends none again.
        if !all.contains(&planned) {
            all.push(planned);
        }
        true
    }
    fn on_begin(&self, _: &'static str, _: &'static str) {}
    fn on_sent(&self) {}
    fn on_end(&self, _: &str, _: Option<&str>) {}
}

/// Why a plan cannot be carried out.
#[derive(Debug)]
pub enum Stop {
    /// The upstream would refuse it, or a person must act.
    Refused(Reason, String),
    /// It is not known whether it could be.
    Failed(UpstreamError),
}

impl From<UpstreamError> for Stop {
    fn from(error: UpstreamError) -> Self {
        match error.kind {
            ErrorKind::Rejected
            | ErrorKind::NotUpdatable
            | ErrorKind::InvalidReference
            | ErrorKind::AlreadyExists
            | ErrorKind::NameReserved
            | ErrorKind::InUse
            | ErrorKind::QuotaExceeded
            | ErrorKind::Unsupported => {
                Self::Refused(error.kind.reason(), Outcome::failed(&error, Duration::ZERO).message)
            }
            ErrorKind::Unauthorized
            | ErrorKind::ClockSkew
            | ErrorKind::RateLimited
            | ErrorKind::Unavailable
            | ErrorKind::OutcomeUnknown
            | ErrorKind::UsersUnknown
            | ErrorKind::EndpointNotAllowed => Self::Failed(error),
        }
    }
}

/// Carries a plan out.
pub async fn run(external: &dyn BoundExternal, plan: &Plan) -> Result<(), Stop> {
    match plan {
        Plan::Create => create(external, false).await,
        Plan::Existing(existing) => keep(external, existing).await,
        Plan::Wait
        | Plan::Recheck(_)
        | Plan::Report { .. }
        | Plan::Yield(_)
        | Plan::Duplicate { .. }
        | Plan::Refuse(_) => Ok(()),
    }
}

async fn keep(external: &dyn BoundExternal, existing: &Existing) -> Result<(), Stop> {
    let Existing { observed, acquire: _, tag, step } = existing;
    if *tag == TagOwner::Needed {
        match external.tag_owner(&observed.id).await {
            // Without tags, the id in status is the only proof of ownership.
            Err(error) if error.kind == ErrorKind::Unsupported => {}
            result => result?,
        }
    }
    match step {
        Step::Update { diff, .. } => {
            check(external).await?;
            external.update(&observed.id, diff).await?;
            Ok(())
        }
        Step::Recreate { .. } => {
            check_new(external)?;
            check(external).await?;
            external.deleter().delete(&observed.id).await?;
            create(external, true).await
        }
        Step::None | Step::NotApplied(_) | Step::DriftFight { .. } => Ok(()),
    }
}

async fn create(external: &dyn BoundExternal, replaces: bool) -> Result<(), Stop> {
    check_new(external)?;
    check(external).await?;
    // A replacement frees the quota it needs.
    if !replaces {
        external.check_quota().await?;
    }
    external.create().await?;
    Ok(())
}

/// Checks the rules that only a new object must keep.
fn check_new(external: &dyn BoundExternal) -> Result<(), Stop> {
    match external.validate_new().first() {
        Some(problem) => Err(Stop::Refused(Reason::InvalidSpec, format!("{}: {}", problem.field, problem.message))),
        None => Ok(()),
    }
}

/// Asks the upstream to validate the spec. An edit is validated by the upstream when it is sent, so a plan asks before.
async fn check(external: &dyn BoundExternal) -> Result<(), Stop> {
    match external.check().await? {
        Some(verdict) if !verdict.success => {
            let outcome = Outcome::invalid(&verdict, &external.wanted());
            Err(Stop::Refused(outcome.reason, outcome.message))
        }
        _ => Ok(()),
    }
}
