//! The output for a comment on a pull request: one table, one row for each object that changes.

use super::{access, counts, is_quiet, notes, origin, quiet, text::failed, users};
use crate::engine::actions::Action;
use crate::plan::report::{Field, Planned, Report};
use std::fmt::Write as _;

/// Begins every comment, so that a bot finds its own one and edits it.
pub const MARKER: &str = "<!-- cloud-policy plan -->";

/// The most bytes of a comment. GitHub permits 65,536 characters.
const LONGEST: usize = 60_000;

/// How many fields of one object are shown.
const SHOWN_FIELDS: usize = 8;

/// The most characters of one cell.
const LONGEST_CELL: usize = 2_000;

/// Returns the report as Markdown, of at most 60 kB.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut out = format!("{MARKER}\n### cloud-policy plan: {}\n\n", counts(&report.summary));
    if is_quiet(report) {
        let _ = writeln!(out, "{}", quiet(report));
    }
    let shown: Vec<&Planned> =
        report.objects.iter().filter(|it| it.action != Action::Nothing || it.message.is_some()).collect();
    if !shown.is_empty() {
        out.push_str("| | object | file | change | access |\n| --- | --- | --- | --- | --- |\n");
        append(&mut out, shown.iter().map(|planned| row(planned)), "objects");
    }
    if !report.failures.is_empty() {
        out.push_str("\n**The plan is not complete.** Something could not be read or decided:\n\n");
        append(&mut out, report.failures.iter().map(|it| format!("- {}\n", cell(&failed(it)))), "failures");
    }
    out
}

/// Adds lines as long as there is room, and then how many are left.
fn append(out: &mut String, lines: impl ExactSizeIterator<Item = String>, what: &str) {
    let count = lines.len();
    for (at, line) in lines.enumerate() {
        if out.len() + line.len() > LONGEST {
            let _ = writeln!(out, "\nand {} more {what}: see the JSON output.", count - at);
            return;
        }
        out.push_str(&line);
    }
}

fn row(planned: &Planned) -> String {
    let title = format!("{} `{}/{}`", planned.kind, planned.namespace, planned.name);
    let fields = planned.fields.iter().take(SHOWN_FIELDS);
    let fields = fields.map(|Field { path, desired, observed, .. }| format!("{path}: {observed} → {desired}"));
    let more = planned.fields.len().saturating_sub(SHOWN_FIELDS);
    let more = (more > 0).then(|| format!("and {more} more fields"));
    let change = lines(notes(planned).into_iter().chain(fields).chain(more));
    let access = lines(access(planned).into_iter().chain(planned.used_by.iter().map(users)));
    let action = match planned.action {
        Action::Blocked => format!("**{}**", planned.action.label()),
        action => action.label().to_owned(),
    };
    format!("| {action} | {} | {} | {change} | {access} |\n", cell(&title), cell(&origin(planned)))
}

fn lines(all: impl Iterator<Item = String>) -> String {
    let text = all.map(|line| cell(&line)).collect::<Vec<_>>().join("<br>");
    if text.chars().count() <= LONGEST_CELL {
        return text;
    }
    let head: String = text.chars().take(LONGEST_CELL).collect();
    // An entity or a tag that was cut would spoil the cell.
    format!("{}…", head.rsplit_once("<br>").map_or(head.as_str(), |(whole, _)| whole))
}

/// Returns a text that stays in its cell, and in which nothing is formatted or mentioned.
pub fn cell(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '|' => out.push_str("&#124;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A name upstream must not notify a person, or format the comment.
            '@' => out.push_str("&#64;"),
            '*' | '_' | '[' | ']' | '~' | '#' | '!' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}
