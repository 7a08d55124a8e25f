//! The operator as a process: leader election, shutdown and environment variables.

mod environment;
mod leader;
mod limits;
mod shutdown;
