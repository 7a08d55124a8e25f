//! Opens the accounts of connections.
//!
//! The credentials come from the caller, never from a manifest. A manifest may name the endpoint, and its author
//! may not be trusted with the credentials: only the hosts that the caller allows get them.

use crate::api::ConnectionKey;
use crate::api::approval::Approval;
use crate::api::connection::{AllowedNamespaces, ConnectionSpec, RateLimit};
use crate::api::guardrails::Guardrail;
use crate::engine::ErrorKind;
use crate::manifests::{ConnectionManifest, Manifests};
use crate::upstream::{Account, Credentials, EndpointRules, HttpSettings, RequestLog};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What the caller gives for a connection.
#[derive(Debug, Clone)]
pub struct Given {
    /// The name of the connection, as `spec.connectionRef.name` has it.
    pub name: String,
    /// The credentials.
    pub credentials: Credentials,
    /// The endpoint to use, whatever a manifest says.
    pub endpoint: Option<ConnectionSpec>,
    /// The endpoint to use if no manifest describes the connection.
    pub otherwise: Option<ConnectionSpec>,
}

/// How accounts are opened.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The endpoints that get credentials.
    pub rules: EndpointRules,
    /// The timeouts and limits of requests.
    pub http: HttpSettings,
    /// The requests per second of each connection, if not those of its manifest.
    pub rate: Option<RateLimit>,
}

/// An open connection.
#[derive(Debug, Clone)]
pub struct Open {
    /// The account.
    pub account: Arc<Account>,
    /// The guardrails; `None` if no manifest describes the connection, so that they are not known.
    pub guardrails: Option<Vec<Guardrail>>,
    /// Whether a change that grants more needs an approval, as far as it is known.
    pub approval: bool,
    /// The namespaces that may use it; `None` if they need no permission or it is not known.
    allowed: Option<AllowedNamespaces>,
}

impl Open {
    /// Returns whether objects of a namespace may use the connection.
    #[must_use]
    pub fn allows(&self, namespace: &str) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| {
            allowed.all == Some(true) || allowed.names.iter().flatten().any(|name| name == namespace)
        })
    }
}

/// The connections that objects name, each open or with the reason why it is not.
#[derive(Debug, Default)]
pub struct Connections(BTreeMap<String, Result<Open, String>>);

impl Connections {
    /// Opens every connection that the manifests name. Sends nothing.
    #[must_use]
    pub fn open(manifests: &Manifests, given: &[Given], limits: &Limits) -> Self {
        let contents = manifests.objects.iter().filter_map(|object| Some((object, object.content.as_ref().ok()?)));
        let keys = contents.map(|(object, it)| ConnectionKey::of(&it.common().connection_ref, &object.namespace));
        let removed = manifests.removed.iter().filter_map(|object| Some((object, object.content.as_ref().ok()?)));
        let recorded = removed.filter_map(|(object, it)| {
            Some(ConnectionKey::of(&it.status().common.upstream?.connection, &object.namespace))
        });
        let keys = keys.chain(recorded);
        let keys: BTreeMap<String, ConnectionKey> = keys.map(|key| (key.to_string(), key)).collect();
        let open = |(title, key)| (title, open(&key, manifests.connection(&key), given, limits));
        Self(keys.into_iter().map(open).collect())
    }

    /// Returns the connection, or why it cannot be used.
    pub fn get(&self, key: &ConnectionKey) -> Result<&Open, &str> {
        match self.0.get(&key.to_string()) {
            Some(Ok(open)) => Ok(open),
            Some(Err(message)) => Err(message),
            None => Err("the connection was not opened"),
        }
    }

    /// Returns the names that were given and that no object uses.
    #[must_use]
    pub fn unused<'g>(&self, given: &'g [Given]) -> Vec<&'g str> {
        let used = |name: &str| self.0.keys().any(|key| is_named(key, name));
        given.iter().map(|given| given.name.as_str()).filter(|name| !used(name)).collect()
    }

    /// Returns the connections whose guardrails are not known.
    #[must_use]
    pub fn without_guardrails(&self) -> BTreeSet<&str> {
        let unknown = self.0.iter().filter(|(_, open)| open.as_ref().is_ok_and(|open| open.guardrails.is_none()));
        unknown.map(|(key, _)| key.as_str()).collect()
    }
}

/// Returns whether a title such as `Connection team-a/ncloud` ends in the name.
fn is_named(key: &str, name: &str) -> bool {
    key.strip_suffix(name).is_some_and(|before| before.ends_with(['/', ' ']))
}

fn open(
    key: &ConnectionKey,
    manifest: Option<&ConnectionManifest>,
    given: &[Given],
    limits: &Limits,
) -> Result<Open, String> {
    let name = &key.name;
    let given = given.iter().find(|given| given.name == *name).ok_or_else(|| {
        format!("{key} has no credentials here: give them with --connection {name}=env:PREFIX_, and set PREFIX_ACCESS_KEY and PREFIX_SECRET_KEY, or PREFIX_TOKEN for SpaceONE")
    })?;
    let described = manifest.map(|manifest| manifest.spec.clone());
    let no_endpoint = || {
        format!(
            "{key} has no endpoint: plan its manifest, too, or set the variable PREFIX_ENDPOINT of --connection {name}=env:PREFIX_"
        )
    };
    let spec = endpoint(described, given, limits).ok_or_else(no_endpoint)?;
    let account = account_of(&spec, given, limits).map_err(|error| format!("{key} cannot be used: {error}"))?;
    let allowed = manifest.and_then(|manifest| manifest.allowed.clone());
    let approval = manifest.is_some_and(|it| Approval::is_required(it.spec.approval.as_ref()));
    let guardrails = manifest.map(|_| spec.guardrails.unwrap_or_default());
    Ok(Open { account, guardrails, approval, allowed })
}

/// Opens the account of a connection that no manifest describes. Sends nothing.
pub fn account(given: &Given, limits: &Limits) -> Result<Arc<Account>, String> {
    let name = &given.name;
    let no_endpoint = || {
        format!(
            "connection {name} has no endpoint: set the variable PREFIX_ENDPOINT of --connection {name}=env:PREFIX_"
        )
    };
    let spec = endpoint(None, given, limits).ok_or_else(no_endpoint)?;
    account_of(&spec, given, limits).map_err(|error| format!("connection {name} cannot be used: {error}"))
}

/// Returns the connection to use: that of a manifest, with what the caller gives in its place.
fn endpoint(described: Option<ConnectionSpec>, given: &Given, limits: &Limits) -> Option<ConnectionSpec> {
    let mut spec = described.or_else(|| given.otherwise.clone()).or_else(|| given.endpoint.clone())?;
    if let Some(ConnectionSpec { ncloud, spaceone, .. }) = given.endpoint.clone() {
        (spec.ncloud, spec.spaceone) = (ncloud, spaceone);
    }
    spec.rate_limit = limits.rate.or(spec.rate_limit);
    Some(spec)
}

fn account_of(spec: &ConnectionSpec, given: &Given, limits: &Limits) -> Result<Arc<Account>, String> {
    let account = Account::open(spec, given.credentials.clone(), None, &limits.rules, &limits.http, Arc::new(Unlogged));
    account.map(Arc::new).map_err(|error| match error.kind {
        ErrorKind::EndpointNotAllowed => format!("{} {PERMITTED}", error.sentence()),
        _ => error.sentence(),
    })
}

/// The flags that permit more endpoints.
const PERMITTED: &str =
    "If you trust the endpoint, permit it with --allow-http, --allow-private-addresses or --allowed-hosts.";

/// Drops what an account logs: a plan has no metrics.
struct Unlogged;

impl RequestLog for Unlogged {
    fn request(&self, _: &'static str, _: &'static str, _: &str, _: Duration) {}
}
