//! Names what a plan does with an object, for people who read it before it happens.
//!
//! **Place.** Pure, beside [`plan`](super::plan): the decision itself stays there, and this module only names it. The
//! requests that follow are not guessed here: a rehearsal of the collection's own functions records them.

use super::Diff;
use super::outcome::Outcome;
use super::plan::{Acquire, Existing, Plan, Step, TagOwner};
use serde::Serialize;

/// What the operator does with an upstream object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Create it.
    Create,
    /// Change fields in place.
    Update,
    /// Make an existing object ours: write the owner tag, and what differs.
    Adopt,
    /// Delete it and create it again.
    Recreate,
    /// Delete it.
    Delete,
    /// Leave it in place without an owner.
    Orphan,
    /// Write nothing: it is as wanted, or a policy of the spec forbids a write.
    Nothing,
    /// Write nothing until a human acts.
    Blocked,
}

impl Action {
    /// Returns its value in every output.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Adopt => "adopt",
            Self::Recreate => "recreate",
            Self::Delete => "delete",
            Self::Orphan => "orphan",
            Self::Nothing => "nothing",
            Self::Blocked => "blocked",
        }
    }

    /// Returns whether the operator writes upstream, or lets an object go.
    #[must_use]
    pub fn changes(self) -> bool {
        match self {
            Self::Create | Self::Update | Self::Adopt | Self::Recreate | Self::Delete | Self::Orphan => true,
            Self::Nothing | Self::Blocked => false,
        }
    }
}

/// Returns the action of a plan, and what people are told of it besides.
#[must_use]
pub fn of(plan: &Plan) -> (Action, Option<String>) {
    match plan {
        Plan::Create => (Action::Create, None),
        Plan::Wait => (Action::Nothing, Some("A create in flight may still take effect.".to_owned())),
        Plan::Recheck(_) => (Action::Nothing, Some("The upstream may not show the last write yet.".to_owned())),
        Plan::Report { observed, why } => {
            let diff = observed.as_ref().map(|observed| observed.diff.clone());
            let is_equal = diff.as_ref().is_some_and(Diff::is_empty);
            (Action::Nothing, (!is_equal).then(|| Outcome::reported(diff, *why).message))
        }
        Plan::Yield(rival) => (Action::Blocked, Some(rival.message())),
        Plan::Duplicate { ids, .. } => (Action::Blocked, Some(Outcome::duplicate(ids).message)),
        Plan::Refuse(refusal) => (Action::Blocked, Some(refusal.message())),
        Plan::Existing(existing) => of_existing(existing),
    }
}

fn of_existing(existing: &Existing) -> (Action, Option<String>) {
    let Existing { observed, acquire, tag, step } = existing;
    let tags = *tag == TagOwner::Needed;
    let kept = if *acquire == Some(Acquire::Adopt) || tags { Action::Adopt } else { Action::Nothing };
    match step {
        Step::Recreate { .. } => (Action::Recreate, None),
        Step::Update { diff, .. } => {
            let action = if kept == Action::Adopt { kept } else { Action::Update };
            let is_partial = diff.fields.len() < observed.diff.fields.len() && observed.diff.needs_recreate();
            (action, is_partial.then(|| Outcome::not_applied(observed.diff.clone()).message))
        }
        Step::NotApplied(diff) => (Action::Blocked, Some(Outcome::not_applied(diff.clone()).message)),
        Step::DriftFight { diff, over } => (Action::Blocked, Some(Outcome::drift_fight(diff.clone(), over).message)),
        Step::None if observed.diff.is_empty() => (kept, None),
        Step::None => (kept, Some(format!("The upstream differs at {}; it stays so.", observed.diff.summary()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::plan::{Refusal, ReportOnly};
    use crate::engine::{Cause, Details, Observation, Ownership, Remedy};

    fn observed(remedies: &[Remedy]) -> Observation {
        let mut diff = Diff::default();
        for (at, remedy) in remedies.iter().enumerate() {
            diff.compare(&format!("spec.f{at}"), &1, &2, *remedy);
        }
        Observation { id: "x".to_owned(), owner: Ownership::Ours, diff, details: Details::default() }
    }

    fn existing(acquire: Option<Acquire>, tag: TagOwner, step: Step, remedies: &[Remedy]) -> Action {
        of(&Plan::Existing(Existing { observed: observed(remedies), acquire, tag, step })).0
    }

    #[test]
    fn action_tells_acquisition_before_content() {
        let update = || Step::Update { diff: observed(&[Remedy::Update]).diff, cause: Cause::Spec };
        let (needed, not) = (TagOwner::Needed, TagOwner::NotNeeded);
        assert_eq!(existing(None, not, Step::None, &[]), Action::Nothing);
        assert_eq!(existing(Some(Acquire::Recover), not, Step::None, &[]), Action::Nothing, "nothing is written");
        assert_eq!(existing(Some(Acquire::Recover), needed, Step::None, &[]), Action::Adopt, "the owner tag is");
        assert_eq!(existing(Some(Acquire::Adopt), needed, update(), &[Remedy::Update]), Action::Adopt);
        assert_eq!(existing(None, not, update(), &[Remedy::Update]), Action::Update);
    }

    #[test]
    fn action_of_stuck_object_is_blocked() {
        let stuck = observed(&[Remedy::Recreate]).diff;
        assert_eq!(existing(None, TagOwner::NotNeeded, Step::NotApplied(stuck), &[Remedy::Recreate]), Action::Blocked);
        let refused = Plan::Refuse(Refusal::Reserved { id: "x".to_owned() });
        assert_eq!(of(&refused).0, Action::Blocked);
    }

    #[test]
    fn reported_difference_is_told_and_equality_is_not() {
        let report =
            |remedies: &[Remedy]| of(&Plan::Report { observed: Some(observed(remedies)), why: ReportOnly::Observe });
        assert_eq!(report(&[]), (Action::Nothing, None));
        assert!(report(&[Remedy::Update]).1.is_some_and(|note| note.contains("spec.f0")));
    }

    #[test]
    fn partial_update_tells_the_fields_that_stay() {
        let remedies = [Remedy::Update, Remedy::Recreate];
        let step = Step::Update { diff: observed(&remedies[..1]).diff, cause: Cause::Spec };
        let plan =
            Plan::Existing(Existing { observed: observed(&remedies), acquire: None, tag: TagOwner::NotNeeded, step });
        let (action, note) = of(&plan);
        assert_eq!(action, Action::Update);
        assert!(note.is_some_and(|note| note.contains("cannot change")));
    }
}
