//! Owner tags: adoption, several objects that use one upstream object, and objects of other owners.

mod accepted;
pub mod adoption;
mod adversaries;
mod claims;
mod copies;
mod duplicates;
mod echoed_tags;
mod foreign_objects;
mod forged_places;
pub mod hidden_refusals;
mod hidden_tags;
mod lost_adoptions;
pub mod lost_finalizers;
pub mod lost_records;
mod marketplace;
mod mended;
mod recreated;
mod refused_creates;
mod relabelled;
pub mod released;
mod removed_records;
mod renamed_restores;
mod rivals;
mod traces;
mod two_connections;
mod untags;
mod vanished;
