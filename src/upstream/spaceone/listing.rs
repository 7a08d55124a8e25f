//! Lists, searches and counts: queries that see many objects.

use super::client::{Ask, Fields, Resource, Spaceone, Verb, purpose};
use super::wire::{Counted, Page};
use crate::api::connection::ApiStyle;
use crate::engine::{ErrorKind, Result, UpstreamError};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::atomic::Ordering;

const PAGE_SIZE: u64 = 200;
/// A guard against a server that never ends a list.
const MOST_PAGES: u64 = 5_000;
/// How often a list that changed while it was read is read again.
const SWEEPS: usize = 3;

impl Spaceone {
    /// Every object that meets the query, over all pages, in the order of ids.
    pub(crate) async fn search(&self, resource: Resource, query: &Fields) -> Result<Vec<Fields>> {
        for _ in 0..SWEEPS {
            if let Some(found) = self.sweep(resource, query).await? {
                return Ok(found);
            }
        }
        Err(unfit(resource, "the list kept changing while it was read"))
    }

    /// Reads all pages; `None` when fewer objects were seen than the server counts, because pages
    /// shift when objects go meanwhile. What is missing in a list counts as absent, so a list
    /// with holes is none.
    async fn sweep(&self, resource: Resource, query: &Fields) -> Result<Option<Vec<Fields>>> {
        let (mut found, mut seen, mut read) = (Vec::new(), HashSet::new(), 0);
        for _ in 0..MOST_PAGES {
            let page = self.page(resource, query, read + 1, PAGE_SIZE).await?;
            let size = page.results.len() as u64;
            read += size;
            // Some fronts leave the count out.
            let total = if page.total_count == 0 { None } else { Some(page.total_count) };
            for object in page.results {
                let id = object.get(resource.id_field()).and_then(Value::as_str).unwrap_or_default().to_owned();
                if seen.insert(id) {
                    found.push(object);
                }
            }
            if size == 0 || total.map_or(size < PAGE_SIZE, |total| read >= total) {
                let complete = total.is_none_or(|total| seen.len() as u64 >= total);
                return Ok(complete.then_some(found));
            }
        }
        Err(unfit(resource, "the list does not end"))
    }

    /// `start` counts objects, from 1.
    async fn page(&self, resource: Resource, query: &Fields, start: u64, limit: u64) -> Result<Page<Fields>> {
        let mut query = query.clone();
        query.insert("sort".to_owned(), self.sorted_by(resource));
        query.insert("page".to_owned(), json!({ "start": start, "limit": limit }));
        self.query(resource, Verb::List, Value::Object(query)).await
    }

    /// Without an order of its own the upstream pages by name, which several objects may share.
    fn sorted_by(&self, resource: Resource) -> Value {
        let key = json!({ "key": resource.id_field() });
        match (self.style, resource) {
            (ApiStyle::Rest, _) | (_, Resource::NetworkPolicy) => key,
            (ApiStyle::Verb | ApiStyle::Console, _) => json!({ "keys": [key] }),
        }
    }

    /// How many objects there are: by `stat`, where the server has it.
    pub(super) async fn count(&self, resource: Resource) -> Result<u64> {
        let stage = json!({ "count": { "name": "count" } });
        let aggregate = if resource == Resource::NetworkPolicy { stage } else { json!([stage]) };
        if !self.lacks_stat.load(Ordering::Relaxed) {
            let query = json!({ "aggregate": aggregate });
            match self.query::<Counted>(resource, Verb::Stat, query).await {
                Ok(counted) => return Ok(counted.number()),
                // Every server that has network policies counts them.
                Err(error) if resource == Resource::NetworkPolicy => return Err(error),
                Err(error) => self.lacks_stat.store(error.kind == ErrorKind::Unsupported, Ordering::Relaxed),
            }
        }
        let minimal = Fields::from_iter([("minimal".to_owned(), json!(true))]);
        Ok(self.page(resource, &minimal, 1, 1).await?.total_count)
    }

    async fn query<T: DeserializeOwned>(&self, resource: Resource, verb: Verb, query: Value) -> Result<T> {
        let mut fields = Fields::from_iter([("query".to_owned(), query)]);
        if resource == Resource::Policy {
            fields.insert("repository_id".to_owned(), json!(self.repository().await?));
        }
        self.ask(Ask { resource, verb, id: "", fields }).await?.read_object(purpose(resource, verb))
    }
}

/// The objects that can be made sense of. For lists that serve many objects: one that cannot be read
/// must not hide the others, and is looked at by itself.
pub(crate) fn readable<T: DeserializeOwned>(objects: Vec<Fields>) -> impl Iterator<Item = T> {
    objects.into_iter().filter_map(|object| serde_json::from_value(Value::Object(object)).ok())
}

fn unfit(resource: Resource, why: &str) -> UpstreamError {
    UpstreamError::new(ErrorKind::Unavailable, purpose(resource, Verb::List).operation, why)
}
