//! What a change of grants gives and takes, for people who review it before it happens.
//!
//! Both directions have a witness: one concrete request. Beside it stand the parts of the new policy that grant something
//! which the old one does not, and the reverse: one line for each product and its actions, or for each permission.

use super::change::{Change, Finding, Undecided, shortened};
use super::guardrails::Grants;
use super::ncloud::{Permission, Target};
use super::step_limit::STEPS;
use super::{ncloud, spaceone};

/// How many parts of a policy a review shows in each direction.
pub const SHOWN_PARTS: usize = 20;

/// How many parts are compared one by one. Beyond that only the witness is shown.
const COMPARED_PARTS: usize = 200;

/// The steps of one part. What takes more is shown: all parts together take no longer than one comparison.
const PART_STEPS: usize = STEPS / COMPARED_PARTS;

/// How many actions or resources of one part are shown.
const SHOWN_NAMES: usize = 5;

/// One direction of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Side {
    /// A request that has more access after the change, or less.
    pub witness: Option<String>,
    /// Why it is not known whether there is one.
    pub undecided: Option<Undecided>,
    /// The parts of the policy that make the difference.
    pub parts: Vec<String>,
    /// How many further parts there are.
    pub more: usize,
}

impl Side {
    /// Returns whether some request may be concerned. What is undecided may.
    #[must_use]
    pub fn is_some(&self) -> bool {
        self.witness.is_some() || self.undecided.is_some()
    }
}

/// What a change of grants gives and takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// Both directions together.
    pub change: Change,
    /// What is granted that was not.
    pub granted: Side,
    /// What is not granted any more.
    pub revoked: Side,
}

impl Effects {
    /// Compares two policies of one provider. Policies of different ones are undecided.
    #[must_use]
    pub fn between(old: &Grants<'_>, new: &Grants<'_>) -> Self {
        let comparison = match (old, new) {
            (Grants::Ncloud(old), Grants::Ncloud(new)) => {
                let found = ncloud::compare(old, new);
                (found.change(), side(&found.granted), side(&found.revoked))
            }
            (Grants::Spaceone(old), Grants::Spaceone(new)) => {
                let found = spaceone::compare(old, new);
                (found.change(), side(&found.granted), side(&found.revoked))
            }
            (Grants::Nothing, Grants::Nothing) => return Self::default(),
            (Grants::Nothing, Grants::Ncloud(_)) => return Self::between(&Grants::Ncloud(Vec::new()), new),
            (Grants::Ncloud(_), Grants::Nothing) => return Self::between(old, &Grants::Ncloud(Vec::new())),
            (Grants::Nothing, Grants::Spaceone(_)) => return Self::between(&Grants::Spaceone(&[]), new),
            (Grants::Spaceone(_), Grants::Nothing) => return Self::between(old, &Grants::Spaceone(&[])),
            (Grants::Ncloud(_), Grants::Spaceone(_)) | (Grants::Spaceone(_), Grants::Ncloud(_)) => {
                let unknown = || Side { undecided: Some(Undecided::Pattern), ..Side::default() };
                return Self { change: Change::Unknown, granted: unknown(), revoked: unknown() };
            }
        };
        let (change, mut granted, mut revoked) = comparison;
        if granted.is_some() {
            show(&mut granted, parts(old, new));
        }
        if revoked.is_some() {
            show(&mut revoked, parts(new, old));
        }
        Self { change, granted, revoked }
    }

    /// Returns the effects of which only the change is known.
    #[must_use]
    pub fn of_change(change: Change, witness_of_revoked: Option<String>) -> Self {
        let revoked = Side { witness: witness_of_revoked, ..Side::default() };
        Self { change, granted: Side::default(), revoked }
    }
}

fn side<W: ToString>(found: &Finding<W>) -> Side {
    match found {
        Finding::Nothing => Side::default(),
        Finding::Witness(request) => Side { witness: Some(shortened(&request.to_string())), ..Side::default() },
        Finding::Undecided(reason) => Side { undecided: Some(*reason), ..Side::default() },
    }
}

fn show(side: &mut Side, mut parts: Vec<String>) {
    parts.dedup();
    side.more = parts.len().saturating_sub(SHOWN_PARTS);
    parts.truncate(SHOWN_PARTS);
    side.parts = parts;
}

/// Returns the parts of `more` that make the difference to `less`: those that grant what `less` does not, and the
/// denials of `less` that `more` lacks.
fn parts(less: &Grants<'_>, more: &Grants<'_>) -> Vec<String> {
    match (less, more) {
        (Grants::Spaceone(less), Grants::Spaceone(more)) => {
            let fresh = more.iter().filter(|permission| !less.contains(permission)).take(COMPARED_PARTS);
            let is_beyond = |permission: &&String| {
                spaceone::compare_within(PART_STEPS, less, std::slice::from_ref(*permission)).may_widen()
            };
            fresh.filter(is_beyond).map(|permission| shortened(permission)).collect()
        }
        (Grants::Ncloud(less), Grants::Ncloud(more)) => {
            let allows = targets(more, false).filter(|part| !targets(less, false).any(|other| other == *part));
            let is_beyond = |part: &Part<'_>| part.is_beyond(less, PART_STEPS);
            let denials = targets(less, true).filter(|part| !targets(more, true).any(|other| other == *part));
            let allows = allows.take(COMPARED_PARTS).filter(is_beyond).map(|part| part.beyond(less));
            let lost = |part: Part<'_>| format!("no denial of {}", part.shown(part.target.actions));
            allows.chain(denials.take(COMPARED_PARTS).map(lost)).collect()
        }
        _ => Vec::new(),
    }
}

/// One target of a permission, with its condition.
#[derive(Clone, Copy, PartialEq)]
struct Part<'a> {
    target: Target<'a>,
    condition: Option<&'a ncloud::Condition>,
}

fn targets<'a>(permissions: &'a [Permission<'a>], denies: bool) -> impl Iterator<Item = Part<'a>> {
    let of_effect = permissions.iter().filter(move |permission| permission.denies == denies);
    of_effect.flat_map(|permission| {
        permission.targets.iter().map(|target| Part { target: *target, condition: permission.condition })
    })
}

impl Part<'_> {
    /// Returns whether the part may grant what `less` does not.
    fn is_beyond(&self, less: &[Permission<'_>], steps: usize) -> bool {
        let alone = Permission { denies: false, targets: vec![self.target], condition: self.condition };
        ncloud::compare_within(steps, less, &[alone]).may_widen()
    }

    /// Returns the part with those of its actions that may grant what `less` does not.
    fn beyond(&self, less: &[Permission<'_>]) -> String {
        let Target { actions, .. } = self.target;
        let steps = PART_STEPS / actions.len().max(1);
        let alone = |action| Part { target: Target { actions: std::slice::from_ref(action), ..self.target }, ..*self };
        let found: Vec<String> =
            actions.iter().filter(|action| alone(*action).is_beyond(less, steps)).cloned().collect();
        // Only together they grant more, or each takes too long.
        self.shown(if found.is_empty() { actions } else { &found })
    }

    fn shown(&self, actions: &[String]) -> String {
        let Target { product, resources, .. } = self.target;
        let text = shortened(&format!("{product} {} on {}", some(actions), some(resources)));
        if self.condition.is_some() { text + " under a condition" } else { text }
    }
}

fn some(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN_NAMES).map(String::as_str).collect();
    let more = names.len().saturating_sub(SHOWN_NAMES);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn effects_of_one_more_permission_show_it_and_a_witness() {
        let (old, new) = (texts(&["inventory.*"]), texts(&["inventory.*", "identity.User.*", "inventory.Server.get"]));
        let found = Effects::between(&Grants::Spaceone(&old), &Grants::Spaceone(&new));
        assert_eq!((found.change, found.granted.parts.clone()), (Change::Wider, texts(&["identity.User.*"])));
        assert!(found.granted.witness.is_some_and(|request| request.starts_with("identity.User.")));
        assert_eq!(found.revoked, Side::default());
        let back = Effects::between(&Grants::Spaceone(&new), &Grants::Spaceone(&old));
        assert_eq!((back.change, back.revoked.parts), (Change::Narrower, texts(&["identity.User.*"])));
    }

    #[test]
    fn effects_show_targets_and_lost_denials() {
        let (view, change, all) = (texts(&["View*"]), texts(&["Change*"]), texts(&["*"]));
        let allow = |actions| Permission {
            denies: false,
            targets: vec![Target { product: "Server", actions, resources: &all }],
            condition: None,
        };
        let deny = Permission { denies: true, ..allow(&change) };
        let old = Grants::Ncloud(vec![allow(&all), deny]);
        let new = Grants::Ncloud(vec![allow(&all)]);
        let found = Effects::between(&old, &new);
        assert_eq!(found.change, Change::Wider);
        assert_eq!(found.granted.parts, ["no denial of Server Change* on *"]);
        let found = Effects::between(&Grants::Nothing, &Grants::Ncloud(vec![allow(&view)]));
        assert_eq!((found.change, found.granted.parts), (Change::Wider, texts(&["Server View* on *"])));
        let both = Effects::between(&Grants::Ncloud(vec![allow(&view)]), &Grants::Ncloud(vec![allow(&change)]));
        assert_eq!(both.change, Change::Both);
        assert_eq!(
            (both.granted.parts, both.revoked.parts),
            (texts(&["Server Change* on *"]), texts(&["Server View* on *"]))
        );
    }

    #[test]
    fn effects_show_the_actions_that_make_the_difference() {
        let (all, fewer, some) =
            (texts(&["View/a", "View/b", "Change/c"]), texts(&["View/a", "View/b"]), texts(&["*"]));
        let allow = |actions| {
            let targets = vec![Target { product: "Server", actions, resources: &some }];
            Grants::Ncloud(vec![Permission { denies: false, targets, condition: None }])
        };
        let found = Effects::between(&allow(&all), &allow(&fewer));
        assert_eq!(found.revoked.parts, ["Server Change/c on *"]);
        assert_eq!(Effects::between(&allow(&fewer), &allow(&all)).granted.parts, ["Server Change/c on *"]);
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        let many: Vec<String> = (0..SHOWN_PARTS + 7).map(|at| format!("inventory.Server.v{at}")).collect();
        let found = Effects::between(&Grants::Nothing, &Grants::Spaceone(&many));
        assert_eq!((found.granted.parts.len(), found.granted.more), (SHOWN_PARTS, 7));
    }
}
