//! Removes the owner tag of an upstream object that its owner releases on purpose, so that another object, or
//! another cluster, can adopt it.
//!
//! The operator tries every object that has it, at every place, and goes on after a failure: what it removed and what
//! stays is told together. An upstream may accept a removal without an effect, so the operator reads the object once
//! after it. If the owner tag is still there, the reads may lag: the operator removes it once more after a short wait,
//! and believes the second read.
//!
//! Nothing but its owner tag leads a later process to an object that status does not record. So the operator tells of each
//! one of several objects before it removes the owner tag, and a crash in between keeps none of them in silence.

pub use super::fate::OwnerTagFate;
use super::fate::{Found, Tagged, Unseen};
use super::orphan;
use super::places::{self, Place};
use super::target::{self, Target};
use super::wait;
use crate::api::Reason;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::audit_log::Write;
use crate::controller::policy::failure::failed;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::controller::policy::stop::Stop;
use crate::controller::policy::{account, moved};
use crate::engine::outcome::{Outcome, Requeue};
use crate::engine::{Cause, OrphanReason, Ownership, UpstreamError};
use crate::upstream::{Account, registry};
use std::sync::Arc;
use std::time::Duration;

/// How long a deletion waits for an upstream that may answer soon.
const PATIENCE: Duration = Duration::from_mins(1);

/// How soon a removal is repeated that reads do not show.
const AGAIN: Duration = Duration::from_secs(5);

/// Why an owner tag counts as one that stays, although the upstream accepted its removal.
const STILL_SHOWN: &str = "the upstream accepted its removal, and still shows it";

/// Why an owner tag may stay that no search showed.
const MAY_BE_HIDDEN: &str = "the upstream may not show the object yet";

/// What became of one owner tag.
enum Untagged {
    Removed,
    /// It stays, for this reason.
    Stays(String),
    /// The object is gone, most likely since the search that showed it.
    Gone,
}

/// What one attempt at all places came to.
struct Attempt {
    /// Why the operator lets the objects go.
    why: OrphanReason,
    /// Whether one collection at one place may hold them.
    is_one_place: bool,
    /// The objects whose owner tag stays, and why.
    kept: Vec<(Tagged, String)>,
    /// Whether the recorded object, or one of its name, is there, with or without our owner tag.
    is_there: bool,
    /// Why the operator could not look everywhere.
    unseen: Option<String>,
    /// How long to wait for reads that may lag behind a removal.
    wait: Option<Duration>,
    /// The failure that may soon pass.
    transient: Option<UpstreamError>,
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
    let places = places::all(this);
    let mut attempt = Attempt::of(why, places.len() == 1);
    for place in &places {
        attempt.run_at(this, place).await?;
    }
    if why == OrphanReason::Requested {
        attempt.wait(this)?;
    }
    let fate = attempt.fate(this, places.len() > 1);
    match wait_for_hidden(this, &fate) {
        Err(stop) if why == OrphanReason::Requested => Err(stop),
        // A release that does not wait must not say that nothing is left.
        Err(_) if fate == OwnerTagFate::Gone => Ok(OwnerTagFate::Stays(MAY_BE_HIDDEN.to_owned())),
        Ok(()) | Err(_) => Ok(fate),
    }
}

/// Waits for what reads may not show yet: the object, or its copy.
fn wait_for_hidden<K: Managed>(this: &Reconciliation<'_, K>, tag: &OwnerTagFate) -> Result<(), Stop> {
    match tag {
        OwnerTagFate::Untouched | OwnerTagFate::Gone => {
            wait::for_create(this)?;
            wait::for_copy(this)
        }
        OwnerTagFate::Found(_) => wait::for_copy(this),
        OwnerTagFate::Stays(_) => Ok(()),
    }
}

/// Opens the collections at a place. The inner error tells why the operator cannot look there.
async fn open<K: Managed>(
    this: &Reconciliation<'_, K>,
    place: &Place<'_>,
) -> Result<Result<(Arc<Account>, Vec<Target>), &'static str>, Stop> {
    let account = match places::open(this, place).await? {
        Ok(account) => account,
        Err(unavailable) => match account::stop_for(unavailable, place.connection, &this.namespace()) {
            Stop::Report(_) => return Ok(Err("the connection cannot be used")),
            stop => return Err(stop),
        },
    };
    if place.record.is_some_and(|record| moved::between(this, record, &account).is_some()) {
        return Ok(Err("the connection leads to another place"));
    }
    let targets = target::at(this, place, &account);
    Ok(targets.map(|targets| (account, targets)).map_err(|_| "the connection leads to another provider"))
}

impl Attempt {
    fn of(why: OrphanReason, is_one_place: bool) -> Self {
        Self { why, is_one_place, kept: Vec::new(), is_there: false, unseen: None, wait: None, transient: None }
    }

    /// Removes the owner tags at one place, if its connection works and leads there.
    async fn run_at<K: Managed>(&mut self, this: &Reconciliation<'_, K>, place: &Place<'_>) -> Result<(), Stop> {
        let (account, targets) = match open(this, place).await? {
            Ok(opened) => opened,
            Err(why) => {
                self.skip(why.to_owned());
                return Ok(());
            }
        };
        self.is_one_place &= targets.len() == 1;
        for target in &targets {
            self.untag_all(this, &account, target).await?;
        }
        Ok(())
    }

    /// Removes our owner tag from every object of a collection that has it: the recorded one, and what a create with a
    /// lost response left.
    async fn untag_all<K: Managed>(
        &mut self,
        this: &Reconciliation<'_, K>,
        account: &Account,
        target: &Target,
    ) -> Result<(), Stop> {
        let endpoint = registry::location(account, target.deleter.system()).endpoint;
        let (ours, is_there) = target.ours(this).await.unwrap_or_else(|error| {
            let why = self.note(error);
            self.skip(why);
            (Vec::new(), false)
        });
        let is_only = self.is_one_place && ours.len() == 1 && !this.may_have_copy();
        let is_other = is_there && ours.is_empty();
        self.is_there |= is_other;
        for id in ours {
            let object = Tagged { id, endpoint: endpoint.clone() };
            if !(is_only && this.recorded_id().as_ref() == Some(&object.id)) {
                orphan::announce(this, target.deleter.system(), self.why, &object).await;
            }
            // Two places may lead to one object.
            let is_known = self.kept.iter().any(|(kept, _)| *kept == object);
            match self.untag(this, target, &object).await? {
                Untagged::Gone => continue,
                Untagged::Stays(why) if !is_known => self.kept.push((object, why)),
                Untagged::Stays(_) | Untagged::Removed => {}
            }
            self.is_there = true;
        }
        Ok(())
    }

    /// Removes our owner tag from one object that a read shows with it, and reads it once more.
    async fn untag<K: Managed>(
        &mut self,
        this: &Reconciliation<'_, K>,
        target: &Target,
        object: &Tagged,
    ) -> Result<Untagged, Stop> {
        let id = &object.id;
        let (records, uid) = (&this.shared().records, this.uid());
        let earlier = records.since_untagged(&uid, id);
        if let Some(left) = earlier.map(|age| AGAIN.saturating_sub(age)).filter(|left| !left.is_zero()) {
            self.wait_for(left);
            return Ok(Untagged::Stays(STILL_SHOWN.to_owned()));
        }
        let refused = this.write(Write::tag(Cause::Deletion, id), target.deleter.untag(id)).await?.err();
        let owner = target.deleter.owner(id).await;
        if matches!(owner, Ok(None)) {
            return Ok(Untagged::Gone);
        }
        let shown = owner.map(|owner| owner == Some(Ownership::Ours));
        // A refusal, or a lost response, does not prove that the owner tag stays.
        if let Some(error) = refused.filter(|_| !matches!(shown, Ok(false))) {
            return Ok(Untagged::Stays(self.note(error)));
        }
        records.untag(&uid, object);
        Ok(match shown {
            Ok(false) => Untagged::Removed,
            Ok(true) => {
                if earlier.is_none() {
                    self.wait_for(AGAIN);
                }
                Untagged::Stays(STILL_SHOWN.to_owned())
            }
            Err(error) => {
                Untagged::Stays(format!("the upstream accepted its removal, and a read failed ({})", self.note(error)))
            }
        })
    }

    /// Notes that the operator could not look somewhere.
    fn skip(&mut self, why: String) {
        self.unseen.get_or_insert(why);
    }

    /// Notes a failure, and returns its text.
    fn note(&mut self, error: UpstreamError) -> String {
        let why = error.sentence().trim_end_matches('.').to_owned();
        if error.kind.is_transient() {
            self.transient.get_or_insert(error);
        }
        why
    }

    fn wait_for(&mut self, left: Duration) {
        self.wait = self.wait.max(Some(left));
    }

    /// Waits for what may soon pass: a failure, or reads that lag.
    fn wait<K: Managed>(&mut self, this: &Reconciliation<'_, K>) -> Result<(), Stop> {
        if let Some(error) = self.transient.as_ref().filter(|_| this.deleted_for() < PATIENCE) {
            return Err(failed(this, error));
        }
        let Some(left) = self.wait else { return Ok(()) };
        let message = "The upstream accepted the removal of the owner tag, and still shows it. Looking again.";
        Err(Outcome::working(Reason::Deleting, message, Requeue::After(left)).into())
    }

    /// Returns what happened to the owner tags, also in earlier attempts.
    fn fate<K: Managed>(self, this: &Reconciliation<'_, K>, is_other_place: bool) -> OwnerTagFate {
        let is_kept = |object: &Tagged| self.kept.iter().any(|(kept, _)| kept == object);
        let accepted = this.shared().records.untagged(&this.uid()).into_iter();
        let removed: Vec<_> = accepted.filter(|object| !is_kept(object)).collect();
        match self.unseen {
            unseen if !removed.is_empty() || !self.kept.is_empty() => {
                let unseen = unseen.map(|why| Unseen { why, is_other_place });
                OwnerTagFate::Found(Found { removed, kept: self.kept, unseen })
            }
            Some(why) => OwnerTagFate::Stays(why),
            None if self.is_there => OwnerTagFate::Untouched,
            None => OwnerTagFate::Gone,
        }
    }
}
