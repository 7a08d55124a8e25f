//! The only holder of a `kube::Client`.

pub mod leader;
