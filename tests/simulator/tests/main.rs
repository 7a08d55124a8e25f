//! Tests the simulators over HTTP with a client that shares no code with them or with the operator.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod agrees_with_recordings;
mod client;
mod decisions;
mod faults;
mod ncloud;
mod program;
mod spaceone;
