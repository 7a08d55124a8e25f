//! The client of NAVER Cloud Platform's Sub Account API, version 1, without knowledge of its
//! collections.

use super::PROVIDER;
use super::errors::{is_unwell, refusal};
use super::signature::Keys;
use super::wire;
use crate::api::connection::NcloudZone;
use crate::engine::{ErrorKind, Result, UpstreamError};
use crate::upstream::collection::{CollectionState, Provider, ProviderClient};
use crate::upstream::endpoint::below;
use crate::upstream::http::{Call, ClientOptions, Http, Object, Purpose, Response};
use crate::upstream::redact::Redactor;
use crate::upstream::request::RequestContext;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::Value;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use url::Url;

/// Returns the base URL of a zone.
pub(crate) fn zone_endpoint(zone: NcloudZone) -> &'static str {
    match zone {
        NcloudZone::Public => "https://subaccount.apigw.ntruss.com",
        NcloudZone::Financial => "https://subaccount.apigw.fin-ntruss.com",
        NcloudZone::Government => "https://subaccount.apigw.gov-ntruss.com",
    }
}

/// The client of one account. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Ncloud {
    http: Http,
    base: Url,
    /// What the collections remember.
    pub(super) state: CollectionState,
    /// The member number of the account, once a response has shown it.
    member_number: Arc<Mutex<Option<String>>>,
    /// Whether the account has shown tags: then an answer without them is a failure.
    pub(super) shows_tags: Arc<AtomicBool>,
}

impl ProviderClient for Ncloud {
    fn provider(&self) -> &'static Provider {
        PROVIDER
    }

    fn http(&self) -> &Http {
        &self.http
    }

    fn account_id(&self) -> Option<String> {
        self.member_number().clone()
    }

    fn assume_account_id(&self, id: &str) {
        self.member_number().get_or_insert_with(|| id.to_owned());
    }

    fn with(&self, request_context: RequestContext) -> Self {
        Self { http: self.http.with(request_context), ..self.clone() }
    }
}

impl Ncloud {
    pub(crate) fn new(
        base: Url,
        access_key: SecretString,
        secret_key: SecretString,
        options: ClientOptions<'_>,
    ) -> Result<Self> {
        let redactor = Arc::new(Redactor::hiding([access_key.clone(), secret_key.clone()]));
        let http = Http::new(options, Box::new(Keys { access_key, secret_key }), is_unwell, redactor)?;
        Ok(Self {
            http,
            base,
            state: CollectionState::default(),
            member_number: Arc::default(),
            shows_tags: Arc::default(),
        })
    }

    /// Learns the member number of the account from the resource name of one of its objects.
    pub(super) fn learn_account(&self, nrn: Option<&str>) {
        if let Some(member_number) = nrn.and_then(wire::member_number) {
            *self.member_number() = Some(member_number.to_owned());
        }
    }

    fn member_number(&self) -> MutexGuard<'_, Option<String>> {
        self.member_number.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the redactor of the account.
    pub(super) fn redactor(&self) -> &Redactor {
        self.http.redactor()
    }

    /// Sends a call and returns its response, whatever the status is.
    pub(super) async fn send(
        &self,
        purpose: Purpose,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Response> {
        let url = self.url(purpose, path, query)?;
        // The path of a request about a policy is `policies/{id}`, or begins so.
        let object = Object { id_field: "policyId", id: path.get(1).map(|id| (*id).to_owned()) };
        self.http.send(&Call { purpose, method, url, body, object }).await
    }

    /// Returns the response if it is a success.
    pub(super) fn success(&self, response: Response, purpose: Purpose) -> Result<Response> {
        if response.is_success() { Ok(response) } else { Err(self.refusal(&response, purpose)) }
    }

    /// Checks the response to a call that returns no object. A success has no body, a text such as `OK`, or a JSON
    /// body with the result; an HTML page of a proxy is an error. The next read shows what really happened.
    pub(super) fn processed(&self, response: &Response, purpose: Purpose) -> Result<()> {
        match self.result(response, purpose)? {
            None => Ok(()),
            Some(message) => Err(response.error(ErrorKind::Rejected, purpose, message)),
        }
    }

    /// Does the same as [`Ncloud::processed`], but returns the message of a failure in the body of a success.
    pub(super) fn result(&self, response: &Response, purpose: Purpose) -> Result<Option<String>> {
        if !response.is_success() {
            return Err(self.refusal(response, purpose));
        }
        if response.is_page() {
            return Err(response.unreadable(purpose));
        }
        let failure = serde_json::from_slice(&response.body).ok().and_then(|body| wire::failure_inside(&body));
        Ok(failure.map(|message| match self.redactor().clean(&message) {
            empty if empty.is_empty() => "the upstream reports a failure without a reason".to_owned(),
            message => message,
        }))
    }

    /// Returns the error for a response that is not a success.
    pub(super) fn refusal(&self, response: &Response, purpose: Purpose) -> UpstreamError {
        refusal(response, purpose, self.redactor())
    }

    fn url(&self, purpose: Purpose, path: &[&str], query: &[(&str, &str)]) -> Result<Url> {
        let mut url = below(&self.base, &["api", "v1"], purpose.operation)?;
        url = below(&url, path, purpose.operation)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}
