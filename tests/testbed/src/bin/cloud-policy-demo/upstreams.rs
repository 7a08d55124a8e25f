//! Both upstreams, as somebody with their address and a token sees them.
//!
//! SpaceONE is asked through its API, simulated or real. NAVER Cloud is simulated, and asked
//! through the simulator's admin port: that saves signing requests here.

use crate::http;
use crate::ledger::{Collection, Ledger};
use anyhow::Context;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Where the upstreams are and what opens them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Upstreams {
    /// NAVER Cloud, simulated.
    pub ncloud: String,
    pub access_key: String,
    pub secret_key: String,
    /// The simulators' admin port.
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
    /// Whether real servers answer.
    pub real: bool,
}

impl Upstreams {
    /// A policy in the NAVER Cloud account.
    pub async fn ncloud_policy(&self, name: &str) -> anyhow::Result<Option<Value>> {
        let policies = self.ncloud_policies().await?;
        Ok(policies.into_iter().find(|policy| policy["policyName"] == name))
    }

    async fn ncloud_policies(&self) -> anyhow::Result<Vec<Value>> {
        let state = http::get(&format!("{}/state", self.admin)).await?;
        list(&state["ncloud"]["policies"])
    }

    /// What was written, and what is left, so far.
    pub async fn ledger(&self) -> anyhow::Result<Ledger> {
        let journal = http::get(&format!("{}/journal", self.admin)).await?;
        let mut ledger = Ledger::default();
        for entry in list(&journal["entries"])? {
            ledger.note_simulated(&entry);
        }
        if self.spaceone.real {
            for entry in list(&http::get(&self.spaceone.log()).await?)? {
                ledger.note_real(&entry);
            }
        }
        let left = [
            (Collection::Ncloud, self.ncloud_policies().await?),
            (Collection::SpaceoneRepository, self.spaceone.policies().await?),
            (Collection::SpaceoneInventory, self.spaceone.network_policies().await?),
        ];
        for (collection, objects) in left {
            ledger.set_left(collection, objects.len());
        }
        Ok(ledger)
    }
}

impl Spaceone {
    /// All policies of the local repository.
    pub async fn policies(&self) -> anyhow::Result<Vec<Value>> {
        let body = json!({ "repository_id": self.repository_id, "domain_id": self.domain_id });
        self.search("/repository/v1/policies/search", &body).await
    }

    /// All network policies of the domain.
    pub async fn network_policies(&self) -> anyhow::Result<Vec<Value>> {
        self.search("/inventory/v1/network-policies/search", &json!({ "domain_id": self.domain_id })).await
    }

    /// The address of a policy, for writing.
    pub fn policy_url(&self, id: &str) -> String {
        format!("{}/repository/v1/policy/{id}", self.url)
    }

    /// The real servers' journal.
    pub fn log(&self) -> String {
        format!("{}/__log", self.url)
    }

    /// Writes past the operator.
    pub async fn write_by_hand(&self, url: &str, body: &Value) -> anyhow::Result<()> {
        http::call(Method::PUT, url, Some(&self.token), Some(body)).await.map(drop)
    }

    async fn search(&self, path: &str, body: &Value) -> anyhow::Result<Vec<Value>> {
        let found = http::call(Method::POST, &format!("{}{path}", self.url), Some(&self.token), Some(body)).await?;
        // protobuf leaves empty lists out.
        found.get("results").map_or_else(|| Ok(Vec::new()), list)
    }
}

fn list(value: &Value) -> anyhow::Result<Vec<Value>> {
    value.as_array().cloned().with_context(|| format!("not a list: {value}"))
}
