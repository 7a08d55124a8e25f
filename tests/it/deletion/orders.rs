//! Deletes the parts of a tenant in every order: the policies, the connections, the Secrets and the namespace itself.
//! The operator runs all the time, or restarts after the first part is deleted.
//!
//! Every deletion must complete. The operator deletes the upstream objects that it can reach. If the Secrets are
//! deleted before it can read them, it orphans the upstream objects after the deadline and counts each.

use crate::support::installation::{Installation, Process, operator_client, ours, secret};
use crate::support::manifests::{ncloud_policy, network_policy, spaceone_policy};
use crate::support::rbac;
use cloud_policy::controller::Settings;
use cloud_policy::controller::settings::TenantConnections;
use cloud_policy_testbed::wait_for;
use futures::future::join_all;
use kube::Client;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::Mutex;

/// Longer than a deletion takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(4);

/// A part of a tenant that can be deleted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Policies,
    Connections,
    Secrets,
    Namespace,
}

/// Returns every order of the four parts.
fn orders() -> Vec<[Part; 4]> {
    use Part::{Connections, Namespace, Policies, Secrets};
    let all = [Policies, Connections, Secrets, Namespace];
    let mut orders = Vec::new();
    for a in all {
        for b in all.into_iter().filter(|b| *b != a) {
            for c in all.into_iter().filter(|c| ![a, b].contains(c)) {
                orders.extend(all.into_iter().filter(|d| ![a, b, c].contains(d)).map(|d| [a, b, c, d]));
            }
        }
    }
    orders
}

/// One namespace and the order in which its parts are deleted.
struct Tenant<'a> {
    installation: &'a Installation,
    namespace: String,
    order: [Part; 4],
}

impl Tenant<'_> {
    /// Creates two connections and one object of each collection.
    async fn settle(&self, operator: &Client) {
        let Self { installation, namespace, .. } = self;
        let place = Some(namespace.as_str());
        let own = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
        installation.apply(None, own).await;
        rbac::grant_tenant(&installation.admin, operator, namespace).await;
        for object in connections(installation) {
            installation.apply(place, object).await;
        }
        // All tenants share the upstream names.
        let (mut ncloud, mut policy) = (ncloud_policy("n"), spaceone_policy("p"));
        ncloud["spec"]["ncloud"]["policyName"] = json!(namespace);
        policy["spec"]["spaceone"]["policyId"] = json!(namespace);
        let mut network = network_policy("w", &installation.spaceone.zone_ids()[0]);
        network["spec"]["spaceone"]["name"] = json!(namespace);
        for object in [ncloud, policy, network] {
            installation.apply(place, object).await;
        }
    }

    async fn is_ready(&self) {
        for (kind, name) in OBJECTS {
            self.installation.ready_in(&self.namespace, kind, name, |ready| ready["reason"] == "UpToDate").await;
        }
    }

    /// Deletes one part without waiting.
    async fn lose(&self, part: Part) {
        let api = |kind: &str| self.installation.api(version(kind), kind, Some(&self.namespace));
        let parts: Vec<(&str, &str)> = match part {
            Part::Policies => OBJECTS.to_vec(),
            Part::Connections => vec![("Connection", "ncloud"), ("Connection", "spaceone")],
            Part::Secrets => vec![("Secret", "ncloud"), ("Secret", "spaceone")],
            Part::Namespace => {
                let namespaces = self.installation.api("v1", "Namespace", None);
                namespaces.delete(&self.namespace, &DeleteParams::default()).await.unwrap();
                return;
            }
        };
        for (kind, name) in parts {
            match api(kind).delete(name, &DeleteParams::background()).await {
                // The deletion of the namespace has already deleted it.
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                other => drop(other.unwrap()),
            }
        }
    }

    /// Waits until the Secrets are gone if the order deletes them first, so that an operator that starts now finds
    /// either all Secrets or none.
    async fn first_is_lost(&self) {
        let secrets = self.installation.api("v1", "Secret", Some(&self.namespace));
        if self.loses_credentials() {
            wait_for("the Secrets to be gone", LIMIT, || async {
                anyhow::ensure!(secrets.get_opt("ncloud").await?.is_none(), "ncloud");
                anyhow::ensure!(secrets.get_opt("spaceone").await?.is_none(), "spaceone");
                Ok(())
            })
            .await
            .unwrap();
        }
    }

    /// Waits until a restarted operator has shown that it read the Secrets, if they still exist: it deletes upstream
    /// objects, or reports the objects that use the connections.
    async fn secrets_are_read(&self) {
        match self.order[0] {
            Part::Policies => {
                for (kind, name) in OBJECTS {
                    let api = self.installation.api(version(kind), kind, Some(&self.namespace));
                    self.installation.gone(&api, name).await;
                }
            }
            Part::Connections => {
                for name in ["ncloud", "spaceone"] {
                    self.installation
                        .ready_in(&self.namespace, "Connection", name, |ready| {
                            let message = ready["message"].as_str().unwrap_or_default();
                            ready["status"] == "True" && message.starts_with("Deletion waits for")
                        })
                        .await;
                }
            }
            Part::Secrets | Part::Namespace => {}
        }
    }

    /// Returns whether an operator that starts after the deletion of the first part finds no Secret.
    fn loses_credentials(&self) -> bool {
        matches!(self.order[0], Part::Secrets | Part::Namespace)
    }

    async fn is_gone(&self) {
        let namespaces = self.installation.api("v1", "Namespace", None);
        wait_for(&format!("{} to be gone after {:?}", self.namespace, self.order), LIMIT, || async {
            match namespaces.get_opt(&self.namespace).await? {
                None => Ok(()),
                Some(namespace) => anyhow::bail!("{}", namespace.data["status"]),
            }
        })
        .await
        .unwrap();
    }

    /// Counts the objects that are left upstream, at most three.
    fn left(&self) -> usize {
        let Installation { ncloud, spaceone, .. } = self.installation;
        usize::from(ncloud.policy_named(&self.namespace).is_some())
            + spaceone.policies().iter().filter(|policy| policy.policy_id == self.namespace).count()
            + spaceone.network_policies().iter().filter(|policy| policy.name == self.namespace).count()
    }
}

const OBJECTS: [(&str, &str); 3] = [("Policy", "n"), ("Policy", "p"), ("NetworkPolicy", "w")];

fn version(kind: &str) -> &'static str {
    if kind == "Secret" { "v1" } else { "cloudpolicy.dev/v1alpha1" }
}

fn connections(installation: &Installation) -> Vec<Value> {
    let Installation { ncloud, spaceone, .. } = installation;
    let keys = json!({ "accessKey": ncloud.access_key(), "secretKey": ncloud.secret_key() });
    let limit = json!({ "requestsPerSecond": 100, "burst": 200 });
    let one = json!({
        "ncloud": { "endpoint": ncloud.url(), "credentialsSecretRef": { "name": "ncloud" } },
        "rateLimit": limit,
    });
    let other = json!({
        "spaceone": {
            "endpoint": spaceone.url(), "apiStyle": "Rest", "domainId": spaceone.domain_id(),
            "tokenSecretRef": { "name": "spaceone", "key": "token" },
        },
        "rateLimit": limit,
    });
    vec![
        secret("ncloud", &keys),
        secret("spaceone", &json!({ "token": spaceone.token() })),
        ours("Connection", "ncloud", &one),
        ours("Connection", "spaceone", &other),
    ]
}

fn adjust(settings: &mut Settings) {
    settings.tenant_connections = TenantConnections::All;
    settings.orphan_after = Duration::from_secs(3);
    settings.interval_divisor = 1;
}

/// Lets one test run at a time: two tests with 24 tenants each would only slow each other down.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Creates a tenant in a namespace of its own for every order.
async fn tenants<'a>(installation: &'a Installation, operator: &Client) -> Vec<Tenant<'a>> {
    let tenant = |(i, order)| Tenant { installation, namespace: format!("order-{i}"), order };
    let tenants: Vec<_> = orders().into_iter().enumerate().map(tenant).collect();
    assert_eq!(tenants.len(), 24);
    join_all(tenants.iter().map(|tenant| tenant.settle(operator))).await;
    tenants
}

async fn lose_all(tenants: &[Tenant<'_>], steps: std::ops::Range<usize>) {
    for step in steps {
        join_all(tenants.iter().map(|tenant| tenant.lose(tenant.order[step]))).await;
    }
    join_all(tenants.iter().map(Tenant::is_gone)).await;
}

fn orphaned(process: &Process) -> usize {
    let metrics = process.metrics.encode().unwrap();
    let deadline = metrics.lines().filter(|line| line.contains("reason=\"deadline\""));
    deadline.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenant_deletion_succeeds_in_every_order() {
    let _alone = ALONE.lock().await;
    let installation = Installation::new().await;
    let operator = operator_client(&installation).await;
    let process = Process::start(operator.clone(), adjust).await;
    let tenants = tenants(&installation, &operator).await;
    join_all(tenants.iter().map(Tenant::is_ready)).await;
    lose_all(&tenants, 0..4).await;
    let left: Vec<_> = tenants.iter().filter(|tenant| tenant.left() > 0).map(|tenant| tenant.order).collect();
    assert_eq!(left, Vec::<[Part; 4]>::new(), "no upstream object is left");
    assert_eq!(orphaned(&process), 0);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenant_deletion_succeeds_in_every_order_after_restart() {
    let _alone = ALONE.lock().await;
    let installation = Installation::new().await;
    let operator = operator_client(&installation).await;
    let process = Process::start(operator.clone(), adjust).await;
    let tenants = tenants(&installation, &operator).await;
    join_all(tenants.iter().map(Tenant::is_ready)).await;
    process.stop().await;
    join_all(tenants.iter().map(|tenant| tenant.lose(tenant.order[0]))).await;
    join_all(tenants.iter().map(Tenant::first_is_lost)).await;
    let process = Process::start(operator, adjust).await;
    join_all(tenants.iter().map(Tenant::secrets_are_read)).await;
    lose_all(&tenants, 1..4).await;
    let (lost, reached): (Vec<_>, Vec<_>) = tenants.iter().partition(|tenant| tenant.loses_credentials());
    let left: Vec<_> = reached.iter().filter(|tenant| tenant.left() > 0).map(|tenant| tenant.order).collect();
    assert_eq!(left, Vec::<[Part; 4]>::new(), "no reachable upstream object is left");
    let orphans = lost.iter().map(|tenant| tenant.left()).sum::<usize>();
    assert_eq!((lost.len(), orphans), (12, 36), "without credentials the operator deletes nothing");
    assert_eq!(orphaned(&process), orphans, "the operator counts each orphan");
    process.stop().await;
}

#[test]
fn orders_contain_every_permutation_once() {
    let orders = orders();
    for (i, order) in orders.iter().enumerate() {
        assert!(!orders[..i].contains(order), "{order:?} twice");
        assert!([Part::Policies, Part::Connections, Part::Secrets, Part::Namespace].iter().all(|p| order.contains(p)));
    }
    assert_eq!(orders.len(), 24);
}
