//! The calls for policies.
//!
//! A "not found" is believed only if a search for the policy's name does not find it either: the gateway responds
//! with the same status for a missing policy, a wrong path and a service without subscription.

use super::quota::{POLICY_LIMIT, Quota};
use super::wire::{Detail, Holder, RawVerdict, Stored, Summary};
use crate::engine::{ErrorKind, Result, UpstreamError};
use crate::upstream::http::{Effect, Purpose, Response};
use crate::upstream::ncloud::client::Ncloud;
use crate::upstream::ncloud::listing::ListQuery;
use crate::upstream::ncloud::wire;
use crate::upstream::ncloud::wire::Tags;
use crate::upstream::redact::Redactor;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// The collection's name.
pub(super) const SYSTEM: &str = "ncloud/policy";

/// The policies of an account, in the terms of the API.
pub(super) struct PolicyCalls {
    pub(super) client: Ncloud,
    /// The names of the policies that the calls are about, as far as they are known.
    names: Mutex<BTreeSet<String>>,
}

impl PolicyCalls {
    pub(super) fn new(client: Ncloud) -> Self {
        Self { client, names: Mutex::default() }
    }

    /// Remembers the name of a policy that later calls are about.
    pub(super) fn know(&self, name: &str) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    /// Returns the policy quota of the account.
    fn quota(&self) -> Arc<Quota> {
        self.client.state.of()
    }

    fn known_names(&self) -> BTreeSet<String> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns how many user-created policies the account holds, if the API shows it.
    pub(super) async fn count(&self) -> Result<Option<u64>> {
        let (count, first) = self.client.count::<Summary>(user_created("count policies", &[])).await?;
        self.client.learn_account(first.and_then(|policy| policy.nrn).as_deref());
        if let Some(policies) = count {
            self.quota().record_count(policies);
        }
        Ok(count)
    }

    /// Checks that the account may hold one more policy; the error is `QuotaExceeded` if not. If the
    /// API does not show the number, the create call decides.
    pub(super) async fn check_quota(&self) -> Result<()> {
        let quota = self.quota();
        if quota.allow_if_ample() {
            return Ok(());
        }
        let _counting = quota.counting().await;
        let under_way = quota.under_way();
        let Some(counted) = self.count().await? else { return Ok(()) };
        quota.allow_beside(counted, under_way).map_err(|used| {
            let message = format!("the account holds {used} user-created policies, and {POLICY_LIMIT} are allowed");
            UpstreamError::new(ErrorKind::QuotaExceeded, "create policy", message)
        })
    }

    /// Lists every user-created policy.
    pub(super) async fn list(&self) -> Result<Vec<Summary>> {
        self.client.list(user_created("list policies", &[]), |policy: &Summary| &policy.policy_id).await
    }

    /// Lists every policy, also those that NAVER Cloud manages.
    pub(super) async fn list_all(&self) -> Result<Vec<Summary>> {
        let query = ListQuery { filter: &[], ..user_created("list policies", &[]) };
        self.client.list(query, |policy: &Summary| &policy.policy_id).await
    }

    /// Lists the user-created policies whose name is similar by the API's search.
    pub(super) async fn named(&self, name: &str) -> Result<Vec<Summary>> {
        let search = by_name(name);
        self.client.list(user_created("list policies", &search), |policy: &Summary| &policy.policy_id).await
    }

    /// Returns the policies of any type that may keep a new policy from having this name.
    pub(super) async fn with_name(&self, name: &str) -> Result<Vec<Summary>> {
        let search = by_name(name);
        let query = ListQuery { filter: &[], ..user_created("list policies", &search) };
        let similar = self.client.list(query, |policy: &Summary| &policy.policy_id).await?;
        Ok(similar.into_iter().filter(|policy| policy.policy_name.to_lowercase() == name.to_lowercase()).collect())
    }

    /// Reads the policy with its permissions.
    pub(super) async fn get(&self, id: &str) -> Result<Option<Detail>> {
        let purpose = read("get policy");
        let query = [("withPermissions", "true")];
        let response = self.client.send(purpose, Method::GET, &["policies", id], &query, None).await?;
        if response.status == 404 {
            return self.confirm_absent(&response, purpose, id).await.map(|()| None);
        }
        let response = self.client.success(response, purpose)?;
        let detail: Detail = response.read_object(purpose)?;
        self.know(&detail.policy_name);
        // A response about another policy belongs to another request.
        if detail.policy_id != id {
            return Err(response.unreadable(purpose));
        }
        self.client.learn_account(detail.nrn.as_deref());
        Ok(Some(detail))
    }

    pub(super) async fn create(&self, body: Value) -> Result<Response> {
        let response = self.client.send(write("create policy"), Method::POST, &["policies"], &[], Some(body)).await;
        self.quota().ended();
        response
    }

    pub(super) async fn edit(&self, id: &str, body: Value) -> Result<Response> {
        self.client.send(write("update policy"), Method::PUT, &["policies", id], &[], Some(body)).await
    }

    /// Validates the body of a create or edit. The path is singular only here.
    pub(super) async fn validate(&self, body: Value) -> Result<Response> {
        self.client.send(read("validate policy"), Method::POST, &["policy", "validation"], &[], Some(body)).await
    }

    /// Deletes the policy. An absent policy is no error.
    pub(super) async fn delete(&self, id: &str) -> Result<()> {
        let purpose = write("delete policy");
        let response = self.client.send(purpose, Method::DELETE, &["policies", id], &[], None).await?;
        if response.status == 404 {
            return self.confirm_absent(&response, purpose, id).await;
        }
        self.client.processed(&response, purpose)
    }

    /// Lists the users, groups and roles to which the policy is assigned; none if the policy is absent.
    pub(super) async fn assigned_to(&self, id: &str) -> Result<Vec<Holder>> {
        let purpose = read("list assigned resources");
        let response = self.client.send(purpose, Method::GET, &["policies", id, "resources"], &[], None).await?;
        if response.status == 404 {
            return Ok(Vec::new());
        }
        self.client.success(response, purpose)?.read(purpose)
    }

    /// Lists those to which the policy is assigned; `None` if it does not exist any more.
    pub(super) async fn assignees(&self, id: &str) -> Result<Option<Vec<Holder>>> {
        let purpose = read("list assigned resources");
        let response = self.client.send(purpose, Method::GET, &["policies", id, "resources"], &[], None).await?;
        if response.status == 404 {
            return self.confirm_absent(&response, purpose, id).await.map(|()| None);
        }
        self.client.success(response, purpose)?.read(purpose).map(Some)
    }

    /// Returns the policy's tags; `None` if the API does not offer or does not show them.
    pub(super) async fn tags(&self, id: &str) -> Result<Option<Tags>> {
        let purpose = read("get tags");
        let response = self.client.send(purpose, Method::GET, &["policies", id, "tags"], &[], None).await?;
        if response.is_success() {
            let tags = response.read::<Value>(purpose).map(|body| wire::tags(&body))?;
            let shown = self.client.shows_tags.fetch_or(tags.is_some(), Ordering::Relaxed);
            return if shown && tags.is_none() { Err(response.unreadable(purpose)) } else { Ok(tags) };
        }
        let refusal = self.client.refusal(&response, purpose);
        let hidden = match refusal.kind {
            ErrorKind::Unsupported | ErrorKind::Rejected => true,
            ErrorKind::Unauthorized => matches!(refusal.code.as_deref(), Some("210" | "Forbidden")),
            ErrorKind::Unavailable => response.status == 404,
            _ => false,
        };
        // An account that has shown tags shows them: without them, a policy of another owner would look free.
        if self.client.shows_tags.load(Ordering::Relaxed) {
            return Err(UpstreamError { kind: ErrorKind::Unavailable, ..refusal });
        }
        if hidden { Ok(None) } else { Err(refusal) }
    }

    pub(super) async fn add_tag(&self, id: &str, key: &str, value: &str) -> Result<()> {
        let purpose = write("add tag");
        let body = json!({ "tagKey": key, "tagValue": value });
        let response = self.client.send(purpose, Method::POST, &["policies", id, "tags"], &[], Some(body)).await?;
        self.client.processed(&response, purpose)
    }

    /// Gives a tag that exists another value. Adding replaces the value in one request. Where the API refuses that
    /// because the key exists, the tag is removed and added; a refused value brings the old one back.
    pub(super) async fn replace_tag(&self, id: &str, key: &str, old: &str, new: &str) -> Result<()> {
        match self.add_tag(id, key, new).await {
            Err(error) if error.kind == ErrorKind::AlreadyExists => {}
            result => return result,
        }
        self.remove_tag(id, key, old).await?;
        let Err(error) = self.add_tag(id, key, new).await else { return Ok(()) };
        if error.kind != ErrorKind::OutcomeUnknown {
            self.add_tag(id, key, old).await?;
        }
        Err(error)
    }

    /// Removes a tag. The API reports a failure if the tag is absent already, so a failure in the body
    /// of a success is ignored: the next observation shows the tags.
    pub(super) async fn remove_tag(&self, id: &str, key: &str, value: &str) -> Result<()> {
        let purpose = write("remove tag");
        let body = json!({ "tagKey": key, "tagValue": value });
        let response = self.client.send(purpose, Method::DELETE, &["policies", id, "tags"], &[], Some(body)).await?;
        self.client.success(response, purpose).map(drop)
    }

    /// Reads the response to an edit. A success may have no body, or a text such as `OK`: a read follows.
    pub(super) fn edited(&self, response: &Response, purpose: Purpose) -> Result<Stored> {
        let is_object = || serde_json::from_slice::<Value>(&response.body).is_ok_and(|body| body.is_object());
        if response.is_success() && !response.is_page() && !is_object() {
            return Ok(Stored::default());
        }
        self.stored(response, purpose)
    }

    /// Reads the response to a create or edit. A verdict counts only with the statuses of verdicts,
    /// because gateways also send `success: false` for other errors.
    pub(super) fn stored(&self, response: &Response, purpose: Purpose) -> Result<Stored> {
        if response.is_success() {
            return response.read_object(purpose);
        }
        match (response.status, RawVerdict::of(&response.body)) {
            (400 | 422, Some(verdict)) => Ok(Stored { validation_result: Some(verdict), ..Stored::default() }),
            _ => Err(self.client.refusal(response, purpose)),
        }
    }

    /// Returns the redactor of the account.
    pub(super) fn redactor(&self) -> &Redactor {
        self.client.redactor()
    }

    /// Confirms a "not found" by a search for the known names, or by the whole list if none is known.
    async fn confirm_absent(&self, response: &Response, purpose: Purpose, id: &str) -> Result<()> {
        let names = self.known_names();
        let mut listed = if names.is_empty() { self.list().await? } else { Vec::new() };
        for name in &names {
            listed.extend(self.named(name).await?);
        }
        if listed.iter().any(|policy| policy.policy_id == id) {
            return Err(self.client.refusal(response, purpose));
        }
        Ok(())
    }
}

/// Returns the parameters that search for a name. The search may match parts of names and ignore case.
fn by_name(name: &str) -> [(&str, &str); 2] {
    [("searchColumn", "policyName"), ("searchWord", name)]
}

fn user_created<'a>(operation: &'static str, search: &'a [(&'a str, &'a str)]) -> ListQuery<'a> {
    ListQuery { purpose: read(operation), path: &["policies"], filter: &[("type", "USER_CREATED")], search }
}

/// Returns the purpose of a read.
pub(crate) const fn read(operation: &'static str) -> Purpose {
    Purpose { system: SYSTEM, operation, effect: Effect::Read }
}

/// Returns the purpose of a write.
pub(crate) const fn write(operation: &'static str) -> Purpose {
    Purpose { system: SYSTEM, operation, effect: Effect::Write }
}
