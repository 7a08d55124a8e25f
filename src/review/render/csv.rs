//! The output for spreadsheets: a line for each collection that was read, then a line for each policy.
//!
//! A spreadsheet runs a cell that begins with certain characters as a formula, and people of the account choose the names in
//! it. Such a cell gets an apostrophe, by which spreadsheets show it as text.

use crate::review::policy::Policy;
use crate::review::report::{Collection, Report};

/// The columns.
pub(super) const COLUMNS: [&str; 22] = [
    "record",
    "time",
    "tool",
    "complete",
    "connection",
    "account",
    "system",
    "name",
    "id",
    "management",
    "owner_tag",
    "kubernetes_object",
    "file",
    "revision",
    "holders",
    "sub_accounts",
    "groups",
    "roles",
    "wildcard",
    "created_at",
    "last_write_time",
    "note",
];

/// The characters that begin a formula, also in their wide forms. A spreadsheet may skip those after them.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Returns the report as CSV with a header line and the line ends of RFC 4180.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut out = line(&COLUMNS.map(str::to_owned));
    for account in &report.accounts {
        for collection in &account.collections {
            let id = account.account.as_deref().unwrap_or_default();
            out.push_str(&line(&of_collection(report, [&account.connection, id], collection)));
        }
    }
    for policy in &report.policies {
        let account = report.accounts.iter().find(|account| account.connection == policy.reference.connection);
        let id = account.and_then(|account| account.account.as_deref()).unwrap_or_default();
        out.push_str(&line(&of_policy(report, id, policy)));
    }
    out
}

fn evidence(report: &Report, record: &str) -> [String; 4] {
    [record.to_owned(), report.time.clone(), report.tool.clone(), report.complete.to_string()]
}

fn of_collection(report: &Report, place: [&str; 2], collection: &Collection) -> Vec<String> {
    let mut cells = evidence(report, "collection").to_vec();
    cells.extend(place.map(str::to_owned));
    cells.push(collection.system.to_owned());
    cells.resize(COLUMNS.len() - 1, String::new());
    cells.push(match (&collection.policies, &collection.missing) {
        (Some(count), _) => format!("{count} upstream objects"),
        (None, why) => format!("not offered: {}", why.as_deref().unwrap_or_default()),
    });
    cells
}

fn of_policy(report: &Report, account: &str, policy: &Policy) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let source = policy.source.clone().unwrap_or_default();
    let line = source.line.map(|line| format!(":{line}")).unwrap_or_default();
    let users = policy.used_by.as_ref();
    let count = |count: Option<usize>| count.map(|count| count.to_string()).unwrap_or_default();
    let mut cells = evidence(report, "object").to_vec();
    cells.extend([
        policy.reference.connection.clone(),
        account.to_owned(),
        policy.reference.system.to_owned(),
        policy.reference.name.clone(),
        policy.reference.id.clone(),
        policy.management.label().to_owned(),
        policy.owner.as_ref().map(|owner| owner.tag.clone()).unwrap_or_default(),
        source.object,
        source.file.map(|file| file + &line).unwrap_or_default(),
        text(&source.revision),
        count(users.map(|it| it.count)),
        count(users.map(|it| it.sub_accounts)),
        count(users.map(|it| it.groups)),
        count(users.map(|it| it.roles)),
        policy.wildcard.unwrap_or_default().to_owned(),
        text(&policy.created_at),
        text(&source.last_write_time),
        users.map(|it| it.names.join("; ")).unwrap_or_default(),
    ]);
    cells
}

fn line(cells: &[String]) -> String {
    cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(",") + "\r\n"
}

/// Returns a text as one cell in one line, which no spreadsheet runs.
pub(super) fn cell(text: &str) -> String {
    let starts = text.starts_with(['\t', '\r', '\n']) || text.trim_start().starts_with(FORMULA);
    let plain: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let safe = if starts { format!("'{plain}") } else { plain };
    let is_bare = !safe.contains([',', '"', ';', '\'']) && safe.trim() == safe;
    if is_bare { safe } else { format!("\"{}\"", safe.replace('"', "\"\"")) }
}
