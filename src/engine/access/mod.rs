//! The algebra of access: what one policy grants that another does not.
//!
//! **Place.** An inner room of the engine, and pure: no client, no clock, no await, no import of a sibling. Everything
//! that has to know whether a change widens or narrows access asks here: the comparison of drift, its status, events
//! and metrics, and the rule that wider access is never conceded.
//!
//! **Types.** A policy gives every request an [`ncloud::Effect`]: it denies, says nothing, or allows. The three are
//! ordered, because a denial also takes away what other policies allow. [`ncloud::compare`] and [`spaceone::compare`]
//! return a [`Comparison`]: what the new policy gives a request beyond the old one, and the reverse. Each direction is
//! a [`Finding`]: nothing, a witness (a concrete request), or undecided with the reason. [`Comparison::change`] puts
//! both together as one [`Change`].
//!
//! [`guardrails`] judges what an object would grant by the upper bound that its connection sets.
//!
//! **Contract.**
//! - *Nothing* is a proof over all requests, not only over those that exist today.
//! - A witness is a request that the policy with more treats better than the other one, in every way of reading what
//!   the upstream does not document.
//! - Whatever is not known is `Undecided`: never a guess. A caller that protects takes it for more access.
//! - The work is bounded by [`step_limit`] in steps, so the worst input ends within a second, as `Undecided`.
//!
//! **Why no library.** `regex-automata` builds the automaton of one whole language, which for thousands of patterns is
//! what must be avoided here, and has no inclusion; no kept crate has one. Patterns with only `*` need no automaton at
//! all ([`glob`]); those of `SpaceONE` need a search of one page ([`spaceone`]).

mod change;
#[cfg(test)]
mod dice;
pub mod effects;
pub mod glob;
pub mod guardrails;
pub mod ncloud;
pub mod spaceone;
mod step_limit;
pub mod wildcard;

pub use change::{Change, Comparison, Finding, Undecided};
