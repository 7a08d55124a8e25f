//! The only holder of a `kube::Client`: watches the four kinds and reconciles them.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`settings`] | what the operator was told |
//! | [`wiring`], [`wakes`], [`guard`] | builds and runs the controllers; who wakes whom; panic containment |
//! | [`due`], [`priority`], [`turns`] | waits until it is an object's turn: how urgent it is, and who goes first |
//! | [`reconcile`] | one policy object, from guard to status |
//! | [`look`] | from afar, by a list that all objects share, or closely |
//! | [`act`] | carries out a plan: the create protocol, update, recreate, adoption |
//! | [`claims`] | several objects that claim the same upstream object |
//! | [`cleanup`], [`orphaning`], [`gate`] | deletion; what is left upstream, and why; what holds back a mass of them |
//! | [`uninstalling`] | whether the kind itself is going, and its objects must not be deleted upstream |
//! | [`failure`] | what a failed upstream call means for the object, and for its connection |
//! | [`case`], [`status`], [`ledger`] | one object in one reconcile: its status; how status is written; its upstream writes |
//! | [`managed`], [`scope`], [`stores`] | what the policy kinds have in common; which objects; where they are kept |
//! | [`connection`], [`connections`], [`credentials`] | reconciles connections, keeps the open accounts, reads Secrets |
//! | [`shallow`] | keeps one object's depth from hiding all others |
//! | [`census`] | the gauges of objects by reason |
//! | [`waiting`] | waits at the start for what the operator cannot do without |
//! | [`leader`] | the Lease, and the fence before every upstream write |

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
