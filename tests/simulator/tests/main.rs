//! The simulators, asked over HTTP by a client that shares no code with them or with the operator.

mod agrees_with_recordings;
mod client;
mod ncloud_basics;
mod spaceone_basics;
