//! The output for a terminal.

use super::{access, counts, is_quiet, notes, origin, quiet, users};
use crate::engine::actions::Action;
use crate::plan::report::{Failure, Field, Planned, Report};
use std::fmt::Write as _;

/// Returns the report as text. `all` also shows objects of which nothing changes.
#[must_use]
pub fn text(report: &Report, all: bool) -> String {
    let mut out = String::new();
    for planned in report.objects.iter().filter(|it| all || it.action != Action::Nothing || it.message.is_some()) {
        object(&mut out, planned);
    }
    for failure in &report.failures {
        let _ = writeln!(out, "! {}", failed(failure));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    let ignored = report.summary.ignored;
    let others = match ignored {
        0 => String::new(),
        1 => " (1 document of another API ignored)".to_owned(),
        more => format!(" ({more} documents of other APIs ignored)"),
    };
    let _ = writeln!(out, "Plan: {}{others}.", counts(&report.summary));
    if is_quiet(report) {
        let _ = writeln!(out, "{}", quiet(report));
    } else if !report.failures.is_empty() {
        out.push_str("The plan is not complete: something could not be read or decided.\n");
    }
    out
}

fn sign(action: Action) -> char {
    match action {
        Action::Create => '+',
        Action::Update | Action::Adopt => '~',
        Action::Recreate => '%',
        Action::Delete | Action::Orphan => '-',
        Action::Nothing => '=',
        Action::Blocked => '!',
    }
}

fn object(out: &mut String, planned: &Planned) {
    let upstream = planned.upstream.as_ref().map(|it| {
        let id = it.id.as_ref().filter(|id| **id != it.key).map(|id| format!(" ({id})")).unwrap_or_default();
        format!(", {} {}{id}", it.system, it.key)
    });
    let (action, title) = (planned.action.label(), planned.title());
    let upstream = upstream.unwrap_or_default();
    let _ = writeln!(out, "{} {action} {title}{upstream}  [{}]", sign(planned.action), origin(planned));
    let fields =
        planned.fields.iter().map(|Field { path, desired, observed, .. }| format!("{path}: {observed} -> {desired}"));
    let users = planned.used_by.iter().map(users);
    for line in notes(planned).into_iter().chain(fields).chain(access(planned)).chain(users) {
        let _ = writeln!(out, "    {}", line.replace('\n', " "));
    }
}

/// Returns a failure as one line.
pub(super) fn failed(failure: &Failure) -> String {
    let Failure { object, file, line, message } = failure;
    let place = match (file, line) {
        (Some(file), Some(line)) if *line > 0 => format!("{file}:{line}: "),
        (Some(file), _) => format!("{file}: "),
        (None, _) => String::new(),
    };
    let object = object.as_ref().map(|object| format!("{object}: ")).unwrap_or_default();
    format!("{place}{object}{message}")
}
