//! Two tenants on one `ClusterConnection`: objects of a second namespace, which want the name of the object under test
//! or come in a crowd.

use super::environment::Environment;
use super::outside::Outside;
use super::targets::OBJECT_NAME;
use super::user::User;
use crate::support::connection_helpers;
use crate::support::kinds::shown_condition;
use cloud_policy_testbed::TestNamespace;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::MutexGuard;

/// How many objects a crowd has.
const CROWD: usize = 12;

/// The namespace of another tenant, who uses a cluster connection, too.
pub struct Shared {
    pub tenant: TestNamespace,
    /// Every operator sees all cluster connections, so that only one test at a time may have one.
    _alone: MutexGuard<'static, ()>,
}

impl Shared {
    pub async fn open(client: &Client) -> anyhow::Result<Self> {
        let alone = connection_helpers::alone().await;
        Ok(Self { tenant: TestNamespace::create(client, "faults-b").await?, _alone: alone })
    }
}

impl Outside {
    /// Returns how many objects of another tenant exist meanwhile.
    pub fn neighbours(self) -> usize {
        match self {
            Self::Rival => 1,
            Self::Crowd => CROWD,
            _ => 0,
        }
    }
}

impl User<'_> {
    /// Applies the objects of the other tenant.
    pub async fn move_in(&self, what: Outside) -> anyhow::Result<()> {
        let params = PatchParams::apply("tenant").force();
        for number in 0..what.neighbours() {
            let object = neighbour(self.environment, what, number);
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let applied = neighbours(self.environment).patch(&name, &params, &Patch::Apply(object)).await?;
            self.environment.add_neighbour(applied.metadata.uid.as_deref().unwrap_or_default());
        }
        Ok(())
    }

    /// Waits until the other tenant's objects have their turn, checks what they say, and deletes them.
    pub async fn move_out(&self, what: Outside) -> anyhow::Result<()> {
        for number in 0..what.neighbours() {
            let name = name(what, number);
            self.until("the other tenant's turn", || self.has_turn(&name)).await?;
            neighbours(self.environment).delete(&name, &DeleteParams::background()).await?;
        }
        for number in 0..what.neighbours() {
            let name = name(what, number);
            let gone = || async {
                let left = neighbours(self.environment).get_opt(&name).await?;
                anyhow::ensure!(left.is_none(), "{name} is still there: {left:?}");
                Ok(())
            };
            self.until("the other tenant's object to be gone", gone).await?;
        }
        Ok(())
    }

    /// Checks that an object of the other tenant is ready, or says that the name is taken: never both.
    async fn has_turn(&self, name: &str) -> anyhow::Result<()> {
        let object = neighbours(self.environment).get(name).await?;
        let status = &object.data["status"];
        let reason = shown_condition(status, "Ready").map(|ready| ready["reason"].clone()).unwrap_or_default();
        anyhow::ensure!(reason == "UpToDate" || reason == "Conflict", "{name} says {reason}");
        let subject = self.environment.api().get_opt(OBJECT_NAME).await?;
        let id = |object: &DynamicObject| object.data["status"]["upstream"]["id"].clone();
        let is_shared = subject.is_some_and(|subject| !id(&subject).is_null() && id(&subject) == id(&object));
        anyhow::ensure!(reason == "Conflict" || !is_shared, "two objects record one upstream object");
        Ok(())
    }
}

/// Returns the API of the kind under test in the namespace of the other tenant.
fn neighbours(environment: &Environment) -> Api<DynamicObject> {
    Api::namespaced_with(environment.client.clone(), environment.tenant(), &environment.target.api())
}

fn name(what: Outside, number: usize) -> String {
    if what == Outside::Rival { "rival".to_owned() } else { format!("neighbour-{number}") }
}

/// Returns an object of the other tenant: a rival wants the same name upstream, the objects of a crowd want others.
fn neighbour(environment: &Environment, what: Outside, number: usize) -> Value {
    let mut object = environment.manifest();
    object["metadata"]["name"] = json!(name(what, number));
    if what == Outside::Crowd {
        let document = &mut object["spec"][environment.target.system()];
        let field = ["policyName", "policyId"].into_iter().find(|field| !document[*field].is_null()).unwrap_or("name");
        document[field] = json!(name(what, number));
    }
    object
}
