//! X

pub(crate) mod client;
pub(crate) mod errors;
#[cfg(test)]
pub(crate) mod fuzz;
pub(crate) mod listing;
pub(crate) mod network_policy;
pub(crate) mod policy;
pub(crate) mod routes;
pub(crate) mod tags;
pub(crate) mod token;
pub(crate) mod wire;
