//! Admission: the API server accepts valid objects and refuses invalid ones with a helpful message. Every case
//! is a request with strict field validation.
//!
//! A case starts from a manifest that is accepted and changes one field. A refusal must name only the field
//! that was changed, and say what to write instead.

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
mod samples;
mod selected;
mod shown;
