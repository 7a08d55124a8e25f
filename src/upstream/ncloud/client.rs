//! NAVER Cloud Platform's Sub Account API, version 1: the calls, without a meaning of their own.
//!
//! [`super::policy`] gives them one. Here live the paths, the paging and the rule that a
//! "not found" is believed only when the list agrees: the gateway answers the same status for a
//! missing policy, a wrong path and a service that the account has not subscribed to.

pub(crate) use super::errors::ErrorBody;
use super::errors::{is_unwell, refusal};
use super::quota::Quota;
use super::signature::Keys;
use super::wire;
use super::wire::{Detail, Holder, Page, RawVerdict, Stored, Summary};

use crate::api::connection::NcloudZone;
use crate::engine::{ErrorKind, Result, UpstreamError};
use crate::upstream::RequestContext;
use crate::upstream::http::{Call, Effect, Http, Parts, Purpose, Response};
use crate::upstream::redact::Redactor;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use url::Url;

/// The collection's name.
pub(crate) const SYSTEM: &str = "ncloud/policy";
/// How many policies an account may hold.
pub(crate) const POLICY_LIMIT: i64 = 500;
const PAGE_SIZE: u64 = 100;
/// Far beyond what an account may hold: a guard against a server that never ends a list.
const MOST_PAGES: u64 = 200;
/// How often a list that changed while it was read is read again.
const SWEEPS: usize = 3;

/// The base URL of a zone.
pub(crate) fn zone_endpoint(zone: NcloudZone) -> &'static str {
    match zone {
        NcloudZone::Public => "https://subaccount.apigw.ntruss.com",
        NcloudZone::Financial => "https://subaccount.apigw.fin-ntruss.com",
        NcloudZone::Government => "https://subaccount.apigw.gov-ntruss.com",
    }
}

/// The API with the keys of one account, on one errand. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Ncloud {
    http: Http,
    base: Url,
    quota: Arc<Quota>,
}

/// Where a policy's tags stand.
pub(crate) type Tags = BTreeMap<String, String>;

impl Ncloud {
    pub(crate) fn new(base: Url, access_key: SecretString, secret_key: SecretString, parts: Parts<'_>) -> Result<Self> {
        let redactor = Arc::new(Redactor::hiding([access_key.clone(), secret_key.clone()]));
        let http = Http::new(parts, Box::new(Keys { access_key, secret_key }), is_unwell, redactor)?;
        Ok(Self { http, base, quota: Arc::default() })
    }

    /// The same API for requests of this errand.
    pub(crate) fn on(&self, request_context: impl Into<RequestContext>) -> Self {
        Self { http: self.http.on(request_context.into()), ..self.clone() }
    }

    /// The client, for what it says of itself.
    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    pub(crate) fn redactor(&self) -> &Redactor {
        self.http.redactor()
    }

    /// How many user-created policies the account holds, where the API tells.
    pub(crate) async fn count(&self) -> Result<Option<u64>> {
        let purpose = read("count policies");
        let query = [("type", "USER_CREATED"), ("page", "0"), ("size", "1")];
        let answer = self.ask(purpose, Method::GET, &["policies"], &query, None).await?;
        let count = self.success(answer, purpose)?.read_object::<Page>(purpose)?.total_items;
        if let Some(policies) = count {
            self.quota.counted(policies);
        }
        Ok(count)
    }

    /// Whether the account has room for one more policy; `QuotaExceeded` if not. Where the API does
    /// not tell, the create call will.
    pub(crate) async fn check_quota(&self) -> Result<()> {
        if self.quota.has_ample_room() {
            return Ok(());
        }
        let _counting = self.quota.counting().await;
        let under_way = self.quota.under_way();
        let Some(counted) = self.count().await? else { return Ok(()) };
        self.quota.allow_beside(counted, under_way).map_err(|used| {
            let why = format!("the account holds {used} user-created policies, and {POLICY_LIMIT} are allowed");
            UpstreamError::new(ErrorKind::QuotaExceeded, "create policy", why)
        })
    }

    /// Every user-created policy, or those whose name the API takes for similar to `name`.
    pub(crate) async fn policies(&self, name: Option<&str>) -> Result<Vec<Summary>> {
        for _ in 0..SWEEPS {
            if let Some(found) = self.sweep(name).await? {
                return Ok(found);
            }
        }
        let why = "the list of policies kept changing while it was read";
        Err(UpstreamError::new(ErrorKind::Unavailable, "list policies", why))
    }

    /// Reads all pages; `None` when fewer policies were seen than the API counts, because pages
    /// shift when policies go meanwhile. What is missing in a list counts as absent, so a list
    /// with holes is none.
    async fn sweep(&self, name: Option<&str>) -> Result<Option<Vec<Summary>>> {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        for number in 0..MOST_PAGES {
            let page = self.page(name, number).await?;
            let (last, total) = (page.is_last(number), page.total_items);
            found.extend(page.items.into_iter().filter(|policy| seen.insert(policy.policy_id.clone())));
            if last {
                let complete = total.is_none_or(|total| seen.len() as u64 >= total);
                return Ok(complete.then_some(found));
            }
        }
        let why = format!("the list of policies does not end within {MOST_PAGES} pages");
        Err(UpstreamError::new(ErrorKind::Unavailable, "list policies", why))
    }

    async fn page(&self, name: Option<&str>, number: u64) -> Result<Page> {
        let purpose = read("list policies");
        let (number, size) = (number.to_string(), PAGE_SIZE.to_string());
        let mut query = vec![("type", "USER_CREATED"), ("page", &number), ("size", &size)];
        if let Some(name) = name {
            query.extend([("searchColumn", "policyName"), ("searchWord", name)]);
        }
        let answer = self.ask(purpose, Method::GET, &["policies"], &query, None).await?;
        self.success(answer, purpose)?.read_object(purpose)
    }

    /// The policy with its permissions.
    pub(crate) async fn policy(&self, id: &str) -> Result<Option<Detail>> {
        let purpose = read("get policy");
        let query = [("withPermissions", "true")];
        let answer = self.ask(purpose, Method::GET, &["policies", id], &query, None).await?;
        if answer.status == 404 {
            return self.confirm_absent(&answer, purpose, id).await.map(|()| None);
        }
        let answer = self.success(answer, purpose)?;
        let detail: Detail = answer.read_object(purpose)?;
        // An answer about another policy is an answer to somebody else.
        if detail.policy_id == id { Ok(Some(detail)) } else { Err(answer.unreadable(purpose)) }
    }

    pub(crate) async fn create(&self, body: Value) -> Result<Response> {
        let answer = self.ask(write("create policy"), Method::POST, &["policies"], &[], Some(body)).await;
        self.quota.on_end();
        answer
    }

    pub(crate) async fn edit(&self, id: &str, body: Value) -> Result<Response> {
        self.ask(write("update policy"), Method::PUT, &["policies", id], &[], Some(body)).await
    }

    /// What create and edit would say. The path is singular here, and nowhere else.
    pub(crate) async fn validate(&self, body: Value) -> Result<Response> {
        self.ask(read("validate policy"), Method::POST, &["policy", "validation"], &[], Some(body)).await
    }

    /// Deletes the policy; one that is gone is fine.
    pub(crate) async fn delete(&self, id: &str) -> Result<()> {
        let purpose = write("delete policy");
        let answer = self.ask(purpose, Method::DELETE, &["policies", id], &[], None).await?;
        if answer.status == 404 {
            return self.confirm_absent(&answer, purpose, id).await;
        }
        self.processed(&answer, purpose)
    }

    /// Who holds the policy; nobody, when it is gone.
    pub(crate) async fn used_by(&self, id: &str) -> Result<Vec<Holder>> {
        let purpose = read("list assigned resources");
        let answer = self.ask(purpose, Method::GET, &["policies", id, "resources"], &[], None).await?;
        if answer.status == 404 {
            return Ok(Vec::new());
        }
        self.success(answer, purpose)?.read(purpose)
    }

    /// The policy's tags; `None` when the API does not offer or does not show them.
    pub(crate) async fn tags(&self, id: &str) -> Result<Option<Tags>> {
        let purpose = read("get tags");
        let answer = self.ask(purpose, Method::GET, &["policies", id, "tags"], &[], None).await?;
        if answer.is_success() {
            return answer.read::<Value>(purpose).map(|body| wire::tags(&body));
        }
        let refusal = refusal(&answer, purpose, self.redactor());
        let hidden = match refusal.kind {
            ErrorKind::Unsupported | ErrorKind::Rejected => true,
            ErrorKind::Unauthorized => matches!(refusal.code.as_deref(), Some("210" | "Forbidden")),
            ErrorKind::Unavailable => answer.status == 404,
            _ => false,
        };
        if hidden { Ok(None) } else { Err(refusal) }
    }

    pub(crate) async fn add_tag(&self, id: &str, key: &str, value: &str) -> Result<()> {
        let purpose = write("add tag");
        let body = json!({ "tagKey": key, "tagValue": value });
        let answer = self.ask(purpose, Method::POST, &["policies", id, "tags"], &[], Some(body)).await?;
        self.processed(&answer, purpose)
    }

    /// A tag that is gone already is answered with a failure; whether it is gone shows the next
    /// look.
    pub(crate) async fn remove_tag(&self, id: &str, key: &str, value: &str) -> Result<()> {
        let purpose = write("remove tag");
        let body = json!({ "tagKey": key, "tagValue": value });
        let answer = self.ask(purpose, Method::DELETE, &["policies", id, "tags"], &[], Some(body)).await?;
        self.success(answer, purpose).map(drop)
    }

    /// The answer of create or edit, if it is one. What looks like a verdict is one only under the
    /// statuses of verdicts: gateways, too, say `success: false`, of anything.
    pub(crate) fn saved(&self, answer: &Response, purpose: Purpose) -> Result<Stored> {
        if answer.is_success() {
            return answer.read_object(purpose);
        }
        match (answer.status, RawVerdict::of(&answer.body)) {
            (400 | 422, Some(verdict)) => Ok(Stored { policy_id: None, validation_result: Some(verdict) }),
            _ => Err(refusal(answer, purpose, self.redactor())),
        }
    }

    /// The error for an answer that is no success.
    pub(crate) fn refusal(&self, answer: &Response, purpose: Purpose) -> UpstreamError {
        refusal(answer, purpose, self.redactor())
    }

    fn success(&self, answer: Response, purpose: Purpose) -> Result<Response> {
        if answer.is_success() { Ok(answer) } else { Err(refusal(&answer, purpose, self.redactor())) }
    }

    /// A success may have no body, or one that says how it went; a page from somebody in between
    /// is neither.
    fn processed(&self, answer: &Response, purpose: Purpose) -> Result<()> {
        if !answer.is_success() {
            return Err(refusal(answer, purpose, self.redactor()));
        }
        if answer.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        match wire::failure_inside(&answer.read(purpose)?) {
            None => Ok(()),
            Some(why) => Err(answer.error(ErrorKind::Rejected, purpose, self.redactor().clean(&why))),
        }
    }

    /// Believes a "not found" only when the list does not have the id either.
    async fn confirm_absent(&self, answer: &Response, purpose: Purpose, id: &str) -> Result<()> {
        if self.policies(None).await?.iter().any(|policy| policy.policy_id == id) {
            return Err(refusal(answer, purpose, self.redactor()));
        }
        Ok(())
    }

    async fn ask(
        &self,
        purpose: Purpose,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Response> {
        let url = self.url(purpose, path, query)?;
        self.http.send(&Call { purpose, method, url, body }).await
    }

    fn url(&self, purpose: Purpose, path: &[&str], query: &[(&str, &str)]) -> Result<Url> {
        let mut url = crate::upstream::endpoint::below(&self.base, &["api", "v1"], purpose)?;
        url = crate::upstream::endpoint::below(&url, path, purpose)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}

pub(crate) const fn read(operation: &'static str) -> Purpose {
    Purpose { system: SYSTEM, operation, effect: Effect::Read }
}

pub(crate) const fn write(operation: &'static str) -> Purpose {
    Purpose { system: SYSTEM, operation, effect: Effect::Write }
}
