//! STATE

pub mod accounts;
pub mod claims;
pub mod dependents;
pub mod observations;
pub mod stores;
