//! A proxy in front of the API server: it records every request, and refuses some as RBAC does.

use http::{Method, Request, Response, StatusCode, Uri};
use kube::Client;
use kube::client::Body;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A request with the attributes that RBAC evaluates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    pub verb: &'static str,
    pub group: String,
    /// The resource and its subresource, such as `policies/status`. Empty for a request about a whole group.
    pub resource: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
}

impl Asked {
    /// Parses a request. Returns `None` if it is not about an API group.
    pub fn of(method: &Method, uri: &Uri) -> Option<Self> {
        let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
        let (group, mut rest) = match parts.as_slice() {
            ["apis", group, _version] => return Some(Self::discovery(group)),
            ["api", _version, rest @ ..] => ("", rest),
            ["apis", group, _version, rest @ ..] => (*group, rest),
            _ => return None,
        };
        let mut namespace = None;
        if let ["namespaces", name, below @ ..] = rest
            && !below.is_empty()
        {
            (namespace, rest) = (Some((*name).to_owned()), below);
        }
        let (resource, name) = match rest {
            [resource] => ((*resource).to_owned(), None),
            [resource, name] => ((*resource).to_owned(), Some((*name).to_owned())),
            [resource, name, sub] => (format!("{resource}/{sub}"), Some((*name).to_owned())),
            _ => return None,
        };
        let watches = uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "watch=true"));
        let verb = verb(method, name.is_some(), watches)?;
        Some(Self { verb, group: group.to_owned(), resource, namespace, name })
    }
}

impl Asked {
    /// Returns the discovery request of a group. Every authenticated user may send it.
    fn discovery(group: &str) -> Self {
        let (group, resource) = (group.to_owned(), String::new());
        Self { verb: "get", group, resource, namespace: None, name: None }
    }
}

fn verb(method: &Method, named: bool, watches: bool) -> Option<&'static str> {
    Some(match (method.as_str(), named, watches) {
        ("GET", _, true) => "watch",
        ("GET", true, false) => "get",
        ("GET", false, false) => "list",
        ("POST", ..) => "create",
        ("PUT", ..) => "update",
        ("PATCH", ..) => "patch",
        ("DELETE", true, _) => "delete",
        ("DELETE", false, _) => "deletecollection",
        _ => return None,
    })
}

/// A filter for the requests to refuse.
type Refused = fn(&Asked) -> bool;

/// A proxy in front of the API server. Clones share their state.
#[derive(Clone, Default)]
pub struct ApiserverProxy {
    asked: Arc<Mutex<BTreeSet<Asked>>>,
    refused: Arc<Mutex<Option<Refused>>>,
    refusals: Arc<AtomicUsize>,
}

impl ApiserverProxy {
    /// Returns a proxy that refuses these requests.
    pub fn refusing(refused: Refused) -> Self {
        let proxy = Self::default();
        *proxy.refused.lock().unwrap() = Some(refused);
        proxy
    }

    /// Allows all requests from now on.
    pub fn allow_all(&self) {
        *self.refused.lock().unwrap() = None;
    }

    /// Returns the requests so far, each once.
    pub fn asked(&self) -> BTreeSet<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Returns the number of refused requests.
    pub fn refusals(&self) -> usize {
        self.refusals.load(Ordering::SeqCst)
    }

    /// Returns a client whose requests go through the proxy.
    pub fn client(&self, server: &Client) -> Client {
        let (proxy, server) = (self.clone(), server.clone());
        Client::new(tower::service_fn(move |request| proxy.clone().forward(server.clone(), request)), "default")
    }

    async fn forward(self, server: Client, request: Request<Body>) -> kube::Result<Response<Body>> {
        let asked = Asked::of(request.method(), request.uri());
        let refused = *self.refused.lock().unwrap();
        if let Some(asked) = &asked {
            self.asked.lock().unwrap().insert(asked.clone());
            if refused.is_some_and(|refused| refused(asked)) {
                self.refusals.fetch_add(1, Ordering::SeqCst);
                return Ok(forbidden(asked));
            }
        }
        server.send(request).await
    }
}

fn forbidden(asked: &Asked) -> Response<Body> {
    let message =
        format!("{} is forbidden: cannot {} resource in API group {}", asked.resource, asked.verb, asked.group);
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": message, "reason": "Forbidden", "code": 403,
    });
    let answer = Response::builder().status(StatusCode::FORBIDDEN).header("Content-Type", "application/json");
    answer.body(Body::from(status.to_string().into_bytes())).unwrap()
}

#[test]
fn proxy_parses_requests_like_rbac() {
    let asked = |method: Method, uri: &str| {
        let Asked { verb, group, resource, namespace, name } = Asked::of(&method, &uri.parse().unwrap())?;
        let text = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
        Some(format!("{verb} {group} {resource} {} {}", text(namespace), text(name)))
    };
    for (method, uri, expected) in [
        (Method::GET, "/api/v1/namespaces/kube-system", "get  namespaces - kube-system"),
        (Method::GET, "/apis/cloudpolicy.dev/v1alpha1", "get cloudpolicy.dev  - -"),
        (Method::GET, "/api/v1/namespaces/a/secrets?limit=500", "list  secrets a -"),
        (Method::GET, "/api/v1/namespaces/a/secrets?watch=true&timeoutSeconds=1", "watch  secrets a -"),
        (
            Method::PATCH,
            "/apis/cloudpolicy.dev/v1alpha1/namespaces/a/policies/p/status?force=true",
            "patch cloudpolicy.dev policies/status a p",
        ),
        (Method::POST, "/apis/events.k8s.io/v1/namespaces/a/events", "create events.k8s.io events a -"),
        (Method::PUT, "/apis/coordination.k8s.io/v1/namespaces/a/leases/l", "update coordination.k8s.io leases a l"),
    ] {
        assert_eq!(asked(method, uri).unwrap(), expected, "{uri}");
    }
    assert_eq!(asked(Method::GET, "/version"), None);
}
