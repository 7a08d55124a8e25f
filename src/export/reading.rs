//! Reads the collections of an account.

use crate::engine::UpstreamError;
use crate::engine::access::glob;
use crate::upstream::registry::{self, Existing, Listed, Reader};
use crate::upstream::{Account, Priority, RequestContext};
use futures::{StreamExt as _, TryStreamExt as _};
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
    /// The objects that are selected, each with its users if they were asked for.
    pub objects: Vec<(Existing, Option<Vec<String>>)>,
    /// How many objects have a name that is not selected.
    pub others: usize,
    /// The collections that the account does not offer, with the reason.
    pub missing: Vec<(&'static str, String)>,
}

/// Why an account could not be read completely.
#[derive(Debug)]
pub struct Unread {
    /// The collection.
    pub system: &'static str,
    /// The failure.
    pub error: UpstreamError,
}

/// Reads the account, and calls `on_step` at each step. `since` is when the export began.
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
        let system = reader.system();
        if selection.has_system(system) {
            let unread = |error| Unread { system, error };
            collection(reader.as_ref(), selection, (since, on_step), &mut found).await.map_err(unread)?;
        }
    }
    Ok(found)
}

async fn collection(
    reader: &dyn Reader,
    selection: &Selection,
    (since, on_step): (Instant, &(dyn Fn(Step) + Sync)),
    found: &mut Found,
) -> Result<(), UpstreamError> {
    let listed = match reader.list().await? {
        Ok(listed) => listed,
        Err(reason) => {
            found.missing.push((reader.system(), reason));
            return Ok(());
        }
    };
    let count = listed.len();
    let selected: Vec<Listed> = listed.into_iter().filter(|object| selection.has_name(&object.key)).collect();
    found.others += count - selected.len();
    on_step(Step::Listed(selected.len()));
    let reads = selected.into_iter().map(|object| async {
        let read = one(reader, object, selection.with_users, since).await;
        on_step(Step::Read);
        read
    });
    let read: Vec<_> = futures::stream::iter(reads).buffered(CONCURRENT).try_collect().await?;
    // An object that is gone since the list does not exist.
    found.objects.extend(read.into_iter().flatten());
    Ok(())
}

async fn one(
    reader: &dyn Reader,
    listed: Listed,
    with_users: bool,
    since: Instant,
) -> Result<Option<(Existing, Option<Vec<String>>)>, UpstreamError> {
    let existing = match listed.complete {
        Some(existing) => existing,
        None => match reader.read(&listed.id).await? {
            Some(existing) => existing,
            None => return Ok(None),
        },
    };
    let users = if with_users { Some(reader.used_by(&existing.id, since).await?) } else { None };
    Ok(Some((existing, users)))
}
