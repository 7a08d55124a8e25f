//! GitOps: what Argo CD and Flux make of our objects, by the libraries that they use themselves (`tests/gitops`),
//! and what the API server makes of the manifests that we give to their users (`deploy`).

mod chart;
mod cluster;
mod connections;
mod health_oracle;
mod manifests;
mod outcomes;
mod reasons;
mod scenario;
mod tools;
