//! Lists over all pages.

use super::client::Ncloud;
use super::wire::ItemPage;
use crate::engine::{ErrorKind, Result, UpstreamError};
use crate::upstream::http::Purpose;
use crate::upstream::list_limits::{ListLimits, check_page};
use reqwest::Method;
use serde::de::DeserializeOwned;
use std::collections::HashSet;

/// How many objects one page shows.
pub(super) const PAGE_SIZE: u64 = 100;
/// Far more pages than an account can fill: the limit for a server that never ends a list.
const MAX_PAGES: u64 = 200;
/// The number of attempts to read a list that changes while it is read.
const ATTEMPTS: usize = 3;

/// A query for a list.
#[derive(Clone, Copy)]
pub(super) struct ListQuery<'a> {
    pub(super) purpose: Purpose,
    pub(super) path: &'a [&'a str],
    /// The parameters that choose the kind of objects.
    pub(super) filter: &'a [(&'a str, &'a str)],
    /// The parameters that search among them.
    pub(super) search: &'a [(&'a str, &'a str)],
}

impl Ncloud {
    /// Returns all objects that match the query, over all pages; `id` tells them apart.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        query: ListQuery<'_>,
        id: impl Fn(&T) -> &str,
    ) -> Result<Vec<T>> {
        for _ in 0..ATTEMPTS {
            if let Some(found) = self.all_pages(query, &id).await? {
                return Ok(found);
            }
        }
        Err(unavailable(query.purpose, "the list kept changing while it was read"))
    }

    /// Returns the number of objects that match the query, if the API shows it, and the first of them.
    pub(super) async fn count<T: DeserializeOwned>(&self, query: ListQuery<'_>) -> Result<(Option<u64>, Option<T>)> {
        let page = self.page::<T>(query, 0, 1).await?;
        Ok((page.total_items, page.items.into_iter().next()))
    }

    /// Reads all pages. Returns `None` if there are fewer objects than the API counts, because pages
    /// shift when objects are deleted meanwhile: an object missing in a list counts as absent, so an
    /// incomplete list is useless.
    async fn all_pages<T: DeserializeOwned>(
        &self,
        query: ListQuery<'_>,
        id: impl Fn(&T) -> &str,
    ) -> Result<Option<Vec<T>>> {
        let (mut found, mut seen, mut limits) = (Vec::new(), HashSet::new(), ListLimits::default());
        for number in 0..MAX_PAGES {
            let page = self.page::<T>(query, number, PAGE_SIZE).await?;
            limits.add(page.items.len(), page.weight).map_err(|problem| unavailable(query.purpose, &problem))?;
            let (last, total) = (page.is_last(number), page.total_items);
            found.extend(page.items.into_iter().filter(|object| seen.insert(id(object).to_owned())));
            if last {
                let complete = total.is_none_or(|total| seen.len() as u64 >= total);
                return Ok(complete.then_some(found));
            }
        }
        Err(unavailable(query.purpose, &format!("the list does not end within {MAX_PAGES} pages")))
    }

    async fn page<T: DeserializeOwned>(&self, query: ListQuery<'_>, number: u64, size: u64) -> Result<ItemPage<T>> {
        let ListQuery { purpose, path, filter, search } = query;
        let (asked, number, size) = (size, number.to_string(), size.to_string());
        let paging = [("page", number.as_str()), ("size", size.as_str())];
        let parameters = [filter, &paging, search].concat();
        let response = self.send(purpose, Method::GET, path, &parameters, None).await?;
        let response = self.success(response, purpose)?;
        let mut page: ItemPage<T> = response.read_object(purpose)?;
        check_page(page.items.len(), asked).map_err(|problem| unavailable(purpose, &problem))?;
        page.weight = response.weight;
        Ok(page)
    }
}

fn unavailable(purpose: Purpose, message: &str) -> UpstreamError {
    UpstreamError::new(ErrorKind::Unavailable, purpose.operation, message)
}
