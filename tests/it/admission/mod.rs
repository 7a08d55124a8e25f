//! What the API server takes and what it refuses, with which words: every case goes through
//! real admission, as a request with strict field validation.
//!
//! A case starts from a manifest that is accepted and changes one thing. A refusal must blame
//! the field that was changed, that field only, and say what to write instead.

mod accepts_connections;
mod accepts_network_policies;
mod accepts_policies;
mod accepts_updates;
pub mod cases;
mod rejects_common;
mod rejects_connections;
mod rejects_ncloud;
mod rejects_spaceone;
mod rejects_updates;
mod shown;
