//! Watches the kinds and reconciles their objects. Beside `cli`, only this module holds a `kube::Client`.
//!
//! A module imports only modules on lines below it. Where to find what:
//!
//! | module | contents |
//! | --- | --- |
//! | [`setup`] | builds, starts and stops the controllers |
//! | [`policy`] | the reconcile of a `Policy` or `NetworkPolicy`: observe, plan, apply, delete, report |
//! | [`connection`] | the reconcile of a `Connection` or `ClusterConnection`: read the Secret, probe, report |
//! | [`context`] | what every reconcile is handed |
//! | [`k8s`] | requests to the API server: status, finalizer, events |
//! | [`state`] | what this process remembers: accounts, locks, caches |
//! | [`queue`] | which object is reconciled next: permits, priority, backoff |
//! | [`leader`] | leader election on a Lease, and the fence before every upstream write |
//! | [`kinds`] | what the kinds have in common, and one file for each |
//! | [`settings`], [`clock`], [`error`] | the basis of the others |

pub mod clock;
pub mod connection;
pub mod context;
pub mod error;
pub mod k8s;
pub mod kinds;
pub mod leader;
pub mod policy;
pub mod queue;
pub mod settings;
pub mod setup;
pub mod state;

pub use error::{Error, Result};
pub use settings::Settings;
pub use setup::run;
pub use setup::startup::wait_for_crds;
