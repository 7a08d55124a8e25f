//! A simulated upstream of a run: what it stores, and how another writer changes it.

use super::targets::{OBJECT_NAME, Target};
use super::weather::Weather;
use crate::support::manifests;
use cloud_policy_simulator::ncloud::{self, Ncloud, NewPolicy};
use cloud_policy_simulator::spaceone::{self, Spaceone, StoredNetworkPolicy, StoredPolicy};
use cloud_policy_simulator::{Faults, Journal, Operation};
use serde_json::{Value, json};

/// A simulated account or installation.
pub enum Simulated {
    Ncloud(Ncloud),
    Spaceone(Spaceone),
}

impl Simulated {
    /// Starts an upstream: the one to which the connection leads, or another account or domain elsewhere.
    pub async fn start(target: Target, weather: Weather, is_elsewhere: bool) -> anyhow::Result<Self> {
        if target == Target::Ncloud {
            let mut options = ncloud::Options { switches: weather.ncloud(), ..ncloud::Options::default() };
            if is_elsewhere {
                (options.member_number, options.seed) = ("7654321".to_owned(), 2);
            }
            return Ok(Self::Ncloud(Ncloud::start(options).await?));
        }
        // The zones are the same, so that every spec is valid in both.
        let domain_id = is_elsewhere.then(|| "domain-e15e00000001".to_owned());
        let options = spaceone::Options { switches: weather.spaceone(), domain_id, ..spaceone::Options::default() };
        Ok(Self::Spaceone(Spaceone::start(options).await?))
    }

    pub fn url(&self) -> String {
        match self {
            Self::Ncloud(simulator) => simulator.url(),
            Self::Spaceone(simulator) => simulator.url(),
        }
    }

    pub fn zones(&self) -> Vec<String> {
        match self {
            Self::Ncloud(_) => Vec::new(),
            Self::Spaceone(simulator) => simulator.zone_ids(),
        }
    }

    pub fn journal(&self) -> &Journal {
        match self {
            Self::Ncloud(simulator) => simulator.journal(),
            Self::Spaceone(simulator) => simulator.journal(),
        }
    }

    pub fn faults(&self) -> &Faults {
        match self {
            Self::Ncloud(simulator) => simulator.faults(),
            Self::Spaceone(simulator) => simulator.faults(),
        }
    }

    /// Limits how many objects a page shows.
    pub fn limit_pages(&self, limit: Option<u32>) {
        match self {
            Self::Ncloud(simulator) => simulator.set_options(|options| options.switches.largest_page = limit),
            Self::Spaceone(simulator) => simulator.set_options(|switches| switches.largest_page = limit),
        }
    }

    /// Returns how many writes of this kind took effect.
    pub fn effects(&self, operation: Operation) -> usize {
        self.journal().effects(operation)
    }

    /// Returns every object of the collection, oldest first.
    pub fn store(&self, target: Target) -> Vec<Value> {
        match (self, target) {
            (Self::Ncloud(simulator), _) => simulator.policies().iter().map(|p| json!(p)).collect(),
            (Self::Spaceone(simulator), Target::Network) => {
                simulator.network_policies().iter().map(|p| json!(p)).collect()
            }
            (Self::Spaceone(simulator), _) => simulator.policies().iter().map(|p| json!(p)).collect(),
        }
    }

    /// Adds objects of strangers beside the object under test.
    pub fn add_foreign_objects(&self, target: Target) {
        match (self, target) {
            (Self::Ncloud(simulator), _) => {
                let spec = &manifests::ncloud_policy("any")["spec"]["ncloud"];
                let permissions: Vec<ncloud::Permission> = serde_json::from_value(spec["permissions"].clone()).unwrap();
                // A search by a part of the name also finds this one.
                let policy_name = format!("{OBJECT_NAME}-2");
                simulator.add_policy(NewPolicy { policy_name, permissions, ..NewPolicy::default() });
            }
            (Self::Spaceone(simulator), Target::Network) => {
                // Names are not unique: only the owner tag tells these apart from the operator's object.
                for tags in [json!({}), json!({ "cloudpolicy_owner": "another-cluster/4711" })] {
                    let tags = tags.as_object().cloned().unwrap_or_default();
                    let name = OBJECT_NAME.to_owned();
                    simulator.add_network_policy(StoredNetworkPolicy { name, tags, ..StoredNetworkPolicy::default() });
                }
            }
            (Self::Spaceone(simulator), _) => {
                let (policy_id, name) = (format!("{OBJECT_NAME}-2"), "Viewer".to_owned());
                simulator.add_policy(StoredPolicy { policy_id, name, ..StoredPolicy::default() });
            }
        }
    }

    /// Changes an object, as another writer would. Returns false when there is none with this id.
    pub fn edit(&self, target: Target, id: &str) -> bool {
        let by_hand = || "by hand".to_owned();
        match (self, target) {
            (Self::Ncloud(simulator), _) => simulator.edit_policy(id, |p| p.description = Some(by_hand())),
            (Self::Spaceone(simulator), Target::Network) => {
                simulator.edit_network_policy(id, |p| p.dns = vec!["9.9.9.9".to_owned()])
            }
            (Self::Spaceone(simulator), _) => simulator.edit_policy(id, |p| p.name = by_hand()),
        }
    }

    /// Deletes an object, as another writer would. Returns false when there is none with this id.
    pub fn remove(&self, target: Target, id: &str) -> bool {
        match (self, target) {
            (Self::Ncloud(simulator), _) => simulator.remove_policy(id),
            (Self::Spaceone(simulator), Target::Network) => simulator.remove_network_policy(id),
            (Self::Spaceone(simulator), _) => simulator.remove_policy(id),
        }
    }

    /// Changes the credentials where the simulator can. Returns the content of a Secret; `key` is the key of a token.
    pub fn rotate(&self, change: u32, key: &str) -> Value {
        match self {
            Self::Ncloud(simulator) => {
                let (access, secret) = (format!("ACCESS{change:08}"), format!("secret/{change:08}"));
                simulator.set_options(|o| (o.access_key, o.secret_key) = (access.clone(), secret.clone()));
                json!({ "accessKey": access, "secretKey": secret })
            }
            // The simulator knows one token: only the Secret changes.
            Self::Spaceone(simulator) => json!({ key: simulator.token(), "change": change.to_string() }),
        }
    }

    /// Returns the part of a connection's spec that leads to this upstream, at this address.
    pub fn lead(&self, url: &str, key: &str) -> Value {
        match self {
            Self::Ncloud(_) => {
                json!({ "ncloud": { "endpoint": url, "credentialsSecretRef": { "name": "link" } } })
            }
            Self::Spaceone(simulator) => json!({ "spaceone": {
                "endpoint": url,
                "apiStyle": "Rest",
                "domainId": simulator.domain_id(),
                "tokenSecretRef": { "name": "link", "key": key },
            } }),
        }
    }
}
