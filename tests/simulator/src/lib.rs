//! NAVER Cloud Sub Account policies and SpaceONE policies, simulated over HTTP on loopback.
//!
//! An oracle for the operator's tests, and therefore independent of it: nothing of the operator is
//! imported here, so the two can disagree. What the simulators answer is held to facts: recorded
//! exchanges with real SpaceONE servers, NAVER Cloud's documented examples, and signature vectors.
//! Where a fact is not settled, a switch gives either answer.
//!
//! # In a test
//! ```
//! # async fn example() -> std::io::Result<()> {
//! use cloud_policy_simulator::ncloud::{Ncloud, Options};
//! use cloud_policy_simulator::{Action, Fault, Operation};
//!
//! let server = Ncloud::start(Options::default()).await?;
//! server.faults().add(Fault::on(Operation::Create).after(Action::Reset));
//! // ... let the code under test create a policy at server.url() ...
//! assert_eq!(server.journal().effects(Operation::Create), server.policies().len());
//! # Ok(()) }
//! ```
//! Each simulator serves from a thread of its own until its handle is dropped.
//!
//! # As a program
//! `cloud-policy-simulator` prints `READY {..}` with the addresses and credentials and serves until
//! SIGTERM, SIGINT or the end of its standard input; [`admin`] describes its admin port.
//!
//! # Map
//! `exchange` is one request and one answer; `ncloud` and `spaceone` decide answers over their own
//! state; `desk` stands between them and the network with faults and journal; `server` speaks HTTP.

pub mod admin;
mod clock;
mod desk;
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
pub use faults::{Action, Cue, Director, Fault, Faults, Matching, Subject, When};
pub use journal::{Collection, Entry, Journal, Operation, System};
