//! What people and tools around the operator do to the object under test, in the middle of the operator's work.

use super::scenario::{Scenario, shows};
use super::targets::OBJECT_NAME;
use super::user::User;
use anyhow::Context;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long the operator must not write to count as settled.
const SETTLED: Duration = Duration::from_millis(500);

/// An action of an outsider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// The finalizers are taken off.
    FinalizerTaken,
    /// The status is wiped.
    StatusWiped,
    /// `kubectl replace` with the applied manifest: finalizers and annotations are gone.
    Replaced,
    /// The connection is pointed to another account or domain, and later back.
    Repointed,
    /// An object of another tenant wants the same name upstream, for a while.
    Rival,
    /// Many objects of another tenant come, and go.
    Crowd,
    /// The object is lost, and returns from a backup: with a new uid and without status.
    Restored,
    /// The finalizers are taken off, and the object is deleted.
    DeletedByForce,
    /// The status is wiped, and the object is deleted.
    WipedAndDeleted,
    /// The same, while the operator restarts and so remembers nothing.
    WipedAtRestart,
    /// The status is wiped while the operator restarts. The object stays.
    LostAtRestart,
    /// The object is deleted.
    Deleted,
    /// The same, while the operator restarts.
    DeletedAtRestart,
}

impl Outside {
    /// Returns whether the action can hit a scenario.
    pub fn fits(self, scenario: Scenario) -> bool {
        use Scenario::{
            Abandon, Adopt, Create, Delete, Drift, Orphan, Refused, Replace, ReplaceAndDelete, Suspend, Update, Vanish,
        };
        match self {
            Self::FinalizerTaken | Self::StatusWiped | Self::Replaced => {
                matches!(
                    scenario,
                    Create
                        | Delete
                        | Replace
                        | ReplaceAndDelete
                        | Drift
                        | Vanish
                        | Suspend
                        | Orphan
                        | Abandon
                        | Adopt
                        | Refused
                        | Update(1)
                )
            }
            Self::Rival => matches!(scenario, Create | Delete | Replace | Drift | Vanish | Update(1)),
            Self::Crowd => matches!(scenario, Create | Delete | Update(1)),
            Self::Repointed => matches!(scenario, Create | Delete | Replace | Drift | Vanish | Suspend | Update(1)),
            // Not while the name differs from the one upstream, as it does after the edit of a suspended network policy.
            Self::Restored => matches!(scenario, Create | Delete | Drift | Vanish | Adopt | Update(1)),
            Self::DeletedByForce | Self::WipedAndDeleted | Self::WipedAtRestart | Self::LostAtRestart => {
                matches!(scenario, Create | Drift | Vanish | Refused | Update(1))
            }
            Self::Deleted | Self::DeletedAtRestart => matches!(scenario, Create | Vanish | Refused | Update(1)),
        }
    }

    /// Returns whether the action makes the object return, or go.
    pub fn decides_existence(self) -> Option<bool> {
        match self {
            Self::Restored => Some(true),
            Self::DeletedByForce
            | Self::WipedAndDeleted
            | Self::WipedAtRestart
            | Self::Deleted
            | Self::DeletedAtRestart => Some(false),
            _ => None,
        }
    }

    /// Returns whether the operator may lose the upstream object, if it says so.
    pub fn may_orphan(self) -> bool {
        matches!(self, Self::FinalizerTaken | Self::Replaced | Self::DeletedByForce)
    }

    /// Returns whether the record of an adoption is lost.
    pub fn forgets_adoption(self) -> bool {
        self == Self::Restored
    }

    /// Returns whether no process of the operator runs meanwhile.
    pub fn needs_restart(self) -> bool {
        matches!(self, Self::WipedAtRestart | Self::LostAtRestart | Self::DeletedAtRestart)
    }
}

impl User<'_> {
    /// Acts as an outsider. No other action of the user runs at the same time.
    pub async fn act_outside(&self, what: Outside) -> anyhow::Result<()> {
        let _hands = self.hands.lock().await;
        self.sequence.note(format!("an outsider acts: {what:?}"));
        self.befall(what);
        match what {
            Outside::FinalizerTaken => self.take_finalizer().await,
            Outside::StatusWiped | Outside::LostAtRestart => self.wipe_status().await,
            Outside::Replaced => self.replace().await,
            Outside::Rival | Outside::Crowd => self.move_in(what).await,
            Outside::Repointed => self.repoint(true).await,
            Outside::Restored => self.restore().await,
            Outside::DeletedByForce => self.delete_by_force().await,
            Outside::WipedAndDeleted | Outside::WipedAtRestart => {
                self.wipe_status().await?;
                self.delete_once().await
            }
            Outside::Deleted | Outside::DeletedAtRestart => self.delete_once().await,
        }
    }

    /// Ends what the outsider began: the connection leads back, or, if the object was created elsewhere meanwhile, to
    /// that place, as its status demands.
    pub async fn end_outside(&self, what: Outside) -> anyhow::Result<()> {
        match what {
            Outside::Rival | Outside::Crowd => return self.move_out(what).await,
            Outside::Repointed => {}
            _ => return Ok(()),
        }
        self.settle().await;
        self.repoint(false).await?;
        self.settle().await;
        if self.environment.is_elsewhere() {
            self.repoint(true).await?;
        }
        Ok(())
    }

    /// Waits until the operator has not written for a while.
    async fn settle(&self) {
        let begun = Instant::now();
        let (mut mark, mut since) = (self.sequence.mark(), begun);
        while since.elapsed() < SETTLED && begun.elapsed() < SETTLED * 10 {
            sleep(Duration::from_millis(20)).await;
            if !self.sequence.writes_after(mark).is_empty() {
                (mark, since) = (self.sequence.mark(), Instant::now());
            }
        }
    }

    async fn repoint(&self, elsewhere: bool) -> anyhow::Result<()> {
        let url = self.environment.point(elsewhere).await?;
        self.sequence.note(format!("the connection leads to {url}"));
        self.until("the new address", || shows(self, "endpoint", &url)).await
    }

    async fn take_finalizer(&self) -> anyhow::Result<()> {
        let patch = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
        let taken = self.environment.api().patch(OBJECT_NAME, &PatchParams::default(), &patch).await;
        self.saw_if_there(taken)
    }

    async fn wipe_status(&self) -> anyhow::Result<()> {
        let patch = Patch::Merge(json!({ "status": null }));
        let wiped = self.environment.api().patch_status(OBJECT_NAME, &PatchParams::default(), &patch).await;
        self.saw_if_there(wiped)
    }

    async fn replace(&self) -> anyhow::Result<()> {
        loop {
            let Some(mut object) = self.environment.api().get_opt(OBJECT_NAME).await? else { return Ok(()) };
            (object.metadata.finalizers, object.metadata.annotations) = (None, None);
            object.metadata.managed_fields = None;
            match self.environment.api().replace(OBJECT_NAME, &PostParams::default(), &object).await {
                Err(kube::Error::Api(refusal)) if refusal.code == 409 => {}
                replaced => return self.saw_if_there(replaced),
            }
        }
    }

    async fn restore(&self) -> anyhow::Result<()> {
        let last = self.environment.api().get_opt(OBJECT_NAME).await?;
        let mut spec = last.or_else(|| self.last_seen()).context("nothing to restore")?.data["spec"].clone();
        self.delete_by_force().await?;
        spec["adoptionPolicy"] = json!(if self.is_identical() { "IfIdentical" } else { "Always" });
        let mut object = self.environment.manifest();
        object["spec"] = spec;
        let params = PatchParams::apply("test").force();
        let restored = self.environment.api().patch(OBJECT_NAME, &params, &Patch::Apply(object)).await?;
        self.saw(&restored);
        Ok(())
    }

    /// Returns whether the upstream object equals the spec, if it exists.
    fn is_identical(&self) -> bool {
        matches!(self.scenario, Scenario::Create | Scenario::Delete | Scenario::Vanish)
    }

    async fn delete_by_force(&self) -> anyhow::Result<()> {
        let uid = self.environment.api().get_opt(OBJECT_NAME).await?.and_then(|object| object.metadata.uid);
        self.until("the object to be gone", || async {
            let object = self.environment.api().get_opt(OBJECT_NAME).await?;
            if object.is_none_or(|object| object.metadata.uid != uid) {
                return Ok(());
            }
            self.take_finalizer().await?;
            self.delete_once().await?;
            anyhow::bail!("it is still there")
        })
        .await
    }

    async fn delete_once(&self) -> anyhow::Result<()> {
        match self.environment.api().delete(OBJECT_NAME, &DeleteParams::background()).await {
            Err(kube::Error::Api(refusal)) if refusal.code == 404 => Ok(()),
            deleted => Ok(deleted.map(drop)?),
        }
    }

    fn saw_if_there(&self, written: kube::Result<DynamicObject>) -> anyhow::Result<()> {
        match written {
            Err(kube::Error::Api(refusal)) if refusal.code == 404 => Ok(()),
            written => {
                self.saw(&written?);
                Ok(())
            }
        }
    }
}
