//! The integration tests: one binary, so that one control plane serves the whole run.
//!
//! | module | tests |
//! | --- | --- |
//! | [`support`] | none; a test's environment, manifests and helpers that several modules use |
//! | [`lifecycle`] | create, update, suspend and delete of each upstream resource, and lost responses |
//! | [`deletion`] | deletion from status, in every order, and the limit on mass deletion |
//! | [`drift`] | reporting and correcting drift, drift fights, and an idle operator |
//! | [`ownership`] | adoption, owner tags, duplicates, and objects of other owners |
//! | [`connections`] | changes of connections, and connections that are unusable |
//! | [`limits`] | priorities, rate limit, circuit breaker, quota, and the leader's fence |
//! | [`process`] | leader election, shutdown, environment variables |
//! | [`upstream`] | the upstream clients, without Kubernetes |
//! | [`appliers`] | `kubectl apply`, server-side apply, Argo CD and Flux, and several writers of one object |
//! | [`guardrails`] | what no object of a connection may grant |
//! | [`approvals`] | changes that grant more wait for an approval |
//! | [`plan`] | what `cloud-policy plan` shows before manifests are applied |
//! | [`lint`] | what `cloud-policy lint` finds in manifests |
//! | [`admission`] | validation by the API server |
//! | [`security`] | permissions, secrets, addresses, tenants, hostile objects and upstreams |
//! | [`faults`] | fault sweeps: every fault at every step of each scenario |
//! | [`properties`] | properties that hold for every valid spec |
//! | [`observability`] | metrics, alerts, dashboard, audit log, traces |
//! | [`packaging`] | chart, image, publishing, signatures, versions, samples |
//! | [`export`] | `cloud-policy export`: what exists, as manifests that change nothing |
//! | [`review`] | `cloud-policy report`: who has access, complete or not at all |
//! | [`gitops`] | health as Argo CD and Flux compute it |
//! | [`docs`] | commands, tables and manifests in the documentation |
//! | [`architecture`] | which module may import which |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says that something is wrong by panicking"
)]

mod admission;
mod appliers;
mod approvals;
mod architecture;
mod connections;
mod deletion;
mod docs;
mod drift;
mod export;
mod faults;
mod gitops;
mod guardrails;
mod lifecycle;
mod limits;
mod lint;
mod observability;
mod ownership;
mod packaging;
mod plan;
mod process;
mod properties;
mod review;
mod security;
mod support;
mod upstream;
