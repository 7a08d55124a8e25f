//! Starts and stops the real servers that the tests and the demo need.
//!
//! | part | item |
//! | --- | --- |
//! | a real Kubernetes API server, found or started once per process | [`ControlPlane`] |
//! | a separate namespace for each test | [`TestNamespace`] |
//! | custom resource definitions, applied and established | [`install_crds`], [`apply_crds`] |
//! | the real `SpaceONE` servers | [`Spaceone`] |
//! | a program that must not outlive the process that started it | [`Launch`], [`Child`] |
//! | waiting with a time limit | [`wait_for`] |
//! | properties of generated values | [`holds_for`] |
//!
//! This crate does not depend on the operator, so cargo builds both at the same time. When a server
//! cannot start, the error says what to install. No test is skipped for that reason.
//!
//! A started program ends with the process that started it, also after a failed test, Ctrl-C or
//! SIGKILL: see `lifeline.sh`. Set `CLOUD_POLICY_TESTBED_KEEP` to keep the directories with logs and
//! data.

#![forbid(unsafe_code)]

mod assets;
mod child;
mod control_plane;
mod crds;
mod discovery;
mod launch;
mod namespace;
mod paths;
mod property;
mod spaceone;
mod wait;

pub use child::Child;
pub use control_plane::ControlPlane;
pub use crds::{apply_crds, install_crds};
pub use launch::Launch;
pub use namespace::TestNamespace;
pub use paths::repository;
pub use property::{holds_for, pick};
pub use spaceone::{Era, Spaceone, SpaceoneEnv};
pub use wait::{wait_for, wait_until};
