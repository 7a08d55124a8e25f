//! The outputs of a plan for people and for other tools. Each is a pure function of the report.

mod markdown;
mod sarif;
mod text;

pub use markdown::{cell, markdown};
pub use sarif::sarif;
pub use text::text;

use super::report::{Planned, Report, Side, Source, Summary, UsedBy};

/// Returns the counts as a phrase, such as `1 to create, 2 to update, 3 unchanged`.
fn counts(summary: &Summary) -> String {
    let Summary { create, update, adopt, recreate, delete, orphan, nothing, blocked, widen: _, ignored: _, failures } =
        summary;
    let all = [
        (create, "to create"),
        (update, "to update"),
        (adopt, "to adopt"),
        (recreate, "to recreate"),
        (delete, "to delete"),
        (orphan, "to orphan"),
        (blocked, "blocked"),
        (nothing, "unchanged"),
        (failures, "not known"),
    ];
    let shown: Vec<String> =
        all.iter().filter(|(count, _)| **count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if shown.is_empty() { "nothing to plan".to_owned() } else { shown.join(", ") }
}

/// Returns the lines about access, such as `+ GRANTS Server View* on *`.
fn access(planned: &Planned) -> Vec<String> {
    let sides = [("+ GRANTS", &planned.access.grants), ("- REVOKES", &planned.access.revokes)];
    let mut lines: Vec<String> = sides
        .into_iter()
        .filter_map(|(sign, side)| Some((sign, side.as_ref()?)))
        .flat_map(|(s, side)| side_lines(s, side))
        .collect();
    let is_bare = lines.is_empty() && !["equal", ""].contains(&planned.access.change);
    if is_bare && planned.action.changes() {
        lines.push(format!("access becomes {}", planned.access.change));
    }
    lines
}

fn side_lines(sign: &str, side: &Side) -> Vec<String> {
    let Side { parts, more, witness, undecided } = side;
    let mut lines: Vec<String> = parts.iter().map(|part| format!("{sign} {part}")).collect();
    if *more > 0 {
        lines.push(format!("{sign} and {more} more"));
    }
    match (witness, undecided) {
        (Some(request), _) if lines.is_empty() => lines.push(format!("{sign} {request}")),
        (Some(request), _) => lines.push(format!("  for example {request}")),
        (None, Some(reason)) => lines.push(format!("{sign} perhaps: {reason}")),
        (None, None) => {}
    }
    lines
}

/// Returns who uses an upstream object, such as `held by 12`.
fn users(used_by: &UsedBy) -> String {
    let UsedBy { count, names } = used_by;
    let more = count.saturating_sub(names.len());
    match (names.is_empty(), more) {
        (true, _) => format!("held by {count}"),
        (false, 0) => format!("held by {count}: {}", names.join(", ")),
        (false, more) => format!("held by {count}: {} and {more} more", names.join(", ")),
    }
}

/// Returns the notes about an object: why, and what else people should know.
fn notes(planned: &Planned) -> Vec<String> {
    let reason =
        |message: &String| planned.reason.map_or_else(|| message.clone(), |reason| format!("{reason}: {message}"));
    planned.message.iter().map(reason).chain(planned.warnings.iter().cloned()).collect()
}

/// Returns where the object stands, such as `a.yaml:3`.
fn origin(planned: &Planned) -> String {
    match (&planned.file, planned.line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        (Some(file), None) => file.clone(),
        (None, _) => "in no manifest".to_owned(),
    }
}

/// Returns the sentence about a report without changes.
fn quiet(report: &Report) -> &'static str {
    match report.against {
        Source::Upstream => "The upstream is as the manifests say.",
        Source::Git => "The manifests say the same as before.",
    }
}

/// Returns whether every object of the report is as it should be.
fn is_quiet(report: &Report) -> bool {
    report.failures.is_empty() && report.objects.iter().all(|it| !it.action.changes() && it.reason.is_none())
}

#[cfg(test)]
mod tests;
