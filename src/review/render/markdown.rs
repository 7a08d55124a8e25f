//! The output for people: the evidence, the counts, the lists to act on, and a table of all policies.

use crate::plan::render;
use crate::review::policy::{Management, Policy, Reference, UsedBy};
use crate::review::report::{Account, Report};
use std::fmt::Write as _;

/// Returns the report as Markdown.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut out = String::from("# Who has access\n\n");
    evidence(&mut out, report);
    counts(&mut out, report);
    list(&mut out, "Unmanaged", "No Kubernetes object manages them: they have no owner tag.", &report.unmanaged);
    if report.cluster.is_some() {
        let why = "Their owner tags name objects of the cluster that do not exist any more.";
        list(&mut out, "Kubernetes object gone", why, &report.abandoned);
    }
    let why = "They are assigned to no sub account, group or role. What grants no access cannot have holders, and is not in this list.";
    list(&mut out, "Without holders", why, &report.unused);
    table(&mut out, report);
    out
}

fn evidence(out: &mut String, report: &Report) {
    out.push_str("| evidence | |\n| --- | --- |\n");
    let owners = report.cluster.as_ref().map_or_else(
        || "owner tags only: no cluster was read".to_owned(),
        |id| format!("owner tags, and all objects of the cluster {id}"),
    );
    let rows = [
        ("time", report.time.clone()),
        ("tool", report.tool.clone()),
        (
            "complete",
            "yes: every upstream object and every holder was read. A report with a gap is not made".to_owned(),
        ),
        ("owners", owners),
    ];
    for (name, value) in rows {
        let _ = writeln!(out, "| {name} | {} |", cell(&value));
    }
    for account in &report.accounts {
        let _ = writeln!(out, "| connection {} | {} |", cell(&account.connection), cell(&described(account)));
    }
    out.push('\n');
}

fn described(account: &Account) -> String {
    let id = account.account.as_ref().map(|id| format!(", account {id}")).unwrap_or_default();
    let each = account.collections.iter().map(|it| match (&it.policies, &it.missing) {
        (Some(count), _) => format!("{count} in {}", it.system),
        (None, why) => format!("{} is not offered: {}", it.system, why.as_deref().unwrap_or_default()),
    });
    format!("{}{id}: {}", account.endpoint, each.collect::<Vec<_>>().join("; "))
}

fn counts(out: &mut String, report: &Report) {
    let it = &report.summary;
    out.push_str("| upstream objects | managed | object gone | unmanaged | owner not shown | of the provider | without holders | wide |\n");
    out.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    let all = [it.policies, it.managed, it.abandoned, it.unmanaged, it.unknown, it.provider, it.unused, it.wide];
    let _ = writeln!(out, "| {} |", all.map(|count| count.to_string()).join(" | "));
}

fn list(out: &mut String, title: &str, why: &str, all: &[Reference]) {
    let _ = write!(out, "\n## {title}: {}\n", all.len());
    if all.is_empty() {
        return;
    }
    let _ = write!(out, "\n{why}\n\n");
    for it in all {
        let name = format!("{} ({}), {} of connection {}", it.name, it.id, it.system, it.connection);
        let _ = writeln!(out, "- {}", cell(&name));
    }
}

fn table(out: &mut String, report: &Report) {
    // Hundreds of policies of the provider that nothing uses would hide the others.
    let is_idle = |it: &&Policy| it.management == Management::Provider && it.is_unused();
    let idle = report.policies.iter().filter(is_idle).count();
    let _ = write!(out, "\n## All upstream objects: {}\n\n", report.policies.len());
    out.push_str(
        "| connection | upstream object | managed by | revision | holders | wildcards | created | last write |\n",
    );
    out.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for policy in report.policies.iter().filter(|it| !is_idle(it)) {
        out.push_str(&row(policy));
    }
    if idle > 0 {
        let _ = writeln!(
            out,
            "\nThe table leaves out {idle} upstream objects that the provider manages and that have no holders. The CSV and JSON outputs have them."
        );
    }
}

fn row(policy: &Policy) -> String {
    let Policy { reference, management, owner, source, used_by, wildcard, created_at } = policy;
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    let object = source.as_ref().map(|it| match (&it.file, it.line) {
        (Some(file), Some(line)) => format!("{} ({file}:{line})", it.object),
        _ => it.object.clone(),
    });
    let by = match (management, object, owner) {
        (Management::Managed, Some(object), _) => object,
        (_, object, owner) => {
            let parts = [Some(management.label().to_owned()), owner.as_ref().map(|it| it.tag.clone()), object];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
    };
    let cells = [
        reference.connection.clone(),
        format!("{} ({}), {}", reference.name, reference.id, reference.system),
        by,
        text(source.as_ref().and_then(|it| it.revision.as_ref())),
        used_by.as_ref().map_or_else(|| "none possible".to_owned(), users),
        wildcard.unwrap_or("grants no access").to_owned(),
        text(created_at.as_ref()),
        text(source.as_ref().and_then(|it| it.last_write_time.as_ref())),
    ];
    format!("| {} |\n", cells.map(|text| cell(&text)).join(" | "))
}

fn users(users: &UsedBy) -> String {
    let UsedBy { count, sub_accounts, groups, roles, others, names } = users;
    let kinds = [(sub_accounts, "sub accounts"), (groups, "groups"), (roles, "roles"), (others, "others")];
    let kinds: Vec<String> =
        kinds.iter().filter(|(count, _)| **count > 0).map(|(count, kind)| format!("{count} {kind}")).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    format!("{count}{kinds}{names}")
}

/// Returns a text that stays in its place, and in which nothing is formatted or mentioned.
fn cell(text: &str) -> String {
    render::cell(text).replace('`', "&#96;")
}
