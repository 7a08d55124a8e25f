//! X

pub(crate) mod client;
pub(crate) mod errors;
#[cfg(test)]
pub(crate) mod fuzz;
pub(crate) mod policy;
pub(crate) mod quota;
pub(crate) mod signature;
pub(crate) mod wire;
