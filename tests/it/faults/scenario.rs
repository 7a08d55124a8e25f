//! The scenarios into which faults are injected: what users do to an object.

use super::schedule::StepKind;
use super::targets::{OBJECT_NAME, Target};
use super::user::{Goal, User};
use crate::support::kinds::shown_condition;
use anyhow::Context;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

/// A scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scenario {
    Create,
    Delete,
    /// Delete the object and create it again under the same name.
    Replace,
    /// The same, followed by another deletion.
    ReplaceAndDelete,
    /// Another writer changes the object upstream.
    Drift,
    /// Another writer deletes the object upstream.
    Vanish,
    /// Suspend the object, change it on both sides, and resume it.
    Suspend,
    /// Change the credentials, then the object.
    Rotate,
    /// Change the address and the rate limit of the connection, then the object.
    ChangeConnection,
    /// Delete the object with `deletionPolicy: Orphan`.
    Orphan,
    /// Delete the object while it is being created.
    Abandon,
    /// Adopt an upstream object that was orphaned and then changed by another writer.
    Adopt,
    /// Create the object together with others, which share its lists.
    CreateCrowd,
    /// Delete the object together with others.
    DeleteCrowd,
    /// Create the object while the upstream refuses the create, which takes effect all the same.
    Refused,
    /// The same, and delete the object once the operator has recorded the outcome.
    RefusedAndDeleted,
    /// Change one field. The number is its index in the edits of the target.
    Update(usize),
}

/// The code of the first update.
const UPDATES: u32 = 20;

impl Scenario {
    /// The scenarios of every target, without its edits.
    const EACH: [Self; 16] = [
        Self::Create,
        Self::Delete,
        Self::Replace,
        Self::ReplaceAndDelete,
        Self::Drift,
        Self::Vanish,
        Self::Suspend,
        Self::Rotate,
        Self::ChangeConnection,
        Self::Orphan,
        Self::Abandon,
        Self::Adopt,
        Self::CreateCrowd,
        Self::DeleteCrowd,
        Self::Refused,
        Self::RefusedAndDeleted,
    ];

    /// Returns all scenarios of a target.
    pub fn all(target: Target) -> Vec<Self> {
        let zones = [String::new(), String::new()];
        let updates = (0..target.edits(&zones).len()).map(Self::Update);
        Self::EACH.into_iter().chain(updates).collect()
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
            Self::ChangeConnection => 9,
            Self::Orphan => 10,
            Self::Abandon => 11,
            Self::Adopt => 12,
            Self::CreateCrowd => 13,
            Self::DeleteCrowd => 14,
            Self::Refused => 15,
            Self::RefusedAndDeleted => 16,
            Self::Update(index) => UPDATES + u32::try_from(index).unwrap(),
        }
    }

    pub fn name(self, target: Target) -> String {
        match self {
            Self::Update(index) => {
                let zones = [String::new(), String::new()];
                format!("update of {}", target.edits(&zones)[index].0)
            }
            Self::CreateCrowd => "create of a crowd".to_owned(),
            Self::DeleteCrowd => "deletion of a crowd".to_owned(),
            Self::Refused => "refused create that takes effect".to_owned(),
            Self::RefusedAndDeleted => "deletion after a refused create that takes effect".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        }
    }

    /// Returns whether the steps of the connection belong to the scenario.
    pub fn is_about_connections(self) -> bool {
        matches!(self, Self::Rotate | Self::ChangeConnection)
    }

    /// Returns whether other objects accompany the object under test.
    pub fn is_crowd(self) -> bool {
        matches!(self, Self::CreateCrowd | Self::DeleteCrowd)
    }

    /// Creates the object before the scenario starts, unless the scenario creates it. Returns the state of the
    /// object.
    pub async fn prepare(self, user: &User<'_>) -> anyhow::Result<Option<Goal>> {
        use Scenario::{Abandon, Create, CreateCrowd, Refused, RefusedAndDeleted};
        if matches!(self, Create | CreateCrowd | Abandon | Refused | RefusedAndDeleted) {
            return Ok(None);
        }
        if self.is_crowd() {
            user.gather().await?;
        }
        user.apply().await?;
        user.reach(&Goal::Ready).await.context("before the scenario")?;
        if self != Self::Adopt {
            return Ok(Some(Goal::Ready));
        }
        let left = orphan(user).await?;
        user.reach(&left).await.context("before the scenario")?;
        change_upstream(user)?;
        Ok(Some(left))
    }

    /// Executes the scenario while faults are injected. Returns how it must end.
    pub async fn act(self, user: &User<'_>) -> anyhow::Result<Goal> {
        let environment = user.environment;
        let edits = environment.target.edits(&environment.zones);
        match self {
            Self::Create => user.apply().await?,
            Self::Delete => {
                user.delete().await?;
                return Ok(Goal::Gone);
            }
            Self::Refused => {
                environment.refuse_create();
                user.apply().await?;
            }
            Self::RefusedAndDeleted => {
                environment.refuse_create();
                user.apply().await?;
                settled(user).await?;
                user.delete().await?;
                return Ok(Goal::Gone);
            }
            Self::Replace => replace(user).await?,
            Self::ReplaceAndDelete => {
                replace(user).await?;
                user.reach(&Goal::Ready).await?;
                user.delete().await?;
                return Ok(Goal::Gone);
            }
            Self::Drift => change_upstream(user)?,
            Self::Vanish => {
                user.sequence.note("another writer deletes the object upstream");
                anyhow::ensure!(environment.remove(), "nothing to delete");
            }
            Self::Suspend => suspend(user, &edits[0].1).await?,
            Self::Rotate => rotate(user, &edits[0].1).await?,
            Self::ChangeConnection => change_connection(user, &edits[0].1).await?,
            Self::Orphan => return orphan(user).await,
            Self::Abandon => {
                abandon(user).await?;
                return Ok(Goal::Gone);
            }
            Self::Adopt => {
                adopt(user).await?;
                return Ok(Goal::Adopted);
            }
            Self::CreateCrowd => {
                user.gather().await?;
                user.apply().await?;
            }
            Self::DeleteCrowd => {
                user.disperse().await?;
                user.delete().await?;
                return Ok(Goal::Gone);
            }
            Self::Update(index) => user.edit(&edits[index].1).await?,
        }
        Ok(Goal::Ready)
    }
}

/// Waits until the create took effect, and status shows no operation in flight; or until an outsider decided that the object
/// goes.
async fn settled(user: &User<'_>) -> anyhow::Result<()> {
    user.until("the outcome of the create", || async {
        if user.outside().is_some_and(|what| what.decides_existence() == Some(false)) {
            return Ok(());
        }
        let is_settled = user.environment.counts().creates > 0 && !user.is_busy().await?;
        anyhow::ensure!(is_settled, "the create goes on");
        Ok(())
    })
    .await
}

fn change_upstream(user: &User<'_>) -> anyhow::Result<()> {
    user.sequence.note("another writer changes the object upstream");
    anyhow::ensure!(user.environment.change_upstream(), "nothing to change");
    Ok(())
}

async fn replace(user: &User<'_>) -> anyhow::Result<()> {
    user.delete().await?;
    user.reach(&Goal::Gone).await?;
    user.apply().await
}

async fn suspend(user: &User<'_>, edit: &Value) -> anyhow::Result<()> {
    user.patch(json!({ "spec": { "suspend": true } })).await?;
    user.reason("Suspended").await?;
    change_upstream(user)?;
    user.edit(edit).await?;
    user.patch(json!({ "spec": { "suspend": false } })).await
}

async fn rotate(user: &User<'_>, edit: &Value) -> anyhow::Result<()> {
    user.sequence.note("a user changes the credentials");
    let version = user.environment.rotate().await?;
    let annotations = json!({ "cloudpolicy.dev/reconcile-requested-at": version });
    let request = json!({ "metadata": { "annotations": annotations } });
    user.environment
        .connections()
        .patch(&user.environment.connection_name(), &PatchParams::default(), &Patch::Merge(request))
        .await?;
    user.edit(edit).await?;
    user.until("the new credentials", || shows(user, "secretResourceVersion", &version)).await
}

async fn change_connection(user: &User<'_>, edit: &Value) -> anyhow::Result<()> {
    user.sequence.note("a user changes the connection");
    let url = user.environment.change_connection().await?;
    user.edit(edit).await?;
    user.until("the new address", || shows(user, "endpoint", &url)).await
}

pub async fn shows(user: &User<'_>, field: &str, value: &str) -> anyhow::Result<()> {
    let link = user.environment.connections().get(&user.environment.connection_name()).await?;
    let status = &link.data["status"];
    anyhow::ensure!(status[field] == value, "{status}");
    let ready = shown_condition(status, "Ready");
    anyhow::ensure!(ready.is_some_and(|ready| ready["status"] == "True"), "{status}");
    Ok(())
}

async fn orphan(user: &User<'_>) -> anyhow::Result<Goal> {
    let left = user.environment.ours()?.first().cloned().context("nothing to orphan")?;
    user.patch(json!({ "spec": { "deletionPolicy": "Orphan" } })).await?;
    user.delete().await?;
    Ok(Goal::Left(left))
}

async fn adopt(user: &User<'_>) -> anyhow::Result<()> {
    let environment = user.environment;
    let left = environment.ours()?.first().cloned().context("nothing to adopt")?;
    let mut object = environment.manifest();
    object["spec"]["adoptionPolicy"] = json!("Always");
    if environment.target == Target::Network {
        object["spec"]["externalId"] = json!(environment.target.id(&left));
    }
    user.apply_as(object).await
}

async fn abandon(user: &User<'_>) -> anyhow::Result<()> {
    user.apply().await?;
    user.until("the create call", || async {
        let steps = user.sequence.steps();
        let created = steps.iter().any(|s| s.kind == StepKind::UpstreamWrite && s.name.contains("Create"));
        anyhow::ensure!(created, "{OBJECT_NAME} is not being created yet");
        Ok(())
    })
    .await?;
    user.delete().await
}
