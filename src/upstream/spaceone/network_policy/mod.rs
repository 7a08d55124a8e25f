//! Network policies of the SpaceONE inventory (`spaceone/networkpolicy`).
//!
//! The upstream assigns the id, and names are not unique, so a create whose response was lost is found
//! again only by its owner tag, the tag `cloudpolicy_owner`.
//!
//! Pinned fields are protected from all updates, the operator's too. If the spec sets the pins, an update
//! of a pinned field moves the pin away for a moment. If it does not, another writer set the pins, and
//! they stay.
//!
//! | module | contents |
//! | --- | --- |
//! | `collection` | its entry of the registry |
//! | `document` | the canonical form and its comparison |
//! | `reach` | which differences may let more through than the spec |
//! | `fields` | the fields of create and update requests |
//! | `received` | network policies in responses |
//! | `minimal` | the smallest spec that equals a network policy |
//! | `resource` | its names and paths in SpaceONE's API |
//! | `networks` | the canonical form of networks and addresses |
//! | `lint` | what `cloud-policy lint` says about its manifests |
//! | `validate`, `metadata` | the rules that are checked before anything is sent |

mod collection;
mod document;
mod fields;
mod lint;
mod metadata;
mod minimal;
mod networks;
mod reach;
mod received;
mod resource;
#[cfg(test)]
mod tests;
mod validate;

pub(crate) use document::NetworkPolicyDocument;
pub(super) use resource::NETWORK_POLICY;

use super::client::{Fields, Request, Spaceone};
use super::listing::{PAGE_SIZE as LIST_PAGE_SIZE, readable};
use super::resource::Verb;
use super::tags;
use crate::engine::{Diff, ErrorKind, External, Observed, OwnerTag, Result, UpstreamError, User, Verdict, Written};
use received::ReceivedNetworkPolicy;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The pin that replaces all others for a moment. SpaceONE rejects an empty list of pins, and the zone
/// cannot be changed anyway.
const HARMLESS_PIN: &str = "zone_id";

/// The network policies of one domain.
pub(crate) struct NetworkPolicies {
    client: Spaceone,
    /// The object that was observed last: an update needs more of it than its canonical form.
    observed: Mutex<Option<ReceivedNetworkPolicy>>,
}

impl External for NetworkPolicies {
    const SYSTEM: &'static str = NETWORK_POLICY.system;
    const NAMES: &'static [&'static str] = &["spec.spaceone.name"];
    const PAGE_SIZE: u64 = LIST_PAGE_SIZE;
    const HAS_USERS: bool = false;

    type Document = NetworkPolicyDocument;

    /// Finds by the owner tag alone, because names are not unique.
    async fn find(&self, _: &str, owner_tag: &OwnerTag) -> Result<Vec<Observed<NetworkPolicyDocument>>> {
        let key = format!("tags.{}", tags::OWNER);
        let filter = json!([{ "key": key, "value": owner_tag.forms(), "operator": "in" }]);
        let mut found = self.filtered(filter).await?;
        // The filter ignores case in the servers that have network policies.
        let is_owned = |object: &ReceivedNetworkPolicy| object.found_tag().is_some_and(|text| owner_tag.is(text));
        found.retain(is_owned);
        let shown = self.shown(found).await?.into_iter().filter(is_owned);
        Ok(shown.map(ReceivedNetworkPolicy::observed).collect())
    }

    async fn observe(&self, id: &str) -> Result<Option<Observed<NetworkPolicyDocument>>> {
        let read = self.read(id).await?;
        self.observed.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&read);
        Ok(read.map(ReceivedNetworkPolicy::observed))
    }

    async fn list(&self) -> Result<Vec<Observed<NetworkPolicyDocument>>> {
        self.client.search(NETWORK_POLICY, &Fields::new(), readable(ReceivedNetworkPolicy::observed)).await
    }

    async fn check(&self, _: &NetworkPolicyDocument) -> Result<Option<Verdict>> {
        Ok(None)
    }

    async fn create(
        &self,
        wanted: &NetworkPolicyDocument,
        owner_tag: &OwnerTag,
    ) -> Result<Written<Observed<NetworkPolicyDocument>>> {
        let written = self.write(Verb::Create, "", wanted.create_fields(owner_tag)).await?;
        let (Written::Accepted { id, .. }, Some(keys)) = (&written, wanted.pins()) else { return Ok(written) };
        // If the pin fails, the id of the new object must not be lost.
        let pinned = self.pin(id, json!(keys)).await;
        pinned.or_else(|error| Ok(Written::Incomplete { id: id.clone(), error }))
    }

    async fn update(
        &self,
        id: &str,
        wanted: &NetworkPolicyDocument,
        diff: &Diff,
        owner_tag: &OwnerTag,
    ) -> Result<Written<Observed<NetworkPolicyDocument>>> {
        let Some(current) = self.last_or_read(id).await? else { return Err(gone()) };
        self.change(&current, id, wanted, diff, owner_tag).await.map_err(|error| current.explain(error))
    }

    async fn tag_owner(&self, id: &str, owner_tag: &OwnerTag) -> Result<()> {
        let Some(current) = self.read(id).await? else { return Err(gone()) };
        if current.is_pinned("tags") {
            let message = "the tags are pinned upstream, so the operator cannot write its owner tag: unpin them";
            return Err(UpstreamError::new(ErrorKind::Rejected, "update network policy", message));
        }
        let fields = Fields::from_iter([("tags".to_owned(), tags::with_owner(current.tags().clone(), owner_tag))]);
        self.write(Verb::Update, id, fields).await.map(drop).map_err(|error| current.explain(error))
    }

    async fn untag_owner(&self, id: &str, owner_tag: &OwnerTag) -> Result<()> {
        let Some(current) = self.read(id).await? else { return Ok(()) };
        let Some(tags) = tags::without_owner(current.tags(), owner_tag) else { return Ok(()) };
        if current.is_pinned("tags") {
            let message = "the tags are pinned upstream, so the operator cannot remove its owner tag: unpin them";
            return Err(UpstreamError::new(ErrorKind::Rejected, "update network policy", message));
        }
        self.write(Verb::Update, id, Fields::from_iter([("tags".to_owned(), tags)])).await.map(drop)
    }

    /// Finds by name and zone among the objects with an owner tag.
    async fn find_namesakes(&self, wanted: &NetworkPolicyDocument) -> Result<Vec<Observed<NetworkPolicyDocument>>> {
        let (name, zone) = wanted.identity();
        let equals = |key: &str, value: &str| json!({ "key": key, "value": value, "operator": "eq" });
        let found = self.filtered(json!([equals("name", name), equals("zone_id", zone)])).await?;
        let found = found.into_iter().filter(|object| object.found_tag().is_some()).collect();
        let found = self.shown(found).await?.into_iter().map(ReceivedNetworkPolicy::observed);
        Ok(found.filter(|seen| seen.document.identity() == (name, zone)).collect())
    }

    async fn delete(&self, id: &str) -> Result<()> {
        self.client.delete(NETWORK_POLICY, id).await
    }

    async fn used_by(&self, _: &str, _: Instant) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn users(&self, _: &str, _: Instant) -> Result<Option<Vec<User>>> {
        Ok(Some(Vec::new()))
    }
}

impl NetworkPolicies {
    async fn read(&self, id: &str) -> Result<Option<ReceivedNetworkPolicy>> {
        self.client.get(NETWORK_POLICY, id).await
    }

    /// Returns the listed objects as a get shows them: a list may go on showing an object that was deleted. The object
    /// that was observed last is not read again.
    async fn shown(&self, listed: Vec<ReceivedNetworkPolicy>) -> Result<Vec<ReceivedNetworkPolicy>> {
        let mut shown = Vec::new();
        for object in listed {
            let last = self.observed.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match last.filter(|last| last.is(object.id())) {
                Some(last) => shown.push(last),
                None => shown.extend(self.read(object.id()).await?),
            }
        }
        Ok(shown)
    }

    /// Returns the object if it was observed last, and reads it otherwise. An update changes it, so it serves once.
    async fn last_or_read(&self, id: &str) -> Result<Option<ReceivedNetworkPolicy>> {
        let last = self.observed.lock().unwrap_or_else(PoisonError::into_inner).take();
        match last.filter(|last| last.is(id)) {
            Some(last) => Ok(Some(last)),
            None => self.read(id).await,
        }
    }

    /// Writes the fields of the diff, and moves pins of the spec away meanwhile.
    async fn change(
        &self,
        current: &ReceivedNetworkPolicy,
        id: &str,
        wanted: &NetworkPolicyDocument,
        diff: &Diff,
        owner_tag: &OwnerTag,
    ) -> Result<Written<Observed<NetworkPolicyDocument>>> {
        let changed = wanted.update_fields(diff, current, owner_tag);
        let pins = wanted.pins();
        let moved = pins.is_some() && fields::changed_keys(&changed).any(|key| current.is_pinned(&key));
        if moved {
            self.pin(id, json!([HARMLESS_PIN])).await?;
        }
        let mut written = Written::Accepted { id: id.to_owned(), verdict: None, shown: None };
        if !changed.is_empty() {
            written = self.write(Verb::Update, id, changed).await?;
        }
        if let Some(keys) = pins.filter(|_| moved || diff.touches("spec.spaceone.pinnedKeys")) {
            written = self.pin(id, json!(keys)).await?;
        }
        Ok(written)
    }

    /// Returns the objects that match a filter, oldest first.
    async fn filtered(&self, filter: Value) -> Result<Vec<ReceivedNetworkPolicy>> {
        let query = Fields::from_iter([("filter".to_owned(), filter)]);
        let unreadable = |_| {
            let message = "the list contains an object of an unexpected shape";
            UpstreamError::new(ErrorKind::Unavailable, "list network policies", message)
        };
        let read = |object| serde_json::from_value(Value::Object(object)).map(Some).map_err(unreadable);
        let mut found: Vec<ReceivedNetworkPolicy> = self.client.search(NETWORK_POLICY, &query, read).await?;
        found.sort_by_key(ReceivedNetworkPolicy::age);
        Ok(found)
    }

    /// Replaces the pins by these.
    async fn pin(&self, id: &str, keys: Value) -> Result<Written<Observed<NetworkPolicyDocument>>> {
        self.write(Verb::PinData, id, Fields::from_iter([("keys".to_owned(), keys)])).await
    }

    async fn write(&self, verb: Verb, id: &str, fields: Fields) -> Result<Written<Observed<NetworkPolicyDocument>>> {
        let purpose = NETWORK_POLICY.purpose(verb);
        let response = self.client.call(Request { resource: NETWORK_POLICY, verb, id, fields }).await?;
        let written = response.read_object::<ReceivedNetworkPolicy>(purpose)?.observed();
        if written.id.is_empty() || (verb != Verb::Create && written.id != id) {
            return Err(response.unreadable(purpose));
        }
        Ok(Written::Accepted { id: written.id.clone(), verdict: None, shown: Some(written) })
    }
}

fn gone() -> UpstreamError {
    UpstreamError::new(ErrorKind::Unavailable, "update network policy", "the network policy does not exist any more")
}
