//! SpaceONE over HTTP: the calls that its collections share, without a meaning of their own.
//!
//! Every request names the domain, because some servers search all domains without it. Absence is
//! what the error code says, never what the status says.

pub(crate) use super::listing::readable;
pub(crate) use super::routes::{Resource, Verb};

use super::errors::{ErrorBody, is_unwell, refusal};
use super::routes::route;
use super::token::Bearer;
use super::wire::Page;
use crate::api::connection::{ApiStyle, SpaceoneConnection, Usage};
use crate::engine::{ErrorKind, Result, UpstreamError};
use crate::upstream::RequestContext;
use crate::upstream::endpoint::below;
use crate::upstream::http::{Call, Effect, Http, Parts, Purpose, Response};
use crate::upstream::redact::Redactor;
use reqwest::Method;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::OnceCell;
use url::Url;

/// The fields of a request or an object.
pub(crate) type Fields = Map<String, Value>;

/// The API with the token of one domain, on one errand. Cheap to clone: what is learned of the
/// server is shared.
#[derive(Clone)]
pub(crate) struct Spaceone {
    http: Http,
    base: Url,
    pub(super) style: ApiStyle,
    domain_id: String,
    token_domain: Option<String>,
    configured_repository: Option<String>,
    local_repository: Arc<OnceCell<String>>,
    /// The later servers kept `stat` of policies in their API and dropped it from their code.
    pub(super) lacks_stat: Arc<AtomicBool>,
}

/// A call, but for what every call has.
pub(crate) struct Ask<'a> {
    pub(crate) resource: Resource,
    pub(crate) verb: Verb,
    /// Empty for calls about a collection.
    pub(crate) id: &'a str,
    pub(crate) fields: Fields,
}

/// What is asked, for the log and for errors.
pub(crate) fn purpose(resource: Resource, verb: Verb) -> Purpose {
    let system = match resource {
        Resource::Policy => super::policy::SYSTEM,
        Resource::NetworkPolicy => super::network_policy::SYSTEM,
        Resource::Repository => "spaceone/repository",
    };
    let (operation, effect) = match (verb, resource) {
        (Verb::Create, Resource::Policy) => ("create policy", Effect::Write),
        (Verb::Create, _) => ("create network policy", Effect::Write),
        (Verb::Update, Resource::Policy) => ("update policy", Effect::Write),
        (Verb::Update, _) => ("update network policy", Effect::Write),
        (Verb::PinData, _) => ("pin fields", Effect::Write),
        (Verb::Delete, Resource::Policy) => ("delete policy", Effect::Write),
        (Verb::Delete, _) => ("delete network policy", Effect::Write),
        (Verb::Get, Resource::Policy) => ("get policy", Effect::Read),
        (Verb::Get, _) => ("get network policy", Effect::Read),
        (Verb::List, Resource::Policy) => ("list policies", Effect::Read),
        (Verb::List, Resource::NetworkPolicy) => ("list network policies", Effect::Read),
        (Verb::List, Resource::Repository) => ("find repository", Effect::Read),
        (Verb::Stat, _) => ("count", Effect::Read),
    };
    Purpose { system, operation, effect }
}

impl Spaceone {
    pub(crate) fn new(base: Url, spec: &SpaceoneConnection, token: SecretString, parts: Parts<'_>) -> Result<Self> {
        let redactor = Arc::new(Redactor::hiding([token.clone()]));
        let bearer = Bearer(token);
        let token_domain = bearer.domain();
        Ok(Self {
            http: Http::new(parts, Box::new(bearer), is_unwell, redactor)?,
            base,
            style: spec.api_style,
            domain_id: spec.domain_id.clone(),
            token_domain,
            configured_repository: spec.repository_id.clone(),
            local_repository: Arc::default(),
            lacks_stat: Arc::default(),
        })
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

    /// Proves that the token is taken, and counts. The calls must be ones that look at the token:
    /// reading a single policy does not.
    pub(crate) async fn probe(&self) -> Result<Usage> {
        self.check_domain()?;
        let (repository, network_policies) = match self.repository().await {
            Ok(_) => (Ok(()), self.count(Resource::NetworkPolicy).await),
            // A domain may use the inventory alone.
            Err(error) if matches!(error.kind, ErrorKind::Unsupported | ErrorKind::InvalidReference) => {
                (Err(error), self.count(Resource::NetworkPolicy).await)
            }
            Err(error) => return Err(error),
        };
        let policies = match (repository, &network_policies) {
            (Ok(()), _) => Some(self.count(Resource::Policy).await?),
            (Err(_), Ok(_)) => None,
            (Err(error), Err(_)) => return Err(error),
        };
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Usage {
            policies: policies.map(number),
            policies_limit: None,
            network_policies: network_policies.ok().map(number),
        })
    }

    fn check_domain(&self) -> Result<()> {
        match &self.token_domain {
            Some(domain) if *domain != self.domain_id => {
                let why = format!("the token is of domain {domain}, and domainId says {}", self.domain_id);
                Err(UpstreamError::new(ErrorKind::InvalidReference, "probe", self.redactor().clean(&why)))
            }
            _ => Ok(()),
        }
    }

    /// The answer to a call that must succeed.
    pub(crate) async fn ask(&self, ask: Ask<'_>) -> Result<Response> {
        let purpose = purpose(ask.resource, ask.verb);
        let answer = self.send(ask).await?;
        if answer.is_success() { Ok(answer) } else { Err(refusal(&answer, purpose, self.redactor())) }
    }

    /// One object.
    pub(crate) async fn get<T: DeserializeOwned>(&self, resource: Resource, id: &str) -> Result<Option<T>> {
        let purpose = purpose(resource, Verb::Get);
        let answer = self.send(Ask { resource, verb: Verb::Get, id, fields: Fields::new() }).await?;
        if answer.is_success() {
            let object: Fields = answer.read(purpose)?;
            // An answer about another object is an answer to somebody else.
            let same = object.get(resource.id_field()).and_then(Value::as_str) == Some(id);
            let read = serde_json::from_value(Value::Object(object)).ok().filter(|_| same);
            return read.map(Some).ok_or_else(|| answer.unreadable(purpose));
        }
        let absent = ErrorBody::of(&answer.body).is_some_and(|said| said.is_absence_of(resource));
        if absent { Ok(None) } else { Err(refusal(&answer, purpose, self.redactor())) }
    }

    /// Deletes an object; one that is gone is fine.
    pub(crate) async fn delete(&self, resource: Resource, id: &str) -> Result<()> {
        let purpose = purpose(resource, Verb::Delete);
        let answer = self.send(Ask { resource, verb: Verb::Delete, id, fields: Fields::new() }).await?;
        if answer.is_success() {
            // An empty object; a page from somebody in between says nothing about the deletion.
            return answer.read::<Fields>(purpose).map(drop);
        }
        let absent = ErrorBody::of(&answer.body).is_some_and(|said| said.is_absence_of(resource));
        if absent { Ok(()) } else { Err(refusal(&answer, purpose, self.redactor())) }
    }

    /// The repository that policies are listed from: the configured one, else the local one, which
    /// is looked up once.
    pub(super) async fn repository(&self) -> Result<&str> {
        match &self.configured_repository {
            Some(id) => Ok(id),
            None => self.local_repository.get_or_try_init(|| self.find_repository()).await.map(String::as_str),
        }
    }

    async fn find_repository(&self) -> Result<String> {
        let fields = Fields::from_iter([("repository_type".to_owned(), json!("local"))]);
        let (resource, verb) = (Resource::Repository, Verb::List);
        let purpose = purpose(resource, verb);
        let answer = self.ask(Ask { resource, verb, id: "", fields }).await?;
        let page: Page<Fields> = answer.read(purpose)?;
        let unclear = |why: &str| Err(answer.error(ErrorKind::InvalidReference, purpose, why.to_owned()));
        match page.results.as_slice() {
            [one] => one
                .get("repository_id")
                .and_then(Value::as_str)
                .map(str::to_owned)
                .ok_or_else(|| answer.unreadable(purpose)),
            [] => unclear("the domain has no local repository: register one, or set repositoryId"),
            _ => unclear("the domain has several local repositories: set repositoryId"),
        }
    }

    async fn send(&self, ask: Ask<'_>) -> Result<Response> {
        let purpose = purpose(ask.resource, ask.verb);
        let route = route(self.style, ask.resource, ask.verb, ask.id);
        let mut fields = ask.fields;
        if ask.resource != Resource::Repository {
            fields.insert("domain_id".to_owned(), json!(self.domain_id));
        }
        if !ask.id.is_empty() && !route.names_object {
            fields.insert(ask.resource.id_field().to_owned(), json!(ask.id));
        }
        let mut url = below(&self.base, &route.path, purpose)?;
        let body = if matches!(route.method, Method::GET | Method::DELETE) {
            let texts = fields.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
            url.query_pairs_mut().extend_pairs(texts);
            None
        } else {
            Some(Value::Object(fields))
        };
        self.http.send(&Call { purpose, method: route.method, url, body }).await
    }
}
