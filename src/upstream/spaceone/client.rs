//! The client of SpaceONE, without knowledge of its collections.
//!
//! The error code shows the absence of an object, never the HTTP status.

use super::PROVIDER;
use super::errors::{ErrorBody, is_unwell, refusal};
use super::resource::{ResourceApi, Scope, Verb};
use super::routes::route;
use super::token::Bearer;
use crate::api::connection::{ApiStyle, SpaceoneConnection};
use crate::engine::{ErrorKind, Result, UpstreamError};
use crate::upstream::collection::{CollectionState, Provider, ProviderClient};
use crate::upstream::endpoint::below;
use crate::upstream::http::{Call, ClientOptions, Http, Object, Response};
use crate::upstream::redact::Redactor;
use crate::upstream::request::RequestContext;
use reqwest::Method;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Mutex;
use url::Url;

/// The fields of a request or an object.
pub(super) type Fields = Map<String, Value>;

/// The client of one account. Cheap to clone: clones share what is known of the server.
#[derive(Clone)]
pub(crate) struct Spaceone {
    http: Http,
    base: Url,
    pub(super) style: ApiStyle,
    domain_id: String,
    token_domain: Option<String>,
    pub(super) configured_repository: Option<String>,
    pub(super) local_repository: Arc<Mutex<Option<String>>>,
    /// The collections without `stat`: later servers have it in their API but do not implement it for each.
    pub(super) lacks_stat: Arc<std::sync::Mutex<BTreeSet<&'static str>>>,
    /// What the collections remember.
    pub(super) state: CollectionState,
}

/// A call, without the fields that every call has.
pub(super) struct Request<'a> {
    pub(super) resource: &'static ResourceApi,
    pub(super) verb: Verb,
    /// Empty in calls for several objects.
    pub(super) id: &'a str,
    pub(super) fields: Fields,
}

impl ProviderClient for Spaceone {
    fn provider(&self) -> &'static Provider {
        PROVIDER
    }

    fn http(&self) -> &Http {
        &self.http
    }

    fn account_id(&self) -> Option<String> {
        Some(self.domain_id.clone())
    }

    fn repository_id(&self) -> Option<String> {
        self.configured_repository.clone()
    }

    /// Compares the domain of the token with that of the connection.
    fn check_credentials(&self) -> Result<()> {
        match &self.token_domain {
            Some(domain) if *domain != self.domain_id => {
                let message = format!("the token belongs to domain {domain}, and domainId is {}", self.domain_id);
                Err(UpstreamError::new(ErrorKind::InvalidReference, "probe", self.redactor().clean(&message)))
            }
            _ => Ok(()),
        }
    }

    fn with(&self, request_context: RequestContext) -> Self {
        Self { http: self.http.with(request_context), ..self.clone() }
    }
}

impl Spaceone {
    pub(crate) fn new(
        base: Url,
        spec: &SpaceoneConnection,
        token: SecretString,
        options: ClientOptions<'_>,
    ) -> Result<Self> {
        let redactor = Arc::new(Redactor::hiding([token.clone()]));
        let bearer = Bearer(token);
        let token_domain = bearer.domain();
        Ok(Self {
            http: Http::new(options, Box::new(bearer), is_unwell, redactor)?,
            base,
            style: spec.api_style,
            domain_id: spec.domain_id.clone(),
            token_domain,
            configured_repository: spec.repository_id.clone(),
            local_repository: Arc::default(),
            lacks_stat: Arc::default(),
            state: CollectionState::default(),
        })
    }

    /// Sends a call that must succeed.
    pub(super) async fn call(&self, request: Request<'_>) -> Result<Response> {
        let (resource, purpose) = (request.resource, request.resource.purpose(request.verb));
        let response = self.send(request).await?;
        if response.is_success() { Ok(response) } else { Err(refusal(&response, purpose, resource, self.redactor())) }
    }

    /// Reads one object.
    pub(super) async fn get<T: DeserializeOwned>(&self, resource: &'static ResourceApi, id: &str) -> Result<Option<T>> {
        let purpose = resource.purpose(Verb::Get);
        let mut fields = Fields::new();
        // Without it the server searches all repositories, and the policy of another one may answer.
        if resource.scope == Scope::Repository {
            fields.insert("repository_id".to_owned(), json!(self.repository().await?));
        }
        let response = self.send(Request { resource, verb: Verb::Get, id, fields }).await?;
        if response.is_success() {
            let object: Fields = response.read(purpose)?;
            // A response about another object belongs to another request.
            let same = object.get(resource.id_field).and_then(Value::as_str) == Some(id);
            let read = serde_json::from_value(Value::Object(object)).ok().filter(|_| same);
            return read.map(Some).ok_or_else(|| response.unreadable(purpose));
        }
        let absent = ErrorBody::of(&response.body).is_some_and(|error| error.is_absence_of(resource));
        if absent { Ok(None) } else { Err(refusal(&response, purpose, resource, self.redactor())) }
    }

    /// Deletes an object. An absent object is no error.
    pub(super) async fn delete(&self, resource: &'static ResourceApi, id: &str) -> Result<()> {
        let purpose = resource.purpose(Verb::Delete);
        let response = self.send(Request { resource, verb: Verb::Delete, id, fields: Fields::new() }).await?;
        if response.is_success() {
            // The server returns an empty object; an HTML page of a proxy does not prove the deletion.
            return response.read::<Fields>(purpose).map(drop);
        }
        let absent = ErrorBody::of(&response.body).is_some_and(|error| error.is_absence_of(resource));
        if absent { Ok(()) } else { Err(refusal(&response, purpose, resource, self.redactor())) }
    }

    async fn send(&self, request: Request<'_>) -> Result<Response> {
        let Request { resource, verb, id, mut fields } = request;
        let purpose = resource.purpose(verb);
        let route = route(self.style, resource, verb, id);
        if resource.scope != Scope::Server {
            fields.insert("domain_id".to_owned(), json!(self.domain_id));
        }
        if !id.is_empty() && !route.names_object {
            fields.insert(resource.id_field.to_owned(), json!(id));
        }
        let mut url = below(&self.base, &route.path, purpose.operation)?;
        let body = if matches!(route.method, Method::GET | Method::DELETE) {
            let texts = fields.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
            url.query_pairs_mut().extend_pairs(texts);
            None
        } else {
            Some(Value::Object(fields))
        };
        let object = Object { id_field: resource.id_field, id: (!id.is_empty()).then(|| id.to_owned()) };
        self.http.send(&Call { purpose, method: route.method, url, body, object }).await
    }

    /// Returns the redactor of the account.
    pub(super) fn redactor(&self) -> &Redactor {
        self.http.redactor()
    }
}
