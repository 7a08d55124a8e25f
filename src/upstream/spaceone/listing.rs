//! Lists over all pages, and counts.

use super::client::{Fields, Request, Spaceone};
use super::resource::{ResourceApi, Scope, Verb};
use super::wire::{Counted, ResultPage};
use crate::api::connection::ApiStyle;
use crate::engine::{ErrorKind, Result, UpstreamError};
use crate::upstream::http::Response;
use crate::upstream::list_limits::{ListLimits, check_page};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashSet};
use std::sync::{MutexGuard, PoisonError};

/// How many objects one page shows.
pub(super) const PAGE_SIZE: u64 = 200;
/// The limit for a server that never ends a list.
const MAX_PAGES: u64 = 5_000;
/// The number of attempts to read a list that changes while it is read.
const ATTEMPTS: usize = 3;

impl Spaceone {
    /// Returns all objects that match the query, over all pages, in the order of ids. `take` converts each as soon as
    /// its page is there, so that only one page is in memory as JSON. It may leave one out, and its error ends the list.
    pub(super) async fn search<T>(
        &self,
        resource: &'static ResourceApi,
        query: &Fields,
        take: impl Fn(Fields) -> Result<Option<T>>,
    ) -> Result<Vec<T>> {
        for _ in 0..ATTEMPTS {
            if let Some(found) = self.all_pages(resource, query, &take).await? {
                return Ok(found);
            }
        }
        Err(unavailable(resource, "the list kept changing while it was read"))
    }

    /// Reads all pages. Returns `None` if there are fewer objects than the server counts, because pages
    /// shift when objects are deleted meanwhile: an object missing in a list counts as absent, so an
    /// incomplete list is useless.
    async fn all_pages<T>(
        &self,
        resource: &'static ResourceApi,
        query: &Fields,
        take: &impl Fn(Fields) -> Result<Option<T>>,
    ) -> Result<Option<Vec<T>>> {
        let (mut found, mut seen, mut read) = (Vec::new(), HashSet::new(), 0);
        let mut limits = ListLimits::default();
        for _ in 0..MAX_PAGES {
            let page = self.page(resource, query, read + 1, PAGE_SIZE).await?;
            let (size, known) = (page.results.len() as u64, seen.len());
            read += size;
            limits.add(page.results.len(), page.weight).map_err(|problem| unavailable(resource, &problem))?;
            // Some gateways leave the count out.
            let total = if page.total_count == 0 { None } else { Some(page.total_count) };
            for object in page.results {
                let id = object.get(resource.id_field).and_then(Value::as_str).unwrap_or_default().to_owned();
                if seen.insert(id) {
                    found.extend(take(object)?);
                }
            }
            // Without a count only a page without anything new ends the list: some servers show less than was asked for.
            if size == 0 || total.map_or(seen.len() == known, |total| read >= total) {
                let complete = total.is_none_or(|total| seen.len() as u64 >= total);
                return Ok(complete.then_some(found));
            }
        }
        Err(unavailable(resource, "the list does not end"))
    }

    /// Reads one page. `start` is the number of its first object, counted from 1.
    async fn page(
        &self,
        resource: &'static ResourceApi,
        query: &Fields,
        start: u64,
        limit: u64,
    ) -> Result<ResultPage<Fields>> {
        let mut query = query.clone();
        query.insert("sort".to_owned(), self.sorted_by(resource));
        query.insert("page".to_owned(), json!({ "start": start, "limit": limit }));
        let response = self.query(resource, Verb::List, Value::Object(query)).await?;
        let page: ResultPage<Fields> = response.read_object(resource.purpose(Verb::List))?;
        check_page(page.results.len(), limit).map_err(|problem| unavailable(resource, &problem))?;
        Ok(ResultPage { weight: response.weight, ..page })
    }

    /// Sorts by id. By default the upstream sorts by name, which several objects may share.
    fn sorted_by(&self, resource: &ResourceApi) -> Value {
        let key = json!({ "key": resource.id_field });
        match self.style {
            ApiStyle::Verb | ApiStyle::Console if resource.queries_with_lists => json!({ "keys": [key] }),
            ApiStyle::Rest | ApiStyle::Verb | ApiStyle::Console => key,
        }
    }

    /// Counts the objects: by `stat`, or by a list if the server does not implement `stat`.
    pub(super) async fn count(&self, resource: &'static ResourceApi) -> Result<u64> {
        let stage = json!({ "count": { "name": "count" } });
        let aggregate = if resource.queries_with_lists { json!([stage]) } else { stage };
        if !self.without_stat().contains(resource.system) {
            let query = json!({ "aggregate": aggregate });
            let counted = self.query(resource, Verb::Stat, query).await;
            match counted.and_then(|counted| counted.read_object::<Counted>(resource.purpose(Verb::Stat))) {
                Ok(counted) => return Ok(counted.number()),
                Err(error) if resource.always_has_stat => return Err(error),
                Err(error) if error.kind == ErrorKind::Unsupported => {
                    self.without_stat().insert(resource.system);
                }
                Err(_) => {}
            }
        }
        let minimal = Fields::from_iter([("minimal".to_owned(), json!(true))]);
        Ok(self.page(resource, &minimal, 1, 1).await?.total_count)
    }

    /// Returns the collections that are known to have no `stat`.
    fn without_stat(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        self.lacks_stat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn query(&self, resource: &'static ResourceApi, verb: Verb, query: Value) -> Result<Response> {
        let mut fields = Fields::from_iter([("query".to_owned(), query)]);
        if resource.scope == Scope::Repository {
            let repository = self.repository().await?;
            fields.insert("repository_id".to_owned(), json!(repository));
            match self.call(Request { resource, verb, id: "", fields: fields.clone() }).await {
                Err(error) if self.forget_lost_repository(&error, &repository).await => {
                    fields.insert("repository_id".to_owned(), json!(self.repository().await?));
                }
                result => return result,
            }
        }
        self.call(Request { resource, verb, id: "", fields }).await
    }
}

/// Reads an object of a list for many objects: one that cannot be read must not hide the others, and is left out.
/// The operator reads it by itself.
pub(super) fn readable<T: DeserializeOwned, U>(take: impl Fn(T) -> U) -> impl Fn(Fields) -> Result<Option<U>> {
    move |object| Ok(serde_json::from_value(Value::Object(object)).ok().map(&take))
}

/// Reads an object of a list that must be complete: one that cannot be read ends the list.
pub(super) fn strict<T: DeserializeOwned, U>(
    resource: &'static ResourceApi,
    take: impl Fn(T) -> U,
) -> impl Fn(Fields) -> Result<Option<U>> {
    move |object| {
        let id = object.get(resource.id_field).and_then(Value::as_str).unwrap_or("without an id").to_owned();
        let unreadable = |_| unavailable(resource, &format!("the object {id} in the list has an unexpected shape"));
        serde_json::from_value(Value::Object(object)).map(|read| Some(take(read))).map_err(unreadable)
    }
}

fn unavailable(resource: &ResourceApi, message: &str) -> UpstreamError {
    UpstreamError::new(ErrorKind::Unavailable, resource.purpose(Verb::List).operation, message)
}
