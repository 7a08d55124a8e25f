//! How to speak: the HTTP client, each upstream collection, and the registry that lists them.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`account`] | one open connection: client, credentials and limits, shared by its objects |
//! | [`endpoint`] | which endpoints may be called at all, by name and by address |
//! | [`http`] | the one HTTP client |
//! | [`priority`], [`request_context`] | who goes first where requests wait; on whose behalf they are sent |
//! | [`registry`] | the only list of collections: from a spec to a bound object |
//! | `sweep` | one list of a collection for all objects of a connection |
//!
//! Everything here implements contracts of [`crate::engine`] and knows nothing of Kubernetes
//! clients. An upstream collection is one file with an `External`, one variant in the spec and
//! one arm in the registry.

pub mod account;
pub mod endpoint;
#[cfg(test)]
mod fuzz;
pub mod http;
mod lenient;
mod ncloud;
mod redact;
pub mod registry;
pub mod request;
mod snapshots;
mod spaceone;

pub use account::{Account, AccountStats, Credentials};
pub use endpoint::{EndpointRules, HostPattern};
pub use http::{HttpSettings, RequestLog};
pub use request::{Priority, RequestContext, WriteObserver, WritePermission};
