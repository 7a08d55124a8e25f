//! A second repository, as the marketplace of a usual installation. Its policies belong to another domain.
//!
//! A get that names no repository searches the local one and then this one, without the domain.

use serde_json::{Value, json};

use super::Spaceone;
use super::store::StoredPolicy;

/// The second repository and its policies.
#[derive(Debug)]
pub(crate) struct Marketplace {
    pub(crate) repository_id: String,
    pub(crate) policies: Vec<StoredPolicy>,
}

impl Marketplace {
    /// Returns the repository in the form that other objects contain.
    pub(crate) fn repository_info(&self) -> Value {
        json!({"repository_id": self.repository_id, "name": "Marketplace", "repository_type": "remote"})
    }
}

#[allow(clippy::must_use_candidate, reason = "callers want the change and may ignore the result")]
impl Spaceone {
    /// Adds a policy to the marketplace, which exists from then on. Returns the id of the marketplace.
    pub fn add_marketplace_policy(&self, policy: StoredPolicy) -> String {
        self.with(|installation| {
            let new = || Marketplace { repository_id: installation.store.ids.prefixed("repo"), policies: Vec::new() };
            let marketplace = installation.marketplace.get_or_insert_with(new);
            marketplace.policies.push(policy);
            marketplace.repository_id.clone()
        })
    }
}
