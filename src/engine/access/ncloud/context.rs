//! Searches for values of condition keys: some clauses hold, and of each of the other conditions one clause does not.
//!
//! Each clause is about one key, so the keys are independent: for each key the search keeps the values that are still
//! possible. Enough values are tried: those that occur, one for each pattern, one that no clause mentions, and none.

use super::condition::{Clause, Operator};
use super::interpretation::Interpretation;
use crate::engine::access::change::Undecided;
use crate::engine::access::glob;
use crate::engine::access::step_limit::StepLimit;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The values of condition keys.
pub type Context = BTreeMap<String, String>;

/// How many different conditions are avoided at once: the search recurses for each.
const MOST_CONDITIONS: usize = 500;

/// The steps of taking one value into account.
const VALUE_STEPS: usize = 8;

/// Solves in one interpretation.
pub struct Solver<'b> {
    pub interpretation: Interpretation,
    pub steps: &'b StepLimit,
}

/// What is still possible.
#[derive(Clone, Default)]
struct Possible<'a> {
    keys: BTreeMap<&'a str, Rc<Values>>,
    /// Whether clauses that are not understood hold, as far as it was chosen.
    opaque: BTreeMap<&'a Clause<'a>, bool>,
}

/// The values of a key that are still possible.
#[derive(Clone)]
struct Values {
    left: Vec<Option<String>>,
    /// How many clauses with patterns must match the value. Of two, a common value may not be among those tried.
    patterns: usize,
}

impl Solver<'_> {
    /// Finds values for which all clauses of `base` hold, and not all clauses of any of `others`. `None` if there are
    /// none; undecided if they depend on a clause that is not understood.
    pub fn solve<'a>(
        &self,
        base: &'a [Clause<'a>],
        others: Vec<&'a [Clause<'a>]>,
    ) -> Result<Option<Context>, Undecided> {
        if base.is_empty() && others.is_empty() {
            return Ok(Some(Context::new()));
        }
        let others: BTreeSet<&[Clause<'a>]> = others.into_iter().collect();
        if others.contains(base) || others.contains(&[][..]) {
            return Ok(None);
        }
        if others.len() > MOST_CONDITIONS {
            return Err(Undecided::TooLarge);
        }
        let others: Vec<&[Clause<'a>]> = others.into_iter().collect();
        for certain in [true, false] {
            let Some(possible) = self.start(base, &others, certain)? else { continue };
            if let Some(found) = self.avoid(possible, &others, certain)? {
                return if certain { Ok(Some(found.context())) } else { Err(Undecided::Condition) };
            }
        }
        Ok(None)
    }

    /// Returns what the clauses of `base` leave possible.
    fn start<'a>(
        &self,
        base: &'a [Clause<'a>],
        others: &[&'a [Clause<'a>]],
        certain: bool,
    ) -> Result<Option<Possible<'a>>, Undecided> {
        let all = || base.iter().chain(others.iter().copied().flatten());
        self.steps.spend(VALUE_STEPS * all().map(|clause| clause.values.len()).sum::<usize>())?;
        let mut possible = Possible { keys: values(all())?, ..Possible::default() };
        for clause in base {
            let Some(next) = self.choose(&possible, clause, true, certain)? else { return Ok(None) };
            possible = next;
        }
        Ok(Some(possible))
    }

    /// Chooses for each of `others` a clause that does not hold.
    fn avoid<'a>(
        &self,
        possible: Possible<'a>,
        others: &[&'a [Clause<'a>]],
        certain: bool,
    ) -> Result<Option<Possible<'a>>, Undecided> {
        let Some((first, rest)) = others.split_first() else { return Ok(Some(possible)) };
        for clause in *first {
            let Some(next) = self.choose(&possible, clause, false, certain)? else { continue };
            if let Some(found) = self.avoid(next, rest, certain)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Returns what stays possible if the clause holds, or does not; `None` if nothing does. To be certain, a clause
    /// that is not understood can be neither.
    fn choose<'a>(
        &self,
        possible: &Possible<'a>,
        clause: &'a Clause<'a>,
        holds: bool,
        certain: bool,
    ) -> Result<Option<Possible<'a>>, Undecided> {
        if clause.is_opaque() {
            let agrees = possible.opaque.get(clause).is_none_or(|chosen| *chosen == holds);
            let mut next = possible.clone();
            next.opaque.insert(clause, holds);
            return Ok((!certain && agrees).then_some(next));
        }
        let Some(values) = possible.keys.get(clause.key) else { return Ok(None) };
        self.steps.spend(values.left.len() * clause.values.len() + possible.keys.len())?;
        let mut next = Values::clone(values);
        next.left.retain(|value| clause.holds(value.as_deref(), self.interpretation.absent_passes_not, false) == holds);
        next.patterns += usize::from(clause.has_star() && holds != clause.is_negated());
        if next.left.is_empty() {
            return if next.patterns > 1 { Err(Undecided::Condition) } else { Ok(None) };
        }
        let mut possible = possible.clone();
        possible.keys.insert(clause.key, Rc::new(next));
        Ok(Some(possible))
    }
}

impl Possible<'_> {
    fn context(&self) -> Context {
        let first = |values: &Rc<Values>| values.left.first().cloned().flatten();
        self.keys.iter().filter_map(|(key, values)| Some(((*key).to_owned(), first(values)?))).collect()
    }
}

/// Returns the values to try for each key.
fn values<'a>(clauses: impl Iterator<Item = &'a Clause<'a>>) -> Result<BTreeMap<&'a str, Rc<Values>>, Undecided> {
    let mut texts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for clause in clauses {
        match clause.operator {
            Operator::Equals { .. } | Operator::Like { .. } => {
                texts.entry(clause.key).or_default().extend(&clause.values);
            }
            Operator::Opaque(_) => {}
        }
    }
    let tried = |texts: BTreeSet<&str>| {
        let letter = glob::unused_letter(texts.iter().copied()).ok_or(Undecided::TooLarge)?.to_string();
        let unmentioned = [Some(letter.clone()), None];
        let left = texts.iter().map(|text| Some(glob::fill(text, &letter))).chain(unmentioned).collect();
        Ok(Rc::new(Values { left, patterns: 0 }))
    };
    texts.into_iter().map(|(key, texts)| Ok((key, tried(texts)?))).collect()
}
