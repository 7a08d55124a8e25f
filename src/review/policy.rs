//! A policy in a report: who manages it, who uses it, and which object describes it.

use super::sources::{Named, Source, Sources};
use crate::engine::access::wildcard::Wildcard;
use crate::engine::{FoundTag, User, UserKind, owner_tag};
use crate::upstream::registry::Existing;
use serde::Serialize;

/// Who manages a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Management {
    /// An operator: the policy has an owner tag.
    Managed,
    /// The owner tag names an object of the cluster that was read, and the object is gone.
    Abandoned,
    /// It has no owner tag.
    Unmanaged,
    /// The upstream does not show owner tags.
    Unknown,
    /// The provider itself.
    Provider,
}

impl Management {
    /// Returns its value in reports.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::Abandoned => "abandoned",
            Self::Unmanaged => "unmanaged",
            Self::Unknown => "unknown",
            Self::Provider => "provider",
        }
    }
}

/// The owner that the owner tag names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// The owner tag.
    pub tag: String,
    /// The id of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The uid of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// The users of a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsedBy {
    /// How many there are.
    pub count: usize,
    /// How many of them are sub accounts.
    pub sub_accounts: usize,
    /// How many are groups.
    pub groups: usize,
    /// How many are roles.
    pub roles: usize,
    /// How many are anything else.
    pub others: usize,
    /// What to call them, if they are to be named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

impl UsedBy {
    fn of(users: &[User], is_named: bool) -> Self {
        let count = |kind| users.iter().filter(|user| user.kind == kind).count();
        Self {
            count: users.len(),
            sub_accounts: count(UserKind::SubAccount),
            groups: count(UserKind::Group),
            roles: count(UserKind::Role),
            others: count(UserKind::Other),
            names: users.iter().filter(|_| is_named).map(|user| user.shown.clone()).collect(),
        }
    }
}

/// What identifies a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    /// The connection.
    pub connection: String,
    /// The collection.
    pub system: &'static str,
    /// The name upstream.
    pub name: String,
    /// The id upstream.
    pub id: String,
}

/// A policy, or a network policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// What identifies it.
    #[serde(flatten)]
    pub reference: Reference,
    /// Who manages it.
    pub management: Management,
    /// The owner that its owner tag names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// The object that describes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Its users; `None` if it cannot have any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_by: Option<UsedBy>,
    /// Its widest pattern; `None` if it grants no access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wildcard: Option<&'static str>,
    /// When it was created, if the upstream shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
}

impl Policy {
    pub(super) fn of(
        connection: &str,
        (existing, users): &(Existing, Option<Vec<User>>),
        known: &Sources,
        is_named: bool,
    ) -> Self {
        let (management, owner, object) = match &existing.found_tag {
            FoundTag::Reserved => (Management::Provider, None, None),
            FoundTag::NotShown => (Management::Unknown, None, None),
            FoundTag::None => (Management::Unmanaged, None, None),
            FoundTag::Some(tag) => {
                let (management, object) = match known.owner(tag) {
                    Named::Object(source) => (Management::Managed, Some(source)),
                    Named::Gone => (Management::Abandoned, None),
                    Named::Unread => (Management::Managed, None),
                };
                (management, Some(owner(tag)), object)
            }
        };
        let name = existing.key.clone();
        Self {
            reference: Reference {
                connection: connection.to_owned(),
                system: existing.system,
                name,
                id: existing.id.clone(),
            },
            management,
            owner,
            source: merged(object, known.file(connection, existing)),
            used_by: users.as_ref().map(|users| UsedBy::of(users, is_named)),
            wildcard: existing.wildcard.map(Wildcard::label),
            created_at: existing.created_at.clone(),
        }
    }

    /// Returns whether it can have users and has none.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.used_by.as_ref().is_some_and(|users| users.count == 0)
    }
}

fn owner(tag: &str) -> Owner {
    let parts = owner_tag::parts(tag);
    let part = |text: &str| Some(text.to_owned());
    Owner {
        tag: tag.to_owned(),
        cluster: parts.and_then(|(cluster, _)| part(cluster)),
        uid: parts.and_then(|(_, uid)| part(uid)),
    }
}

/// Puts together what a cluster and a file say of one object. The cluster says what was applied.
fn merged(object: Option<&Source>, file: Option<&Source>) -> Option<Source> {
    let Some(object) = object else { return file.cloned() };
    let mut source = object.clone();
    if let Some(file) = file.filter(|file| file.object == source.object) {
        (source.file, source.line) = (file.file.clone(), file.line);
        source.revision = source.revision.or_else(|| file.revision.clone());
    }
    Some(source)
}
