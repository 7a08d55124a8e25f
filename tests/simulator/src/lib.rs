//! NAVER Cloud Sub Account policies and SpaceONE policies, simulated over HTTP on loopback.
//!
//! An oracle for the operator's tests, and therefore independent of it: nothing of the operator is
//! imported here, so the two can disagree.

mod clock;
mod exchange;
mod faults;
mod ids;
mod journal;
pub mod ncloud;
mod server;
pub mod spaceone;
mod streams;
mod sync;

pub use clock::Clock;
pub use faults::{Action, Fault, Faults, Matching, When};
pub use journal::{Collection, Entry, Journal, Operation, System};
