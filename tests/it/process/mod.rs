//! The operator as a process: leader election, liveness, shutdown and environment variables.

mod api_outage;
mod environment;
mod forward_proxy;
mod leader;
mod limits;
mod liveness;
mod replica;
mod shutdown;
mod standby;
