//! KINDS

pub mod connection;
pub mod managed;
