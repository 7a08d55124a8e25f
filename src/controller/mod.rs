//! The only holder of a `kube::Client`: watches the four kinds and reconciles them.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`settings`] | what the operator was told |
//! | [`wiring`], [`wakes`], [`guard`] | builds and runs the controllers; who wakes whom; panic containment |
//! | [`due`], [`urgency`], [`turns`] | waits until it is an object's turn: how urgent it is, and who goes first |
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

pub mod act;
pub mod backoff;
pub mod case;
pub mod census;
pub mod claims;
pub mod cleanup;
pub mod clock;
pub mod connection;
pub mod connections;
pub mod context;
pub mod credentials;
pub mod due;
pub mod error;
pub mod events;
pub mod failure;
pub mod finalizer;
pub mod gate;
pub mod guard;
pub mod leader;
pub mod ledger;
pub mod look;
pub mod managed;
pub mod orphaning;
pub mod reconcile;
pub mod scope;
pub mod settings;
pub mod shallow;
pub mod status;
pub mod stores;
pub mod turns;
pub mod uninstalling;
pub mod urgency;
pub mod waiting;
pub mod wakes;
pub mod wiring;

pub use error::{Error, Result};
pub use settings::Settings;
pub use waiting::wait_for_crds;
pub use wiring::run;
