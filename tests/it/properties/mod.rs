//! Properties: what holds for every valid spec, and not only for the ones that somebody thought of.
//!
//! | module | what holds |
//! | --- | --- |
//! | [`specs`] | the generators: what the API server and the operator's own rules accept |
//! | [`admission`] | that they do accept it |
//! | [`ncloud`], [`spaceone`], [`network`] | what is wanted arrives, by any path; the same meaning is no difference |
//! | [`meaning`] | the oracle: what an upstream should hold, written without a line of the operator |
//! | [`answers`] | whatever an upstream answers, failure is not absence and doubt is not success |
//! | [`histories`] | the whole operator: the end depends on the last spec, not on the way to it |
//! | [`planning`] | the decision is total and never writes what it may not; conditions are a function |

mod admission;
mod answers;
mod histories;
mod meaning;
mod ncloud;
mod network;
mod planning;
mod spaceone;
mod specs;
mod upstreams;
