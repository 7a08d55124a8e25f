//! GitOps: the health that Argo CD and Flux compute for the operator's objects, with their own libraries
//! (`tests/gitops`), and the manifests in `deploy`, against an API server.

mod actions;
mod chart;
mod cluster;
mod connections;
pub mod health_oracle;
mod manifests;
mod outcomes;
mod reasons;
mod rename;
mod scenario;
mod tools;
