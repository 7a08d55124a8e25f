//! Removes the owner tag of an upstream object that its owner releases on purpose, so that another object, or
//! another cluster, can adopt it.

use super::places::{self, Place};
use super::target::{self, Target};
use super::wait;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::audit_log::Write;
use crate::controller::policy::failure::failed;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::controller::policy::stop::Stop;
use crate::controller::policy::{account, moved};
use crate::engine::error::Retry;
use crate::engine::{Cause, OrphanReason, UpstreamError};
use crate::upstream::{Account, registry};
use std::time::Duration;

/// How long a deletion waits for an upstream that may answer soon.
const PATIENCE: Duration = Duration::from_mins(1);

/// What happened to the owner tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnerTagFate {
    /// The operator leaves the upstream object exactly as it is.
    Untouched,
    /// The operator removed it.
    Removed {
        /// From what: ids and endpoints.
        from: Vec<Untagged>,
        /// Why the operator could not look at another place where the object may be.
        unseen: Option<String>,
    },
    /// It stays, for this reason.
    Stays(String),
}

/// An upstream object without our owner tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untagged {
    /// Its id.
    pub id: String,
    /// The endpoint where it is.
    pub endpoint: String,
}

impl OwnerTagFate {
    /// Returns the end of the message about an orphan.
    pub fn sentence(&self) -> String {
        let removed = " The operator removed its owner tag, so another object or cluster can adopt it.";
        match self {
            Self::Untouched => String::new(),
            Self::Removed { unseen: None, .. } => removed.to_owned(),
            Self::Removed { unseen: Some(why), .. } => {
                format!("{removed} An object at the other place that is recorded may keep its owner tag: {why}.")
            }
            Self::Stays(why) => format!(" Its owner tag stays: {why}."),
        }
    }

    /// Returns what happened at two places.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Removed { mut from, unseen }, Self::Removed { from: others, unseen: another }) => {
                from.extend(others);
                Self::Removed { from, unseen: unseen.or(another) }
            }
            (Self::Removed { from, unseen }, Self::Stays(why)) | (Self::Stays(why), Self::Removed { from, unseen }) => {
                Self::Removed { from, unseen: unseen.or(Some(why)) }
            }
            (Self::Untouched, fate) | (fate, Self::Untouched | Self::Stays(_)) => fate,
        }
    }
}

/// Removes the owner tag if the object was released on purpose and its connection works. An upstream that fails
/// delays `deletionPolicy: Orphan` for a minute; `force-orphan` does not wait.
pub async fn remove_owner_tag<K: Managed>(
    this: &Reconciliation<'_, K>,
    why: OrphanReason,
) -> Result<OwnerTagFate, Stop> {
    let on_purpose = matches!(why, OrphanReason::Requested | OrphanReason::Forced);
    if !on_purpose || !this.shared().settings.safeguards.release_tag {
        return Ok(OwnerTagFate::Untouched);
    }
    let mut all = OwnerTagFate::Untouched;
    for place in places::all(this) {
        all = all.and(untag_at(this, &place, why).await?);
    }
    // An earlier attempt may have removed it.
    let earlier = this.shared().records.untagged(&this.uid());
    if !earlier.is_empty() {
        let from = earlier.into_iter().map(|(id, endpoint)| Untagged { id, endpoint }).collect();
        all = match all {
            OwnerTagFate::Removed { unseen, .. } => OwnerTagFate::Removed { from, unseen },
            other => other.and(OwnerTagFate::Removed { from, unseen: None }),
        };
    }
    if why == OrphanReason::Requested {
        wait_for_hidden(this, &all)?;
    }
    Ok(all)
}

/// Waits for what reads may not show yet: the object, or its copy.
fn wait_for_hidden<K: Managed>(this: &Reconciliation<'_, K>, tag: &OwnerTagFate) -> Result<(), Stop> {
    match tag {
        OwnerTagFate::Untouched => {
            wait::for_create(this)?;
            wait::for_copy(this)
        }
        OwnerTagFate::Removed { .. } => wait::for_copy(this),
        OwnerTagFate::Stays(_) => Ok(()),
    }
}

/// Removes the owner tag at one place, if its connection works and leads there.
async fn untag_at<K: Managed>(
    this: &Reconciliation<'_, K>,
    place: &Place<'_>,
    why: OrphanReason,
) -> Result<OwnerTagFate, Stop> {
    let account = match places::open(this, place).await? {
        Ok(account) => account,
        Err(unavailable) => match account::stop_for(unavailable, place.connection, &this.namespace()) {
            Stop::Report(_) => return Ok(stays("the connection cannot be used")),
            stop => return Err(stop),
        },
    };
    if place.record.is_some_and(|record| moved::between(this, record, &account).is_some()) {
        return Ok(stays("the connection leads to another place"));
    }
    let Ok(targets) = target::at(this, place, &account) else {
        return Ok(stays("the connection leads to another provider"));
    };
    match untag(this, &account, &targets).await? {
        Ok(fate) => Ok(fate),
        Err(error) if why == OrphanReason::Requested && is_transient(&error) && this.deleted_for() < PATIENCE => {
            Err(failed(this, &error))
        }
        Err(error) => Ok(stays(error.sentence().trim_end_matches('.'))),
    }
}

/// Removes our owner tag from every object that has it: the recorded one, and what a create with a lost response left.
async fn untag<K: Managed>(
    this: &Reconciliation<'_, K>,
    account: &Account,
    targets: &[Target],
) -> Result<crate::engine::Result<OwnerTagFate>, Stop> {
    let mut fate = OwnerTagFate::Untouched;
    for target in targets {
        let endpoint = registry::location(account, target.deleter.system()).endpoint;
        let ours = match target.ours(this).await {
            Ok(ours) => ours,
            Err(error) => return Ok(Err(error)),
        };
        for id in ours {
            match this.write(Write::tag(Cause::Deletion, &id), target.deleter.untag(&id)).await? {
                Ok(()) => {
                    this.shared().records.untag(&this.uid(), &id, &endpoint);
                    let from = vec![Untagged { id, endpoint: endpoint.clone() }];
                    fate = fate.and(OwnerTagFate::Removed { from, unseen: None });
                }
                Err(error) => return Ok(Err(error)),
            }
        }
    }
    Ok(Ok(fate))
}

fn is_transient(error: &UpstreamError) -> bool {
    match error.kind.retry() {
        Retry::Backoff | Retry::AfterGrace => true,
        Retry::Slow => false,
    }
}

fn stays(why: &str) -> OwnerTagFate {
    OwnerTagFate::Stays(why.to_owned())
}
