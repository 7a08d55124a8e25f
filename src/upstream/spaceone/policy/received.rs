//! Policies in responses.

use super::document::{Details, PolicyDocument};
use crate::api::policy::SpaceonePolicySpec;
use crate::engine::Observed;
use crate::upstream::lenient::{nullable, present, text};
use crate::upstream::spaceone::client::Fields;
use crate::upstream::spaceone::tags;
use crate::upstream::spaceone::wire::{described, timestamp};
use serde::Deserialize;
use serde_json::Value;

/// A policy in a response.
#[derive(Debug, Deserialize)]
pub(super) struct ReceivedPolicy {
    pub(super) policy_id: String,
    #[serde(default, deserialize_with = "nullable")]
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    permissions: Vec<String>,
    /// The upstream accepts values of any type.
    #[serde(default, deserialize_with = "nullable")]
    labels: Vec<Value>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) tags: Fields,
    #[serde(default)]
    project_id: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    repository_info: Option<Fields>,
    #[serde(default)]
    created_at: Value,
    #[serde(default)]
    updated_at: Value,
}

impl ReceivedPolicy {
    /// Converts it to what the engine compares.
    pub(super) fn observed(self) -> Observed<PolicyDocument> {
        let (found_tag, tags) = tags::split_owner(self.tags);
        let document = PolicyDocument(SpaceonePolicySpec {
            policy_id: self.policy_id.clone(),
            name: self.name,
            permissions: self.permissions,
            labels: Some(self.labels.iter().map(text).collect()),
            tags: Some(tags.into()),
            project_id: present(self.project_id),
        });
        let details = Details {
            state: present(self.state),
            repository_info: described(self.repository_info),
            created_at: timestamp(&self.created_at),
            updated_at: timestamp(&self.updated_at),
        };
        Observed { id: self.policy_id, document, found_tag, details }
    }
}
