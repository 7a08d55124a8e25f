//! The reads and writes of tags. A changed tag keeps its old value until it has the new one, and the owner tag is never absent.

use super::Policies;
use super::document::PolicyDocument;
use super::echoes::Echoes;
use super::owners::Owners;
use super::wire::{OWNER, Stored, found_tag};
use crate::engine::{ErrorKind, External, FoundTag, Observed, OwnerTag, Ownership, Result, UpstreamError};
use crate::upstream::ncloud::wire::Tags;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

/// The number of policies without visible tags that shows that an account shows no tags at all.
const MOST_HIDDEN: usize = 3;

impl Policies {
    /// Reads the tags; `None` if the account does not show them.
    pub(super) async fn read_tags(&self, id: &str) -> Result<Option<Tags>> {
        let tags = self.calls.tags(id).await?;
        self.known_tags.read(id, tags.as_ref());
        Ok(tags)
    }

    /// Finds the policies with this owner tag, whatever their names are: lists show no tags, so it reads those of each
    /// policy, of which an account has at most 500, unless another search read them at `not_before` or later. An account
    /// that does not show the tags of the first few policies shows none.
    pub(super) async fn with_owner(
        &self,
        owner_tag: &OwnerTag,
        not_before: Instant,
    ) -> Result<Vec<Observed<PolicyDocument>>> {
        let mut ids: Vec<String> = self.calls.list().await?.into_iter().map(|policy| policy.policy_id).collect();
        // Searches that run at once begin at different policies, so that they share their reads.
        let first = first_of(owner_tag, ids.len());
        ids.rotate_left(first);
        let (mut owners, mut hidden) = (Vec::new(), Vec::new());
        for id in ids {
            match self.owner_since(&id, not_before).await? {
                FoundTag::NotShown if owners.is_empty() && hidden.len() + 1 == MOST_HIDDEN => return Ok(Vec::new()),
                FoundTag::NotShown => hidden.push(id),
                owner => owners.push((id, owner)),
            }
        }
        // An account that has shown tags by now shows these as well, or fails.
        let is_shown = !owners.is_empty();
        for id in hidden.into_iter().take_while(|_| is_shown) {
            let owner = self.owner_since(&id, not_before).await?;
            owners.push((id, owner));
        }
        let mut found = Vec::new();
        for (id, _) in owners.into_iter().filter(|(_, owner)| owner_tag.judge(owner) == Ownership::Ours) {
            found.extend(self.observe(&id).await?);
        }
        Ok(found)
    }

    /// Returns the owner tag of a policy, as a read at `not_before` or later shows it.
    async fn owner_since(&self, id: &str, not_before: Instant) -> Result<FoundTag> {
        let owners = self.calls.client.state.of::<Owners>();
        if let Some(owner) = owners.read_since(id, not_before) {
            return Ok(owner);
        }
        let began = Instant::now();
        let owner = found_tag(self.calls.tags(id).await?.as_ref());
        if owner != FoundTag::NotShown {
            owners.read(id, owner.clone(), began);
        }
        Ok(owner)
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

/// Returns with which of so many policies the search for an owner tag begins.
fn first_of(owner_tag: &OwnerTag, policies: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    owner_tag.to_string().hash(&mut hasher);
    let hash = usize::try_from(hasher.finish() % 1_000_000).unwrap_or_default();
    hash.checked_rem(policies).unwrap_or_default()
}
