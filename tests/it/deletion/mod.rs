//! Deletion of objects: from the record in status, in every order, and the limit on mass deletion.

pub mod from_status;
mod mass;
mod missing_dependencies;
mod orders;
