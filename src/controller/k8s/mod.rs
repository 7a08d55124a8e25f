//! Wraps `kube::Api` in the few verbs that the flows need.
//!
//! | file | verb |
//! | --- | --- |
//! | [`status`] | writes status under the `resourceVersion` that was read |
//! | [`finalizer`] | adds and removes the finalizer under a test of `uid` and `resourceVersion` |
//! | [`events`] | publishes events |
//! | [`event_shares`] | shares the queue of events between namespaces |
//! | [`connection_guardrails`] | reads the guardrails of the connection that an object names |
//! | [`connection_metadata`] | reads the metadata of the connection that an object names |
//! | [`metadata`] | reads the metadata of an object of a kind that may be listed only |
//! | [`heartbeat`] | reports signs of life of a watch |
//! | [`namespaces`] | scopes an API to the watched namespaces |
//! | [`depth_limit`] | keeps one deeply nested object from hiding all others |
//! | [`size_limit`] | bounds the memory that the objects of tenants take |

pub mod connection_guardrails;
pub mod connection_metadata;
pub mod depth_limit;
pub mod event_shares;
pub mod events;
pub mod finalizer;
pub mod heartbeat;
pub mod metadata;
pub mod namespaces;
pub mod size_limit;
pub mod status;
