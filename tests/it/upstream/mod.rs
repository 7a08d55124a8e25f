//! The clients of the upstream APIs, without Kubernetes, against simulators and real SpaceONE servers.

mod account;
mod faults;
mod lists;
pub mod ncloud;
mod ncloud_refusals;
mod ncloud_strict;
mod spaceone;
mod spaceone_network_policy;
mod spaceone_policy;
mod spaceone_quirks;
pub mod spaceone_servers;
