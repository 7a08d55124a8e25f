//! Network policies of the SpaceONE inventory (`spaceone/networkpolicy`).
//!
//! The dangerous one: the upstream makes the id, and names are not unique, so that a create whose
//! answer was lost can be found again only by its stamp, the tag `cloudpolicy_owner`.
//!
//! Pinned fields bind everybody's updates, the operator's as well. Where the spec says what is
//! pinned, an update of a pinned field moves the pin away for a moment; else the pins are somebody
//! else's decision, and stay.

mod document;
mod metadata;
mod networks;
mod validate;
mod wire;

pub(crate) use document::NetworkPolicyDocument;

use super::client::{Ask, Fields, Resource, Spaceone, Verb, purpose, readable};
use super::tags;
use crate::engine::{Diff, ErrorKind, External, Observed, OwnerTag, Result, Snapshot, UpstreamError, Verdict, Written};
use crate::upstream::snapshots::SnapshotCache;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;
use wire::Answered;

/// The collection's name.
pub(crate) const SYSTEM: &str = "spaceone/networkpolicy";

/// What is pinned to have nothing pinned that matters: the upstream cannot change the zone, and
/// does not take an empty list of pins.
const HARMLESS_PIN: &str = "zone_id";

/// The network policies of one domain.
pub(crate) struct NetworkPolicies(pub(crate) Arc<Spaceone>, pub(crate) Arc<SnapshotCache<NetworkPolicyDocument>>);

impl External for NetworkPolicies {
    type Document = NetworkPolicyDocument;

    fn system(&self) -> &'static str {
        SYSTEM
    }

    /// By the stamp alone: a name proves nothing here.
    async fn find(&self, _: &str, owner_tag: &OwnerTag) -> Result<Vec<Observed<NetworkPolicyDocument>>> {
        let found_tag = owner_tag.to_string();
        let filter = json!([{ "key": format!("tags.{}", tags::OWNER), "value": found_tag, "operator": "eq" }]);
        let query = Fields::from_iter([("filter".to_owned(), filter)]);
        let unreadable = |_| {
            UpstreamError::new(
                ErrorKind::Unavailable,
                "list network policies",
                "the list holds an object of an unexpected shape",
            )
        };
        let mut found = Vec::new();
        for object in self.0.search(Resource::NetworkPolicy, &query).await? {
            let object: Answered = serde_json::from_value(Value::Object(object)).map_err(unreadable)?;
            // The filter is blind to case in the servers that have network policies.
            if object.found_tag() == Some(&found_tag) {
                found.push(object);
            }
        }
        found.sort_by_key(Answered::age);
        Ok(found.into_iter().map(Answered::observed).collect())
    }

    async fn observe(&self, id: &str) -> Result<Option<Observed<NetworkPolicyDocument>>> {
        Ok(self.read(id).await?.map(Answered::observed))
    }

    async fn list(&self) -> Result<Vec<Observed<NetworkPolicyDocument>>> {
        let all = self.0.search(Resource::NetworkPolicy, &Fields::new()).await?;
        Ok(readable::<Answered>(all).map(Answered::observed).collect())
    }

    async fn snapshot(&self, not_before: Instant) -> Option<Arc<Snapshot<NetworkPolicyDocument>>> {
        self.1.since(not_before, self.list()).await
    }

    async fn check(&self, _: &NetworkPolicyDocument) -> Result<Option<Verdict>> {
        Ok(None)
    }

    async fn create(&self, wanted: &NetworkPolicyDocument, owner_tag: &OwnerTag) -> Result<Written> {
        let written = self.write(Verb::Create, "", wanted.create_fields(owner_tag)).await?;
        if let (Written::Accepted { id, .. }, Some(keys)) = (&written, wanted.pins()) {
            // The new object's id must not be lost over a pin that failed: the next look finds
            // the pins missing, and the update that follows says why.
            let _ = self.pin(id, json!(keys)).await;
        }
        Ok(written)
    }

    async fn update(
        &self,
        id: &str,
        wanted: &NetworkPolicyDocument,
        diff: &Diff,
        owner_tag: &OwnerTag,
    ) -> Result<Written> {
        let Some(current) = self.read(id).await? else { return Err(gone()) };
        let fields = wanted.update_fields(diff, &current, owner_tag);
        let pins = wanted.pins();
        let moved = pins.is_some() && document::changed_keys(&fields).any(|key| current.is_pinned(&key));
        if moved {
            self.pin(id, json!([HARMLESS_PIN])).await?;
        }
        let mut written = Written::Accepted { id: id.to_owned(), verdict: None };
        if !fields.is_empty() {
            written = self.write(Verb::Update, id, fields).await?;
        }
        if let Some(keys) = pins.filter(|_| moved || diff.touches("spec.spaceone.pinnedKeys")) {
            written = self.pin(id, json!(keys)).await?;
        }
        Ok(written)
    }

    async fn tag_owner(&self, id: &str, owner_tag: &OwnerTag) -> Result<()> {
        let Some(current) = self.read(id).await? else { return Err(gone()) };
        if current.is_pinned("tags") {
            let why =
                "the tags are pinned upstream, so that the operator cannot mark the object as its own: unpin them";
            return Err(UpstreamError::new(ErrorKind::Rejected, "update network policy", why));
        }
        let fields = Fields::from_iter([("tags".to_owned(), tags::stamped(Some(current.tags()), owner_tag))]);
        self.write(Verb::Update, id, fields).await.map(drop)
    }

    async fn delete(&self, id: &str) -> Result<()> {
        self.0.delete(Resource::NetworkPolicy, id).await
    }

    async fn used_by(&self, _: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

impl NetworkPolicies {
    async fn read(&self, id: &str) -> Result<Option<Answered>> {
        self.0.get(Resource::NetworkPolicy, id).await
    }

    /// Pins exactly these fields.
    async fn pin(&self, id: &str, keys: Value) -> Result<Written> {
        self.write(Verb::PinData, id, Fields::from_iter([("keys".to_owned(), keys)])).await
    }

    async fn write(&self, verb: Verb, id: &str, fields: Fields) -> Result<Written> {
        let resource = Resource::NetworkPolicy;
        let purpose = purpose(resource, verb);
        let answer = self.0.ask(Ask { resource, verb, id, fields }).await?;
        let written = answer.read_object::<Answered>(purpose)?.id();
        if written.is_empty() || (verb != Verb::Create && written != id) {
            return Err(answer.unreadable(purpose));
        }
        Ok(Written::Accepted { id: written, verdict: None })
    }
}

fn gone() -> UpstreamError {
    UpstreamError::new(ErrorKind::Unavailable, "update network policy", "the network policy is gone")
}
