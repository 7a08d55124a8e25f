//! Drift: how it is reported and corrected, when the operator stops, and how little an idle operator reads.

mod access;
mod attached_to;
mod equal_access;
mod fields;
mod fights;
mod foreign_keys;
mod idle;
mod ineffective;
mod narrowing;
mod snapshots;
mod taken_back;
mod widening;
