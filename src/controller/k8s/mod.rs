//! K8S

pub mod depth_limit;
pub mod events;
pub mod finalizer;
pub mod namespaces;
pub mod status;
