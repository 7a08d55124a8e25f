//! Simulates NAVER Cloud Sub Account policies and SpaceONE policies over HTTP on loopback.
//!
//! The crate is an oracle for the operator's tests. It imports nothing of the operator, so the two can
//! disagree. The tests of this crate compare its answers with facts: recorded exchanges with real
//! SpaceONE servers, NAVER Cloud's documented examples, and signature vectors. Where a fact is not
//! known, a switch selects the answer.
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
//! Each simulator serves from its own thread until its handle is dropped.
//!
//! # As a program
//! `cloud-policy-simulator` prints `READY {..}` with the addresses and credentials. It serves until
//! SIGTERM, SIGINT or the end of its standard input. [`admin`] describes its admin port.
//!
//! # Modules
//! `exchange` has the types of a request and its answer. `ncloud` and `spaceone` compute answers from
//! their own state. `fault_proxy` sits between them and the network: it injects faults and writes the
//! journal. `server` speaks HTTP.

pub mod admin;
mod clock;
mod exchange;
mod fault_proxy;
mod faults;
mod ids;
mod journal;
mod lag;
pub mod ncloud;
mod server;
pub mod spaceone;
mod streams;
mod sync;

pub use clock::Clock;
pub use faults::{Action, Decider, Decision, Fault, Faults, Matching, RequestInfo, When};
pub use journal::{Collection, Entry, Journal, Operation, System};
pub use lag::Lag;
