//! How to speak: the HTTP client, each upstream collection, and the registry that lists them.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`account`] | one open connection: client, credentials and limits, shared by its objects |
//! | [`endpoint`] | which endpoints may be called at all, by name and by address |
//! | [`http`] | the one HTTP client |
//! | [`urgency`], [`errand`] | who goes first where requests wait; on whose behalf they are sent |
//! | [`registry`] | the only list of collections: from a spec to a bound object |
//! | `sweep` | one list of a collection for all objects of a connection |
//!
//! Everything here implements contracts of [`crate::engine`] and knows nothing of Kubernetes
//! clients. An upstream collection is one file with an `External`, one variant in the spec and
//! one arm in the registry.

pub mod account;
pub mod endpoint;
pub mod errand;
#[cfg(test)]
mod fuzz;
pub mod http;
mod lenient;
mod ncloud;
mod ncloud_policy;
pub mod registry;
mod spaceone;
mod spaceone_network_policy;
mod spaceone_policy;
mod sweep;
pub mod urgency;
mod words;

pub use account::{Account, Credentials, Vitals};
pub use endpoint::{EndpointRules, HostPattern};
pub use errand::{Errand, Fence, WriteLog};
pub use http::{HttpSettings, RequestLog};
pub use urgency::Urgency;
