//! What people do to an object: the stories in which the faults strike.

use super::script::Nature;
use super::targets::{SUBJECT, Target};
use super::theatre::{Goal, Theatre};
use crate::support::kinds::shown_condition;
use anyhow::Context;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

/// A story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Workload {
    Create,
    Delete,
    /// Deleted and created again under the same name.
    Replace,
    /// The same, and deleted again at once.
    ReplaceAndDelete,
    /// A stranger changes the object upstream.
    Drift,
    /// A stranger deletes the object upstream.
    Vanish,
    /// Suspended, changed on both sides, resumed.
    Suspend,
    /// New credentials, then a change.
    Rotate,
    /// Another address and rate limit, then a change.
    Relink,
    /// Deleted with `deletionPolicy: Orphan`.
    Orphan,
    /// Deleted while it is being created.
    Abandon,
    /// Takes over what an object that is gone left upstream and a stranger changed.
    Adopt,
    /// A change of one field, by its place among the target's edits.
    Update(usize),
}

/// The code of the first update.
const UPDATES: u32 = 20;

impl Workload {
    /// All stories of a target.
    pub fn all(target: Target) -> Vec<Self> {
        use Workload::{
            Abandon, Adopt, Create, Delete, Drift, Orphan, Relink, Replace, ReplaceAndDelete, Rotate, Suspend, Vanish,
        };
        let zones = [String::new(), String::new()];
        let updates = (0..target.edits(&zones).len()).map(Self::Update);
        [Create, Delete, Replace, ReplaceAndDelete, Drift, Vanish, Suspend, Rotate, Relink, Orphan, Abandon, Adopt]
            .into_iter()
            .chain(updates)
            .collect()
    }

    pub fn code(self) -> u32 {
        match self {
            Self::Create => 1,
            Self::Delete => 2,
            Self::Replace => 3,
            Self::ReplaceAndDelete => 4,
            Self::Drift => 5,
            Self::Vanish => 6,
            Self::Suspend => 7,
            Self::Rotate => 8,
            Self::Relink => 9,
            Self::Orphan => 10,
            Self::Abandon => 11,
            Self::Adopt => 12,
            Self::Update(place) => UPDATES + u32::try_from(place).unwrap(),
        }
    }

    pub fn name(self, target: Target) -> String {
        match self {
            Self::Update(place) => {
                let zones = [String::new(), String::new()];
                format!("update of {}", target.edits(&zones)[place].0)
            }
            other => format!("{other:?}").to_lowercase(),
        }
    }

    /// Whether the steps of the connection belong to the story.
    pub fn is_about_connections(self) -> bool {
        matches!(self, Self::Rotate | Self::Relink)
    }

    /// Has the object there before the story begins, if it is in it from the start; says how it stands.
    pub async fn prepare(self, theatre: &Theatre<'_>) -> anyhow::Result<Option<Goal>> {
        if matches!(self, Self::Create | Self::Abandon) {
            return Ok(None);
        }
        theatre.apply().await?;
        theatre.reach(&Goal::Ready).await.context("before the story")?;
        if self != Self::Adopt {
            return Ok(Some(Goal::Ready));
        }
        let left = orphan(theatre).await?;
        theatre.reach(&left).await.context("before the story")?;
        meddle(theatre)?;
        Ok(Some(left))
    }

    /// The story, told while faults strike; returns how it must end.
    pub async fn act(self, theatre: &Theatre<'_>) -> anyhow::Result<Goal> {
        let stage = theatre.stage;
        let edits = stage.target.edits(&stage.zones);
        match self {
            Self::Create => theatre.apply().await?,
            Self::Delete => {
                theatre.delete().await?;
                return Ok(Goal::Gone);
            }
            Self::Replace => replace(theatre).await?,
            Self::ReplaceAndDelete => {
                replace(theatre).await?;
                theatre.reach(&Goal::Ready).await?;
                theatre.delete().await?;
                return Ok(Goal::Gone);
            }
            Self::Drift => meddle(theatre)?,
            Self::Vanish => {
                theatre.sequence.note("a stranger deletes the object upstream");
                anyhow::ensure!(stage.remove(), "nothing to delete");
            }
            Self::Suspend => suspend(theatre, &edits[0].1).await?,
            Self::Rotate => rotate(theatre, &edits[0].1).await?,
            Self::Relink => relink(theatre, &edits[0].1).await?,
            Self::Orphan => return orphan(theatre).await,
            Self::Abandon => {
                abandon(theatre).await?;
                return Ok(Goal::Gone);
            }
            Self::Adopt => {
                adopt(theatre).await?;
                return Ok(Goal::Adopted);
            }
            Self::Update(place) => theatre.edit(&edits[place].1).await?,
        }
        Ok(Goal::Ready)
    }
}

fn meddle(theatre: &Theatre<'_>) -> anyhow::Result<()> {
    theatre.sequence.note("a stranger changes the object upstream");
    anyhow::ensure!(theatre.stage.meddle(), "nothing to change");
    Ok(())
}

async fn replace(theatre: &Theatre<'_>) -> anyhow::Result<()> {
    theatre.delete().await?;
    theatre.reach(&Goal::Gone).await?;
    theatre.apply().await
}

async fn suspend(theatre: &Theatre<'_>, edit: &Value) -> anyhow::Result<()> {
    theatre.patch(json!({ "spec": { "suspend": true } })).await?;
    theatre.reason("Suspended").await?;
    meddle(theatre)?;
    theatre.edit(edit).await?;
    theatre.patch(json!({ "spec": { "suspend": false } })).await
}

async fn rotate(theatre: &Theatre<'_>, edit: &Value) -> anyhow::Result<()> {
    theatre.sequence.note("somebody rotates the credentials");
    let version = theatre.stage.rotate().await?;
    let annotations = json!({ "cloudpolicy.dev/reconcile-requested-at": version });
    let nudge = json!({ "metadata": { "annotations": annotations } });
    theatre.stage.links().patch("link", &PatchParams::default(), &Patch::Merge(nudge)).await?;
    theatre.edit(edit).await?;
    theatre.until("the new credentials", || shows(theatre, "secretResourceVersion", &version)).await
}

async fn relink(theatre: &Theatre<'_>, edit: &Value) -> anyhow::Result<()> {
    theatre.sequence.note("somebody changes the connection");
    let url = theatre.stage.relink().await?;
    theatre.edit(edit).await?;
    theatre.until("the new address", || shows(theatre, "endpoint", &url)).await
}

async fn shows(theatre: &Theatre<'_>, field: &str, value: &str) -> anyhow::Result<()> {
    let link = theatre.stage.links().get("link").await?;
    let status = &link.data["status"];
    anyhow::ensure!(status[field] == value, "{status}");
    let ready = shown_condition(status, "Ready");
    anyhow::ensure!(ready.is_some_and(|ready| ready["status"] == "True"), "{status}");
    Ok(())
}

async fn orphan(theatre: &Theatre<'_>) -> anyhow::Result<Goal> {
    let left = theatre.stage.ours()?.first().cloned().context("nothing to orphan")?;
    theatre.patch(json!({ "spec": { "deletionPolicy": "Orphan" } })).await?;
    theatre.delete().await?;
    Ok(Goal::Left(left))
}

async fn adopt(theatre: &Theatre<'_>) -> anyhow::Result<()> {
    let stage = theatre.stage;
    let left = stage.ours()?.first().cloned().context("nothing to adopt")?;
    let mut object = stage.target.manifest(&stage.zones);
    object["spec"]["adoptionPolicy"] = json!("Always");
    if stage.target == Target::Network {
        object["spec"]["externalId"] = json!(stage.target.id(&left));
    }
    theatre.apply_as(object).await
}

async fn abandon(theatre: &Theatre<'_>) -> anyhow::Result<()> {
    theatre.apply().await?;
    theatre
        .until("the create call", || async {
            let steps = theatre.sequence.steps();
            let created = steps.iter().any(|s| s.nature == Nature::UpstreamWrite && s.name.contains("Create"));
            anyhow::ensure!(created, "{SUBJECT} is not being created yet");
            Ok(())
        })
        .await?;
    theatre.delete().await
}
