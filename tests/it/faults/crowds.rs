//! A crowd: objects beside the object under test, which are created and deleted together with it and share its lists.
//!
//! One object is reconciled at a time, so that the others wait, and a list is cheaper than a read of each. The upstream
//! shows few objects in a page, so that a list takes several and can fail half way. The oracles of the object under
//! test hold for each companion.

use super::targets::OBJECT_NAME;
use super::user::{Goal, User};
use anyhow::Context;
use futures::future::try_join_all;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

/// How many objects accompany the object under test.
const COMPANIONS: usize = 3;

/// How many objects of a crowd are reconciled at once.
pub const AT_A_TIME: u16 = 1;

/// How many objects a page of the upstream shows meanwhile.
pub const PAGE: u32 = 2;

fn names() -> impl Iterator<Item = String> {
    (0..COMPANIONS).map(|number| format!("{OBJECT_NAME}-with-{number}"))
}

impl User<'_> {
    /// Returns how many objects of the operator belong to the scenario.
    pub fn objects(&self) -> usize {
        if self.scenario.is_crowd() { 1 + COMPANIONS } else { 1 }
    }

    /// Applies the companions.
    pub async fn gather(&self) -> anyhow::Result<()> {
        self.sequence.note("a user applies the companions");
        let params = PatchParams::apply("test").force();
        let applied = names().map(async |name| {
            let object = self.companion(&name);
            let applied = self.environment.api().patch(&name, &params, &Patch::Apply(object)).await?;
            self.environment.add_neighbour(&applied.uid().unwrap_or_default());
            anyhow::Ok(())
        });
        try_join_all(applied).await.map(drop)
    }

    /// Deletes the companions, and does not wait.
    pub async fn disperse(&self) -> anyhow::Result<()> {
        self.sequence.note("a user deletes the companions");
        let deleted =
            names().map(async |name| self.environment.api().delete(&name, &DeleteParams::background()).await.map(drop));
        try_join_all(deleted).await?;
        Ok(())
    }

    /// Oracle (a) of the companions. The upstream objects of all runs so far are told apart by their owner tags.
    pub async fn are_companions_at(&self, goal: &Goal) -> anyhow::Result<()> {
        for name in names() {
            let object = self.environment.api().get_opt(&name).await?;
            match object {
                Some(object) if goal.is_managed() => {
                    let theirs = self.environment.tagged(&object.uid().unwrap_or_default())?;
                    self.is_ready(&object, &theirs).with_context(|| format!("{name}: {}", object.data["status"]))?;
                }
                None if goal.is_managed() => anyhow::bail!("{name} is gone"),
                Some(object) => anyhow::bail!("{name} is still there: {}", object.data["status"]),
                None => {}
            }
        }
        let left = self.environment.managed()?;
        anyhow::ensure!(goal.is_managed() || left.is_empty(), "left upstream: {left:?}");
        Ok(())
    }

    fn companion(&self, name: &str) -> Value {
        let mut object = self.environment.manifest();
        object["metadata"]["name"] = json!(name);
        let document = &mut object["spec"][self.environment.target.system()];
        let field = ["policyName", "policyId"].into_iter().find(|field| !document[*field].is_null()).unwrap_or("name");
        document[field] = json!(name);
        object
    }
}
