//! Both upstreams, as a user with their addresses and credentials sees them.
//!
//! The demo uses the API of SpaceONE, simulated or real. NAVER Cloud is simulated, and the demo uses
//! the simulator's admin port, so that it does not have to sign requests.

use crate::http;
use crate::write_counts::{Collection, WriteCounts};
use anyhow::Context;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The addresses and credentials of the upstreams.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Upstreams {
    /// The address of the NAVER Cloud simulator.
    pub ncloud: String,
    pub access_key: String,
    pub secret_key: String,
    /// The address of the simulators' admin port.
    pub admin: String,
    pub spaceone: Spaceone,
}

/// One SpaceONE domain.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spaceone {
    pub url: String,
    pub token: String,
    pub domain_id: String,
    pub repository_id: String,
    pub zone_id: String,
    /// Whether the servers are real.
    pub real: bool,
}

impl Upstreams {
    /// Returns a policy of the NAVER Cloud account.
    pub async fn ncloud_policy(&self, name: &str) -> anyhow::Result<Option<Value>> {
        let policies = self.ncloud_policies().await?;
        Ok(policies.into_iter().find(|policy| policy["policyName"] == name))
    }

    async fn ncloud_policies(&self) -> anyhow::Result<Vec<Value>> {
        let state = http::get(&format!("{}/state", self.admin)).await?;
        list(&state["ncloud"]["policies"])
    }

    /// Counts the writes and the remaining objects.
    pub async fn write_counts(&self) -> anyhow::Result<WriteCounts> {
        let journal = http::get(&format!("{}/journal", self.admin)).await?;
        let mut counts = WriteCounts::default();
        for entry in list(&journal["entries"])? {
            counts.add_simulated(&entry);
        }
        if self.spaceone.real {
            for entry in list(&http::get(&self.spaceone.log()).await?)? {
                counts.add_real(&entry);
            }
        }
        let left = [
            (Collection::Ncloud, self.ncloud_policies().await?),
            (Collection::SpaceoneRepository, self.spaceone.policies().await?),
            (Collection::SpaceoneInventory, self.spaceone.network_policies().await?),
        ];
        for (collection, objects) in left {
            counts.set_left(collection, objects.len());
        }
        Ok(counts)
    }
}

impl Spaceone {
    /// Returns all policies of the local repository.
    pub async fn policies(&self) -> anyhow::Result<Vec<Value>> {
        let body = json!({ "repository_id": self.repository_id, "domain_id": self.domain_id });
        self.search("/repository/v1/policies/search", &body).await
    }

    /// Returns all network policies of the domain.
    pub async fn network_policies(&self) -> anyhow::Result<Vec<Value>> {
        self.search("/inventory/v1/network-policies/search", &json!({ "domain_id": self.domain_id })).await
    }

    /// Returns the URL for writes to a policy.
    pub fn policy_url(&self, id: &str) -> String {
        format!("{}/repository/v1/policy/{id}", self.url)
    }

    /// Returns the URL of the real servers' journal.
    pub fn log(&self) -> String {
        format!("{}/__log", self.url)
    }

    /// Writes to SpaceONE without the operator.
    pub async fn write_by_hand(&self, url: &str, body: &Value) -> anyhow::Result<()> {
        http::call(Method::PUT, url, Some(&self.token), Some(body)).await.map(drop)
    }

    async fn search(&self, path: &str, body: &Value) -> anyhow::Result<Vec<Value>> {
        let found = http::call(Method::POST, &format!("{}{path}", self.url), Some(&self.token), Some(body)).await?;
        // protobuf omits empty lists.
        found.get("results").map_or_else(|| Ok(Vec::new()), list)
    }
}

fn list(value: &Value) -> anyhow::Result<Vec<Value>> {
    value.as_array().cloned().with_context(|| format!("not a list: {value}"))
}
