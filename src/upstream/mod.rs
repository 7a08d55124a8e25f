//! The upstreams: the HTTP client, each provider with its collections, and the registry that lists them.
//!
//! Everything here implements contracts of [`crate::engine`] and knows no Kubernetes client. A module
//! imports only modules on lines below it.
//!
//! | module | contents |
//! | --- | --- |
//! | [`registry`] | THE list of collections: binds a spec or a deletion record, probes an account |
//! | [`account`] | one open connection: client, credentials and limits, shared by its objects |
//! | `ncloud`, `spaceone` | the providers: client, errors, wire formats, and a folder for each collection |
//! | [`catalogue`] | what is known of the products of providers |
//! | `collection` | the traits that a collection and a provider's client implement for the registry |
//! | `snapshots` | the last list of each collection, shared by all objects of a connection |
//! | [`http`] | the one HTTP client |
//! | [`endpoint`] | the endpoints that may be called, by name and by address |
//! | [`request`] | the context of requests: priority, observer of writes, permission to write |
//! | `redact`, `lenient`, `list_limits` | removes secrets from texts; reads JSON of several styles; limits lists |

pub mod account;
pub mod catalogue;
mod collection;
pub mod endpoint;
#[cfg(test)]
mod fuzz;
pub mod http;
mod lenient;
mod list_limits;
mod ncloud;
mod redact;
pub mod registry;
pub mod request;
mod snapshots;
mod spaceone;

pub use account::{Account, AccountStats, Credentials};
pub use endpoint::{EndpointRules, HostPattern};
pub use http::{DirectHost, ForwardProxy, HttpSettings, ProxyCredentials, RequestLog};
pub use request::{Priority, RequestContext, UNASSIGNED, WriteObserver, WritePermission, WriteRequest};
