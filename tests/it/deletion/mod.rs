//! Deletion of objects: from the record in status, in every order, without dependencies, and by the deletion limit.

mod crowds;
mod deferred;
pub mod from_status;
mod mass;
mod missing_dependencies;
mod orders;
mod roles;
mod start;
