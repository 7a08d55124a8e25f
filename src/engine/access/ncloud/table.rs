//! Finds which of many statements have a pattern that matches a text.

use crate::engine::access::change::Undecided;
use crate::engine::access::step_limit::StepLimit;
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

/// Statements by their number, in ascending order.
pub type Numbers = Vec<usize>;

/// Returns the numbers that are in both.
pub fn common(some: &Numbers, others: &Numbers, steps: &StepLimit) -> Result<Numbers, Undecided> {
    let (short, long) = if some.len() < others.len() { (some, others) } else { (others, some) };
    steps.spend(1 + short.len())?;
    Ok(short.iter().copied().filter(|number| long.binary_search(number).is_ok()).collect())
}

/// The patterns of one dimension, each with the statements that have it. Each is looked up once for a text.
pub struct Table<'p> {
    /// Texts without `*`.
    exact: HashMap<Cow<'p, str>, Numbers>,
    patterns: HashMap<Cow<'p, str>, Numbers>,
    known: HashMap<String, Rc<Numbers>>,
}

impl<'p> Table<'p> {
    /// Returns the table of the patterns of statements.
    pub fn new(patterns: impl Iterator<Item = (usize, Cow<'p, str>)>) -> Self {
        let mut table = Self { exact: HashMap::new(), patterns: HashMap::new(), known: HashMap::new() };
        for (number, pattern) in patterns {
            let side = if pattern.contains('*') { &mut table.patterns } else { &mut table.exact };
            side.entry(pattern).or_default().push(number);
        }
        table
    }

    /// Returns the statements with a pattern that matches the text.
    pub fn matching(
        &mut self,
        text: String,
        is_match: impl Fn(&str, &str) -> (bool, usize),
        steps: &StepLimit,
    ) -> Result<Rc<Numbers>, Undecided> {
        if let Some(known) = self.known.get(&text) {
            return Ok(Rc::clone(known));
        }
        let mut found = self.exact.get(text.as_str()).cloned().unwrap_or_default();
        for (pattern, numbers) in &self.patterns {
            let (matched, taken) = is_match(pattern, &text);
            steps.spend(taken)?;
            if matched {
                found.extend(numbers);
            }
        }
        steps.spend(4 * found.len())?;
        found.sort_unstable();
        found.dedup();
        let found = Rc::new(found);
        self.known.insert(text, Rc::clone(&found));
        Ok(found)
    }
}
