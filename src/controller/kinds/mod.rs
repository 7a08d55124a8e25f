//! Describes the kinds to the rest of the controller.
//!
//! | file | contents |
//! | --- | --- |
//! | [`managed`] | the trait of kinds whose objects live upstream, and what their status has in common |
//! | `policy`, `network_policy` | one file for each such kind |
//! | [`connection`] | the trait of connection kinds, and its two implementations |
//!
//! No file here holds a Kubernetes client. `setup::kinds` lists the managed kinds and starts them.

pub mod connection;
pub mod managed;
mod network_policy;
mod policy;
