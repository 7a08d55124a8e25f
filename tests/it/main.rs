//! The integration tests: one binary, so that one control plane serves the whole run.
//!
//! Each module tests one thing against real parts; what they share is in [`support`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says that something is wrong by panicking"
)]

mod abuse;
mod admission;
mod adoption;
mod architecture;
mod chart;
mod claims;
mod connection_troubles;
mod connections;
mod deletion;
mod deletion_orders;
mod deletion_went_first;
mod docs;
mod drift;
mod drift_fights;
mod duplicates;
mod environment;
mod faults;
mod gitops;
mod image;
mod installation;
mod kind_lists;
mod kinds;
mod leader;
mod ledger;
mod lifecycle;
mod lifecycle_spaceone;
mod limits;
mod links;
mod lost_adoptions;
mod lost_answers;
mod manifests;
mod mass_deletion;
mod namespaced;
mod observability;
mod paper;
mod properties;
mod publishing;
mod role;
mod samples;
mod security;
mod shutdown;
mod signatures;
mod snapshots;
mod spaceone_side;
mod steady;
mod strangers;
mod support;
mod suspended;
mod tenants;
mod traces;
mod traps;
mod upstream_account;
mod upstream_faults;
mod upstream_lists;
mod upstream_ncloud;
mod upstream_ncloud_refusals;
mod upstream_spaceone;
mod upstream_spaceone_network_policy;
mod upstream_spaceone_policy;
mod upstream_spaceone_servers;
mod upstream_support;
mod validation;
mod versions;
mod world;
