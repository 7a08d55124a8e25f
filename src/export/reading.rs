//! Reads the collections of an account.

use crate::engine::access::glob;
use crate::engine::{ErrorKind, UpstreamError, User};
use crate::upstream::registry::{self, Existing, Listed, Reader};
use crate::upstream::{Account, Priority, RequestContext};
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::HashSet;
use std::time::Instant;

/// How many objects of a collection are read at the same time.
const CONCURRENT: usize = 16;

/// Which objects are read.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Patterns of names, in which `*` stands for any text. None: all.
    pub names: Vec<String>,
    /// Collections, such as those of [`registry::systems`]. None: all.
    pub systems: Vec<String>,
    /// Whether the users of each object are read.
    pub with_users: bool,
    /// Whether objects that the provider manages itself are read, too.
    pub with_reserved: bool,
}

impl Selection {
    fn has_name(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|pattern| glob::matches(pattern, name))
    }

    fn has_system(&self, system: &str) -> bool {
        self.systems.is_empty() || self.systems.iter().any(|own| own == system)
    }
}

/// How far a reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many more objects have to be read.
    Listed(usize),
    /// An object was read.
    Read,
}

/// What was read of an account.
#[derive(Debug, Default)]
pub struct Found {
    /// The objects that are selected, each with its users if they were asked for and the collection has any.
    pub objects: Vec<(Existing, Option<Vec<User>>)>,
    /// How many objects have a name that is not selected.
    pub others: usize,
    /// The collections that were read.
    pub read: Vec<&'static str>,
    /// The collections that the account does not offer, with the reason.
    pub missing: Vec<(&'static str, String)>,
}

/// Why an account could not be read completely.
#[derive(Debug)]
pub struct Unread {
    /// The collection.
    pub system: &'static str,
    /// The object; `None` if the list could not be read.
    pub object: Option<String>,
    /// The failure.
    pub error: UpstreamError,
}

impl Unread {
    /// Says what could not be read of this connection, and what to do.
    #[must_use]
    pub fn sentence(&self, connection: &str) -> String {
        let Self { system, object, error } = self;
        let object = object.as_ref().map(|it| format!(", {it}")).unwrap_or_default();
        format!("cannot read {system} of connection {connection}{object}: {}", error.told())
    }
}

/// Reads the account, and calls `on_step` at each step. `since` is when the reading began.
pub async fn read(
    account: &Account,
    selection: &Selection,
    since: Instant,
    on_step: &(dyn Fn(Step) + Sync),
) -> Result<Found, Unread> {
    let mut found = Found::default();
    let context = RequestContext {
        // Nothing here writes; if something did, it would be refused.
        write_permission: Some(std::sync::Arc::new(|| false)),
        ..Priority::Background.into()
    };
    for reader in registry::readers(account, &context) {
        if selection.has_system(reader.system()) {
            collection(reader.as_ref(), selection, (since, on_step), &mut found).await?;
        }
    }
    Ok(found)
}

async fn collection(
    reader: &dyn Reader,
    selection: &Selection,
    (since, on_step): (Instant, &(dyn Fn(Step) + Sync)),
    found: &mut Found,
) -> Result<(), Unread> {
    let unread = |error| Unread { system: reader.system(), object: None, error };
    let listed = match reader.list(selection.with_reserved).await.map_err(unread)? {
        Ok(listed) => listed,
        Err(reason) => {
            found.missing.push((reader.system(), reason));
            return Ok(());
        }
    };
    let count = listed.len();
    let selected: Vec<Listed> = listed.into_iter().filter(|object| selection.has_name(&object.key)).collect();
    found.others += count - selected.len();
    let ids: Vec<String> = selected.iter().map(|object| object.id.clone()).collect();
    on_step(Step::Listed(selected.len()));
    let reads = selected.into_iter().map(|object| async {
        let read = one(reader, object, selection.with_users, since).await;
        on_step(Step::Read);
        read
    });
    let read: Vec<_> = futures::stream::iter(reads).buffered(CONCURRENT).try_collect().await?;
    let gone = ids.into_iter().zip(&read).filter(|(_, read)| read.is_none()).map(|(id, _)| id).collect();
    confirm_gone(reader, selection, gone).await?;
    found.objects.extend(read.into_iter().flatten());
    found.read.push(reader.system());
    Ok(())
}

/// Confirms by another list that objects are gone since the first one: a read may answer a failure as an absence.
async fn confirm_gone(reader: &dyn Reader, selection: &Selection, gone: HashSet<String>) -> Result<(), Unread> {
    if gone.is_empty() {
        return Ok(());
    }
    let unread = |object, error| Unread { system: reader.system(), object, error };
    let again = reader.list(selection.with_reserved).await.map_err(|error| unread(None, error))?;
    let message = "the list shows the object, and a read does not";
    match again.unwrap_or_default().iter().find(|object| gone.contains(&object.id)) {
        Some(there) => {
            Err(unread(Some(title(there)), UpstreamError::new(ErrorKind::Unavailable, "read object", message)))
        }
        None => Ok(()),
    }
}

fn title(listed: &Listed) -> String {
    format!("{} ({})", listed.key, listed.id)
}

async fn one(
    reader: &dyn Reader,
    listed: Listed,
    with_users: bool,
    since: Instant,
) -> Result<Option<(Existing, Option<Vec<User>>)>, Unread> {
    let title = title(&listed);
    let unread = |error| Unread { system: reader.system(), object: Some(title.clone()), error };
    let existing = match listed.complete {
        Some(existing) => existing,
        None => match reader.read(&listed.id).await.map_err(unread)? {
            Some(existing) => existing,
            None => return Ok(None),
        },
    };
    if !with_users || !reader.has_users() {
        return Ok(Some((existing, None)));
    }
    let users = reader.users(&existing.id, since).await.map_err(unread)?;
    Ok(users.map(|users| (existing, Some(users))))
}
