//! The calls for policies.
//!
//! A "not found" is believed only if the list does not contain the policy either: the gateway responds
//! with the same status for a missing policy, a wrong path and a service without subscription.

use super::wire::{Detail, Holder, RawVerdict, Stored, Summary};
use crate::engine::{ErrorKind, Result, UpstreamError};
use crate::upstream::http::{Effect, Purpose, Response};
use crate::upstream::ncloud::client::Ncloud;
use crate::upstream::ncloud::listing::ListQuery;
use crate::upstream::ncloud::quota::POLICY_LIMIT;
use crate::upstream::ncloud::wire;
use crate::upstream::ncloud::wire::Tags;
use crate::upstream::redact::Redactor;
use reqwest::Method;
use serde_json::{Value, json};

/// The collection's name.
pub(super) const SYSTEM: &str = "ncloud/policy";

/// The policies of an account, in the terms of the API.
pub(super) struct PolicyCalls(pub(super) Ncloud);

impl PolicyCalls {
    /// Returns how many user-created policies the account holds, if the API shows it.
    pub(super) async fn count(&self) -> Result<Option<u64>> {
        let count = self.0.count::<Summary>(user_created("count policies", &[])).await?;
        if let Some(policies) = count {
            self.0.quota.counted(policies);
        }
        Ok(count)
    }

    /// Checks that the account may hold one more policy; the error is `QuotaExceeded` if not. If the
    /// API does not show the number, the create call decides.
    pub(super) async fn check_quota(&self) -> Result<()> {
        let quota = &self.0.quota;
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

    /// Lists every user-created policy, or those whose name is similar to `name` by the API's search.
    pub(super) async fn list(&self, name: Option<&str>) -> Result<Vec<Summary>> {
        let by_name = name.map(|name| [("searchColumn", "policyName"), ("searchWord", name)]);
        let search = by_name.as_ref().map_or(&[][..], |parameters| parameters);
        self.0.list(user_created("list policies", search), |policy: &Summary| &policy.policy_id).await
    }

    /// Reads the policy with its permissions.
    pub(super) async fn get(&self, id: &str) -> Result<Option<Detail>> {
        let purpose = read("get policy");
        let query = [("withPermissions", "true")];
        let response = self.0.send(purpose, Method::GET, &["policies", id], &query, None).await?;
        if response.status == 404 {
            return self.confirm_absent(&response, purpose, id).await.map(|()| None);
        }
        let response = self.0.success(response, purpose)?;
        let detail: Detail = response.read_object(purpose)?;
        // A response about another policy belongs to another request.
        if detail.policy_id == id { Ok(Some(detail)) } else { Err(response.unreadable(purpose)) }
    }

    pub(super) async fn create(&self, body: Value) -> Result<Response> {
        let response = self.0.send(write("create policy"), Method::POST, &["policies"], &[], Some(body)).await;
        self.0.quota.ended();
        response
    }

    pub(super) async fn edit(&self, id: &str, body: Value) -> Result<Response> {
        self.0.send(write("update policy"), Method::PUT, &["policies", id], &[], Some(body)).await
    }

    /// Validates the body of a create or edit. The path is singular only here.
    pub(super) async fn validate(&self, body: Value) -> Result<Response> {
        self.0.send(read("validate policy"), Method::POST, &["policy", "validation"], &[], Some(body)).await
    }

    /// Deletes the policy. An absent policy is no error.
    pub(super) async fn delete(&self, id: &str) -> Result<()> {
        let purpose = write("delete policy");
        let response = self.0.send(purpose, Method::DELETE, &["policies", id], &[], None).await?;
        if response.status == 404 {
            return self.confirm_absent(&response, purpose, id).await;
        }
        self.0.processed(&response, purpose)
    }

    /// Lists the users, groups and roles to which the policy is assigned; none if the policy is absent.
    pub(super) async fn assigned_to(&self, id: &str) -> Result<Vec<Holder>> {
        let purpose = read("list assigned resources");
        let response = self.0.send(purpose, Method::GET, &["policies", id, "resources"], &[], None).await?;
        if response.status == 404 {
            return Ok(Vec::new());
        }
        self.0.success(response, purpose)?.read(purpose)
    }

    /// Returns the policy's tags; `None` if the API does not offer or does not show them.
    pub(super) async fn tags(&self, id: &str) -> Result<Option<Tags>> {
        let purpose = read("get tags");
        let response = self.0.send(purpose, Method::GET, &["policies", id, "tags"], &[], None).await?;
        if response.is_success() {
            return response.read::<Value>(purpose).map(|body| wire::tags(&body));
        }
        let refusal = self.0.refusal(&response, purpose);
        let hidden = match refusal.kind {
            ErrorKind::Unsupported | ErrorKind::Rejected => true,
            ErrorKind::Unauthorized => matches!(refusal.code.as_deref(), Some("210" | "Forbidden")),
            ErrorKind::Unavailable => response.status == 404,
            _ => false,
        };
        if hidden { Ok(None) } else { Err(refusal) }
    }

    pub(super) async fn add_tag(&self, id: &str, key: &str, value: &str) -> Result<()> {
        let purpose = write("add tag");
        let body = json!({ "tagKey": key, "tagValue": value });
        let response = self.0.send(purpose, Method::POST, &["policies", id, "tags"], &[], Some(body)).await?;
        self.0.processed(&response, purpose)
    }

    /// Removes a tag. The API reports a failure if the tag is absent already, so a failure in the body
    /// of a success is ignored: the next observation shows the tags.
    pub(super) async fn remove_tag(&self, id: &str, key: &str, value: &str) -> Result<()> {
        let purpose = write("remove tag");
        let body = json!({ "tagKey": key, "tagValue": value });
        let response = self.0.send(purpose, Method::DELETE, &["policies", id, "tags"], &[], Some(body)).await?;
        self.0.success(response, purpose).map(drop)
    }

    /// Reads the response to a create or edit. A verdict counts only with the statuses of verdicts,
    /// because gateways also send `success: false` for other errors.
    pub(super) fn stored(&self, response: &Response, purpose: Purpose) -> Result<Stored> {
        if response.is_success() {
            return response.read_object(purpose);
        }
        match (response.status, RawVerdict::of(&response.body)) {
            (400 | 422, Some(verdict)) => Ok(Stored { policy_id: None, validation_result: Some(verdict) }),
            _ => Err(self.0.refusal(response, purpose)),
        }
    }

    /// Returns the redactor of the account.
    pub(super) fn redactor(&self) -> &Redactor {
        self.0.redactor()
    }

    /// Confirms a "not found" by the list.
    async fn confirm_absent(&self, response: &Response, purpose: Purpose, id: &str) -> Result<()> {
        if self.list(None).await?.iter().any(|policy| policy.policy_id == id) {
            return Err(self.0.refusal(response, purpose));
        }
        Ok(())
    }
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
