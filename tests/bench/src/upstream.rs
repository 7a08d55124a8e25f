//! The simulators of this process: the requests that they received, and changes behind the operator's back.

use crate::workload::Workload;
use anyhow::Context;
use cloud_policy_simulator::ncloud::{self, Ncloud, sign};
use cloud_policy_simulator::spaceone::{self, Spaceone};
use cloud_policy_simulator::{Decision, Entry, Faults, Journal, Operation};
use futures::FutureExt;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Both upstreams. Only the one of the workload gets requests.
pub struct Upstream {
    workload: Workload,
    ncloud: Ncloud,
    spaceone: Spaceone,
}

impl Upstream {
    /// Starts simulators that delay each answer.
    pub async fn start(workload: Workload, latency: Duration) -> anyhow::Result<Self> {
        let ncloud = Ncloud::start(ncloud::Options::default()).await?;
        let spaceone = Spaceone::start(spaceone::Options::default()).await?;
        for faults in [ncloud.faults(), spaceone.faults()] {
            delay(faults, latency);
        }
        Ok(Self { workload, ncloud, spaceone })
    }

    pub fn zone(&self) -> anyhow::Result<String> {
        self.spaceone.zone_ids().first().cloned().context("the simulated SpaceONE has no zone")
    }

    /// Returns the block of the connection, and the data of its Secret.
    pub fn connection(&self) -> (Value, Value) {
        let secret = json!({ "name": self.workload.connection() });
        match self.workload {
            Workload::Ncloud => (
                json!({ "endpoint": self.ncloud.url(), "credentialsSecretRef": secret }),
                json!({ "accessKey": self.ncloud.access_key(), "secretKey": self.ncloud.secret_key() }),
            ),
            Workload::Spaceone | Workload::Network => (
                json!({ "endpoint": self.spaceone.url(), "apiStyle": "Rest", "domainId": self.spaceone.domain_id(),
                        "tokenSecretRef": secret }),
                json!({ "token": self.spaceone.token() }),
            ),
        }
    }

    pub fn journal(&self) -> &Journal {
        match self.workload {
            Workload::Ncloud => self.ncloud.journal(),
            Workload::Spaceone | Workload::Network => self.spaceone.journal(),
        }
    }

    /// Returns the time by the clock of the journal.
    pub fn now(&self) -> jiff::Timestamp {
        self.ncloud.clock().now()
    }

    /// Returns the number of requests since the journal was cleared.
    pub fn requests(&self) -> usize {
        self.journal().total()
    }

    /// Returns the requests that created an object.
    pub fn creates(&self) -> Vec<Entry> {
        let mut writes = self.journal().writes();
        writes.retain(|entry| entry.operation == Operation::Create);
        writes
    }

    /// Waits until no request has arrived for this long.
    pub async fn quiet(&self, period: Duration) {
        let mut last = (self.requests(), Instant::now());
        while last.1.elapsed() < period {
            sleep(period / 10).await;
            let now = self.requests();
            if now != last.0 {
                last = (now, Instant::now());
            }
        }
    }

    /// Changes this many objects as another writer would.
    pub fn drift(&self, objects: usize) {
        match self.workload {
            Workload::Ncloud => {
                for policy in self.ncloud.policies().iter().take(objects) {
                    self.ncloud.edit_policy(&policy.policy_id, |policy| policy.description = Some("drift".to_owned()));
                }
            }
            Workload::Spaceone => {
                for policy in self.spaceone.policies().iter().take(objects) {
                    self.spaceone.edit_policy(&policy.policy_id, |policy| "drift".clone_into(&mut policy.name));
                }
            }
            Workload::Network => {
                for policy in self.spaceone.network_policies().iter().take(objects) {
                    let id = &policy.network_policy_id;
                    self.spaceone.edit_network_policy(id, |policy| "drift".clone_into(&mut policy.name));
                }
            }
        }
    }

    /// Returns how many objects differ because of [`Upstream::drift`].
    pub fn drifted(&self) -> usize {
        let count = |names: Vec<Option<String>>| names.iter().filter(|name| name.as_deref() == Some("drift")).count();
        count(match self.workload {
            Workload::Ncloud => self.ncloud.policies().into_iter().map(|policy| policy.description).collect(),
            Workload::Spaceone => self.spaceone.policies().into_iter().map(|policy| Some(policy.name)).collect(),
            Workload::Network => self.spaceone.network_policies().into_iter().map(|policy| Some(policy.name)).collect(),
        })
    }

    /// Removes all objects without requests.
    pub fn remove_all(&self) {
        for policy in self.ncloud.policies() {
            self.ncloud.remove_policy(&policy.policy_id);
        }
        for policy in self.spaceone.policies() {
            self.spaceone.remove_policy(&policy.policy_id);
        }
        for policy in self.spaceone.network_policies() {
            self.spaceone.remove_network_policy(&policy.network_policy_id);
        }
    }

    /// Sends a recorded request again.
    pub async fn repeat(&self, client: &Client, entry: &Entry) -> anyhow::Result<()> {
        let method = Method::from_bytes(entry.method.as_bytes())?;
        let request = match self.workload {
            Workload::Ncloud => self.signed(client, method, &entry.target)?,
            Workload::Spaceone | Workload::Network => client
                .request(method, format!("{}{}", self.spaceone.url(), entry.target))
                .bearer_auth(self.spaceone.token()),
        };
        let request = request.header("content-type", "application/json").body(entry.request_body.clone());
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        anyhow::ensure!(status.is_success(), "{} {}: {status} {text}", entry.method, entry.target);
        Ok(())
    }

    fn signed(&self, client: &Client, method: Method, target: &str) -> anyhow::Result<reqwest::RequestBuilder> {
        let timestamp = self.ncloud.clock().now().as_millisecond().to_string();
        let (key, secret) = (self.ncloud.access_key(), self.ncloud.secret_key());
        let signature = sign(method.as_str(), target, &timestamp, &key, &secret);
        anyhow::ensure!(!signature.is_empty(), "the simulator signs nothing");
        Ok(client
            .request(method, format!("{}{target}", self.ncloud.url()))
            .header("x-ncp-apigw-timestamp", timestamp)
            .header("x-ncp-iam-access-key", key)
            .header("x-ncp-apigw-signature-v2", signature))
    }
}

fn delay(faults: &Faults, latency: Duration) {
    if !latency.is_zero() {
        faults.decide_with(move |_| Some(Decision::DelayAnswer(sleep(latency).boxed())));
    }
}
