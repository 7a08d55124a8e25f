//! The reads and writes of tags. A changed tag keeps its old value until it has the new one, and the owner tag is never absent.

use super::Policies;
use super::document::PolicyDocument;
use super::echoes::Echoes;
use super::wire::{OWNER, Stored};
use crate::engine::{ErrorKind, External, Observed, OwnerTag, Result, UpstreamError};
use crate::upstream::ncloud::wire::Tags;

impl Policies {
    /// Reads the tags; `None` if the account does not show them.
    pub(super) async fn read_tags(&self, id: &str) -> Result<Option<Tags>> {
        let tags = self.calls.tags(id).await?;
        self.known_tags.read(id, tags.as_ref());
        Ok(tags)
    }

    /// Finds the policies with this owner tag, whatever their names are: lists show no tags, so it reads those of each
    /// policy, of which an account has at most 500. An account that does not show tags shows none.
    pub(super) async fn with_owner(&self, owner_tag: &OwnerTag) -> Result<Vec<Observed<PolicyDocument>>> {
        let mut found = Vec::new();
        for policy in self.calls.list().await? {
            let Some(tags) = self.calls.tags(&policy.policy_id).await? else { break };
            if tags.get(OWNER).is_some_and(|tag| owner_tag.is(tag)) {
                found.extend(self.observe(&policy.policy_id).await?);
            }
        }
        Ok(found)
    }

    /// Spares the read of tags that the response to a create shows. Without the owner tag, they were not stored as they
    /// were sent.
    pub(super) fn learn_tags(&self, id: &str, stored: &Stored, owner_tag: &OwnerTag) {
        let is_owned = |tags: &Tags| tags.get(OWNER).is_some_and(|tag| owner_tag.is(tag));
        if let Some(tags) = stored.tags().filter(is_owned) {
            self.known_tags.created(id, tags);
        }
    }

    /// Returns the tags of a policy whose create showed them in its response: those, unless it takes a read to prove that
    /// such responses are true.
    pub(super) async fn created_tags(&self, id: &str, echo: Tags) -> Result<Option<Tags>> {
        let are_stored = |echo: &Tags, stored: &Tags| echo.iter().all(|(key, value)| stored.get(key) == Some(value));
        let echoes = self.calls.client.state.of::<Echoes>();
        echoes.proven_or(echo, are_stored, self.read_tags(id)).await
    }

    /// Writes the tags of the spec and the owner tag, and removes all others.
    pub(super) async fn write_tags(&self, id: &str, wanted: &PolicyDocument, owner_tag: &OwnerTag) -> Result<()> {
        let have = self.tags_to_write(id).await?;
        let want = wanted.tags_with(owner_tag);
        let changed = |key: &str, value: &String| have.get(key).filter(|old| *old != value);
        // The owner tag first, then changes in place, and room for new tags before these: an account allows 20.
        if !have.contains_key(OWNER) {
            self.calls.add_tag(id, OWNER, &owner_tag.to_string()).await?;
        }
        for (key, value) in &want {
            if let Some(old) = changed(key, value) {
                self.calls.replace_tag(id, key, old, value).await?;
            }
        }
        for (key, value) in have.iter().filter(|(key, _)| !want.contains_key(*key)) {
            self.calls.remove_tag(id, key, value).await?;
        }
        for (key, value) in want.iter().filter(|(key, _)| *key != OWNER && !have.contains_key(*key)) {
            self.calls.add_tag(id, key, value).await?;
        }
        Ok(())
    }

    pub(super) async fn tags_to_write(&self, id: &str) -> Result<Tags> {
        let message = "the upstream does not show the policy's tags, so they cannot be changed";
        let unreadable = || UpstreamError::new(ErrorKind::Unsupported, "get tags", message);
        self.calls.tags(id).await?.ok_or_else(unreadable)
    }
}
