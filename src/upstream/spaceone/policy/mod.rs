//! Policies of a SpaceONE repository (`spaceone/policy`).
//!
//! The caller chooses the id, which is unique in the domain: that makes a second create harmless,
//! and finding simple. The stamp is the tag `cloudpolicy_owner`.

mod document;

pub(crate) use document::PolicyDocument;

use super::client::{Ask, Fields, Resource, Spaceone, Verb, purpose, readable};
use super::tags;
use super::wire::{described, timestamp};
use crate::api::policy::SpaceonePolicySpec;
use crate::engine::{
    Details, Diff, ErrorKind, External, Observed, OwnerTag, Result, Snapshot, UpstreamError, Verdict, Written,
};
use crate::upstream::lenient::{nullable, present, text};
use crate::upstream::snapshots::SnapshotCache;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

/// The collection's name.
pub(crate) const SYSTEM: &str = "spaceone/policy";

/// The policies of one domain.
pub(crate) struct Policies(pub(crate) Arc<Spaceone>, pub(crate) Arc<SnapshotCache<PolicyDocument>>);

/// A policy as it is answered.
#[derive(Debug, Deserialize)]
struct Answered {
    policy_id: String,
    #[serde(default, deserialize_with = "nullable")]
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    permissions: Vec<String>,
    /// The upstream takes any values.
    #[serde(default, deserialize_with = "nullable")]
    labels: Vec<Value>,
    #[serde(default, deserialize_with = "nullable")]
    tags: Fields,
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

impl Answered {
    fn observed(self) -> Observed<PolicyDocument> {
        let (found_tag, tags) = tags::unstamped(self.tags);
        let document = PolicyDocument(SpaceonePolicySpec {
            policy_id: self.policy_id.clone(),
            name: self.name,
            permissions: self.permissions,
            labels: Some(self.labels.iter().map(text).collect()),
            tags: Some(tags),
            project_id: present(self.project_id),
        });
        let details = Details {
            state: present(self.state),
            repository_info: described(self.repository_info),
            created_at: timestamp(&self.created_at),
            updated_at: timestamp(&self.updated_at),
            ..Details::default()
        };
        Observed { id: self.policy_id, document, found_tag, details }
    }
}

impl External for Policies {
    type Document = PolicyDocument;

    fn system(&self) -> &'static str {
        SYSTEM
    }

    async fn find(&self, key: &str, _: &OwnerTag) -> Result<Vec<Observed<PolicyDocument>>> {
        Ok(self.observe(key).await?.into_iter().collect())
    }

    async fn observe(&self, id: &str) -> Result<Option<Observed<PolicyDocument>>> {
        let found = self.0.get::<Answered>(Resource::Policy, id).await?;
        Ok(found.map(Answered::observed))
    }

    async fn list(&self) -> Result<Vec<Observed<PolicyDocument>>> {
        let all = self.0.search(Resource::Policy, &Fields::new()).await?;
        Ok(readable::<Answered>(all).map(Answered::observed).collect())
    }

    async fn snapshot(&self, not_before: Instant) -> Option<Arc<Snapshot<PolicyDocument>>> {
        self.1.since(not_before, self.list()).await
    }

    async fn check(&self, _: &PolicyDocument) -> Result<Option<Verdict>> {
        Ok(None)
    }

    async fn create(&self, wanted: &PolicyDocument, owner_tag: &OwnerTag) -> Result<Written> {
        self.write(Verb::Create, &wanted.0.policy_id, wanted.create_fields(owner_tag)).await
    }

    async fn update(&self, id: &str, wanted: &PolicyDocument, diff: &Diff, owner_tag: &OwnerTag) -> Result<Written> {
        let fields = wanted.update_fields(diff, owner_tag);
        // The upstream cannot change what is left, such as the project: the next look says so.
        if fields.is_empty() {
            return Ok(Written::Accepted { id: id.to_owned(), verdict: None });
        }
        self.write(Verb::Update, id, fields).await
    }

    async fn tag_owner(&self, id: &str, owner_tag: &OwnerTag) -> Result<()> {
        let Some(policy) = self.0.get::<Answered>(Resource::Policy, id).await? else {
            return Err(UpstreamError::new(ErrorKind::Unavailable, "update policy", "the policy is gone"));
        };
        let fields = Fields::from_iter([("tags".to_owned(), tags::stamped(Some(&policy.tags), owner_tag))]);
        self.write(Verb::Update, id, fields).await.map(drop)
    }

    async fn delete(&self, id: &str) -> Result<()> {
        self.0.delete(Resource::Policy, id).await
    }

    async fn used_by(&self, _: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

impl Policies {
    async fn write(&self, verb: Verb, id: &str, fields: Fields) -> Result<Written> {
        // Creates name the new object in the body in every style, updates where the style says.
        let named = if verb == Verb::Create { "" } else { id };
        let (resource, purpose) = (Resource::Policy, purpose(Resource::Policy, verb));
        let answer = self.0.ask(Ask { resource, verb, id: named, fields }).await?;
        let written: Answered = answer.read_object(purpose)?;
        if written.policy_id != id {
            return Err(answer.unreadable(purpose));
        }
        Ok(Written::Accepted { id: written.policy_id, verdict: None })
    }
}

/// The fields that are set.
fn fields(all: &[(&str, Value)]) -> Fields {
    all.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

impl PolicyDocument {
    fn create_fields(&self, owner_tag: &OwnerTag) -> Fields {
        let spec = &self.0;
        fields(&[
            ("policy_id", json!(spec.policy_id)),
            ("name", json!(spec.name)),
            ("permissions", json!(spec.permissions)),
            ("labels", json!(spec.labels)),
            ("project_id", json!(spec.project_id)),
            ("tags", tags::stamped(spec.tags.as_ref(), owner_tag)),
        ])
    }

    /// Only what differs: the upstream keeps what is left out, and replaces what is sent.
    fn update_fields(&self, diff: &Diff, owner_tag: &OwnerTag) -> Fields {
        let spec = &self.0;
        let changed = |field: &str, value: Value| {
            if diff.touches(&format!("spec.spaceone.{field}")) { value } else { Value::Null }
        };
        fields(&[
            ("name", changed("name", json!(spec.name))),
            ("permissions", changed("permissions", json!(spec.permissions))),
            ("labels", changed("labels", json!(spec.labels))),
            ("tags", changed("tags", tags::stamped(spec.tags.as_ref(), owner_tag))),
        ])
    }
}
