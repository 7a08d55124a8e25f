//! The comments in manifests that allow findings: `# cloud-policy:allow CP104 reason`.
//!
//! A comment at the end of a line is for that line. A comment on a line of its own is for the next line that has more than
//! a comment; if a document begins there, for the whole document.

use super::report::Found;
use super::rules::{MISFORMED_EXCEPTION, UNUSED_EXCEPTION, by_id};
use crate::engine::finding::{Level, Rule};
use crate::manifests::{Input, Object};

/// How a comment begins that allows a finding.
const MARK: &str = "cloud-policy:allow";

/// The exceptions of one input.
pub struct Exceptions<'a> {
    file: &'a str,
    all: Vec<Exception>,
    misformed: Vec<(u64, u64, String)>,
}

/// An exception.
struct Exception {
    rule: &'static Rule,
    /// Where the comment is.
    line: u64,
    column: u64,
    /// The line that it is for.
    target: u64,
    /// Whether it is for the whole document that begins there.
    whole: bool,
    used: bool,
}

impl<'a> Exceptions<'a> {
    /// Reads the exceptions of an input with these objects.
    pub fn read(input: &'a Input, objects: &[&Object]) -> Self {
        let mut read = Self { file: &input.file, all: Vec::new(), misformed: Vec::new() };
        // Most files have none.
        if !input.text.contains(MARK) {
            return read;
        }
        let lines: Vec<&str> = input.text.lines().collect();
        for (at, text) in lines.iter().enumerate() {
            let line = number(at);
            let Some((column, words)) = comment(text) else { continue };
            if !objects.iter().any(|object| object.has_text_on(line, MARK)) {
                let own = text[..column].trim().is_empty();
                let target = if own { next(&lines, at) } else { line };
                let whole = own && objects.iter().any(|object| object.origin.line == target);
                read.take(words, (line, number(text[..column].chars().count())), target, whole);
            }
        }
        read
    }

    fn take(&mut self, words: &str, (line, column): (u64, u64), target: u64, whole: bool) {
        let (id, reason) = words.trim().split_once(char::is_whitespace).unwrap_or((words.trim(), ""));
        let problem = match by_id(id) {
            None => Some("names no rule: write the id of a rule, such as CP101, and a reason".to_owned()),
            Some(rule) if rule.level == Level::Error => {
                Some(format!("cannot allow {id}: it is an error, so correct it"))
            }
            Some(_) if reason.trim().is_empty() => Some(format!("allows {id} without a reason: add why")),
            Some(rule) => {
                self.all.push(Exception { rule, line, column, target, whole, used: false });
                None
            }
        };
        self.misformed.extend(problem.map(|message| (line, column, message)));
    }

    /// Returns whether the input has none, not even a misformed one.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.misformed.is_empty()
    }

    /// Returns whether an exception allows a finding of this input.
    pub fn allows(&mut self, found: &Found) -> bool {
        let fits = |it: &&mut Exception| {
            let place = if it.whole { found.document } else { found.line };
            it.rule.id == found.rule && it.target == place
        };
        let Some(exception) = self.all.iter_mut().find(fits) else { return false };
        exception.used = true;
        true
    }

    /// Returns what is wrong with the exceptions themselves, after all findings were asked for.
    pub fn findings(&self) -> Vec<Found> {
        let found = |rule: &'static Rule, line, column, message| Found {
            file: self.file.to_owned(),
            line,
            column,
            level: rule.level.label(),
            rule: rule.id,
            name: rule.name,
            object: None,
            field: None,
            message,
            document: 0,
        };
        let misformed = self.misformed.iter();
        let misformed = misformed
            .map(|(line, column, text)| found(&MISFORMED_EXCEPTION, *line, *column, format!("this comment {text}")));
        let unused = self.all.iter().filter(|it| !it.used).map(|it| {
            let message = format!("this comment allows {}, and there is no such finding: remove it", it.rule.id);
            found(&UNUSED_EXCEPTION, it.line, it.column, message)
        });
        misformed.chain(unused).collect()
    }
}

/// Returns where a comment begins that allows a finding, in bytes, and the words behind its mark.
fn comment(line: &str) -> Option<(usize, &str)> {
    let mut from = 0;
    while let Some(at) = line[from..].find('#').map(|at| from + at) {
        let begins = at == 0 || line[..at].ends_with([' ', '\t']);
        if let Some(words) = line[at + 1..].trim_start().strip_prefix(MARK).filter(|_| begins) {
            let is_whole = words.is_empty() || words.starts_with(char::is_whitespace);
            return is_whole.then_some((at, words));
        }
        from = at + 1;
    }
    None
}

/// Returns the number of the next line that has more than a comment.
fn next(lines: &[&str], at: usize) -> u64 {
    let is_content = |text: &&str| {
        let text = text.trim();
        !text.is_empty() && !text.starts_with('#') && !text.starts_with("---")
    };
    let skipped = lines[at + 1..].iter().take_while(|text| !is_content(text)).count();
    number(at + 1 + skipped)
}

fn number(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(u64::MAX).saturating_add(1)
}
