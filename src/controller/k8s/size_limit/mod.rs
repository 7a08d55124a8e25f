//! Bounds the memory that the objects of tenants take.
//!
//! The API server stores objects of 1.5 MB, and their values take a multiple of that in this process. So the objects
//! of our group pass through here before they are decoded: in lists, in watches and in single responses. What the
//! operator never reads is dropped. An object above `MAX_OBJECT` loses its largest fields, and the annotation
//! `TOO_LARGE` names them. The objects of all namespaces together have a limit, of which each namespace has a share.
//! The operator refuses an object with the annotation by name, and writes nothing upstream for it. Its deletion needs
//! only fields that stay.
//!
//! | file | part |
//! | --- | --- |
//! | `split` | finds the objects in the bytes of a response |
//! | `document` | one object: its weight, and the fields that are emptied |
//! | `limits` | the constants |
//! | `shares` | the weight of all objects, by namespace |

mod document;
mod limits;
mod shares;
mod split;
#[cfg(test)]
mod tests;

use crate::api::GROUP;
use axum::body::Bytes;
use axum::http::{Method, Request, Uri};
use document::Document;
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::{Client, Resource, ResourceExt};
use limits::{MAX_OBJECT, SMALL_OBJECT, TOO_LARGE};
use shares::Shares;
use split::{Shape, Splitter};
use std::sync::Arc;

/// Returns the same client with the size of the objects in its responses limited. All objects together weigh at
/// most `total` bytes, small objects apart.
pub fn client(inner: Client, total: usize) -> Client {
    let namespace = inner.default_namespace().to_owned();
    let shares = Arc::new(Shares::new(total));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (inner, shares) = (inner.clone(), Arc::clone(&shares));
        async move {
            let mut limiter = SizeLimiter::of(request.method(), request.uri(), shares);
            let response = inner.send(request).await?;
            let cut = |body: Body| {
                body.map_frame(move |frame| {
                    frame.map_data(|bytes: Bytes| match &mut limiter {
                        Some(limiter) => limiter.limit(&bytes),
                        None => bytes,
                    })
                })
            };
            Ok::<_, kube::Error>(response.map(cut))
        }
    });
    Client::new(service, namespace)
}

/// Returns why the operator does not act on this object: it is too large.
pub fn refusal<K: Resource>(object: &K) -> Option<String> {
    object.annotations().get(TOO_LARGE).map(|fields| {
        format!(
            "The object is larger than the operator reads: {fields}. Make it smaller, or split it into several objects."
        )
    })
}

/// Limits the size of the objects in one response.
struct SizeLimiter {
    splitter: Splitter,
    /// The collection that a list or a watch reads. Single responses do not change the shares.
    collection: Option<String>,
    shares: Arc<Shares>,
}

impl SizeLimiter {
    /// Returns a limiter for the response to this request; `None` if it has no objects of our group.
    fn of(method: &Method, uri: &Uri, shares: Arc<Shares>) -> Option<Self> {
        let path = uri.path().strip_prefix("/apis/")?.strip_prefix(GROUP)?.strip_prefix('/')?;
        let segments: Vec<&str> = path.split('/').collect();
        let is_collection = match segments[..] {
            [_, "namespaces", _, _] => true,
            [_, "namespaces", ..] => false,
            [_, _] => true,
            _ => false,
        };
        let parameters: Vec<(String, String)> =
            url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let parameter = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let shape = match (is_collection && method == Method::GET, parameter("watch")) {
            (false, _) => Shape::Single,
            (true, Some("true" | "1")) => Shape::Watch,
            (true, _) => Shape::List,
        };
        match shape {
            Shape::List if parameter("continue").is_none() => shares.begin_list(path),
            Shape::Watch => shares.begin_watch(path),
            Shape::List | Shape::Single => {}
        }
        let collection = (shape != Shape::Single).then(|| path.to_owned());
        Some(Self { splitter: Splitter::new(shape), collection, shares })
    }

    /// Returns the bytes with each object limited.
    fn limit(&mut self, bytes: &[u8]) -> Bytes {
        let Self { splitter, collection, shares } = self;
        splitter.push(bytes, |lead, object| limited(&object, collection.as_deref(), is_deletion(lead), shares)).into()
    }
}

/// Returns whether an object of a watch follows this text because it was deleted.
fn is_deletion(lead: &[u8]) -> bool {
    lead.windows(b"\"DELETED\"".len()).any(|window| window == b"\"DELETED\"")
}

/// Returns the object as far as it is read.
fn limited(bytes: &[u8], collection: Option<&str>, deleted: bool, shares: &Shares) -> Vec<u8> {
    let Some(mut document) = Document::parse(bytes) else { return bytes.to_vec() };
    document.drop_unread();
    let mut fields = document.lighten(MAX_OBJECT);
    if let Some(collection) = collection {
        if deleted {
            shares.remove(document.uid());
        } else if !shares.admit(collection, document.namespace(), document.uid(), document.weight()) {
            fields = document.lighten(SMALL_OBJECT);
            fields.insert(0, format!("the objects of namespace {} together", document.namespace()));
        }
    }
    if !fields.is_empty() {
        document.annotate(TOO_LARGE, &fields.join(", "));
    }
    document.to_bytes().unwrap_or_else(|| bytes.to_vec())
}
