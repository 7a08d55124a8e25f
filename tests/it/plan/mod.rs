//! `cloud-policy plan`: the program that users run, against simulators, without a cluster.
//!
//! | module | tests |
//! | --- | --- |
//! | [`setup`] | none; a folder of manifests, simulators, and a run of the program |
//! | [`actions`] | what is planned for each state, and that nothing is written |
//! | [`inputs`] | files, folders, standard input, and what is wrong with them |
//! | [`agrees`] | what is planned is what the operator writes |
//! | [`page`], [`pipelines`] | the page and the files for pipelines, followed literally |
//! | [`outputs`] | each format, its limits and its exit code |
//! | [`git`] | the files of a repository against an earlier commit |
//! | [`cluster`] | manifests against the objects of a real API server |

mod actions;
pub mod agrees;
mod cluster;
mod git;
mod inputs;
mod outputs;
pub mod page;
mod pipelines;
pub mod setup;
mod terminal;
