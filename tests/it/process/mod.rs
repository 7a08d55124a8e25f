//! The operator as a process: leader election, liveness, shutdown and environment variables.

mod environment;
mod leader;
mod limits;
mod liveness;
mod shutdown;
