//! The documented form of the JSON output, and of the CSV.

use crate::docs::markdown::{Page, code_in};
use crate::plan::page::keys;
use cloud_policy::review::policy::{Management, Owner, Policy, Reference, UsedBy};
use cloud_policy::review::render;
use cloud_policy::review::report::{Account, Collection, Report, Summary};
use cloud_policy::review::sources::Source;
use std::collections::BTreeSet;

/// Returns a report in which every field is set.
fn full() -> Report {
    let text = || "x".to_owned();
    let reference = || Reference { connection: text(), system: "x", name: text(), id: text() };
    let source = Source {
        object: text(),
        file: Some(text()),
        line: Some(1),
        revision: Some(text()),
        last_write_time: Some(text()),
    };
    let policy = Policy {
        reference: reference(),
        management: Management::Managed,
        owner: Some(Owner { tag: text(), cluster: Some(text()), uid: Some(text()) }),
        source: Some(source),
        used_by: Some(UsedBy { names: vec![text()], ..UsedBy::default() }),
        wildcard: Some("all"),
        created_at: Some(text()),
    };
    let collections = vec![Collection { system: "x", policies: Some(1), missing: Some(text()) }];
    Report {
        version: "cloudpolicy.dev/report/v1",
        time: text(),
        tool: text(),
        complete: true,
        cluster: Some(text()),
        accounts: vec![Account { connection: text(), endpoint: text(), account: Some(text()), collections }],
        summary: Summary::default(),
        unmanaged: vec![reference()],
        abandoned: vec![reference()],
        unused: vec![reference()],
        policies: vec![policy],
    }
}

#[test]
fn json_page_names_every_field_and_no_other() {
    let mut there = BTreeSet::new();
    keys(&serde_json::to_value(full()).unwrap(), &mut there);
    let page = Page::read("docs/report-json.md");
    let segments = |text: &String| text.split('.').map(|it| it.trim_end_matches("[]").to_owned()).collect::<Vec<_>>();
    let named: BTreeSet<String> = code_in(&page.prose).iter().flat_map(segments).collect();
    let missing: Vec<_> = there.difference(&named).collect();
    assert!(missing.is_empty(), "docs/report-json.md does not name {missing:?}");
    let tables = page.tables();
    let rows = tables.iter().filter(|table| table.header[0] == "field").flat_map(|table| &table.rows);
    let documented: BTreeSet<String> = rows.flat_map(|row| code_in(&row[0])).flat_map(|it| segments(&it)).collect();
    let gone: Vec<_> = documented.difference(&there).collect();
    assert!(gone.is_empty(), "docs/report-json.md names {gone:?}, which no report has");
    for management in ["managed", "abandoned", "unmanaged", "unknown", "provider"] {
        assert!(named.contains(management), "{management}");
    }
}

#[test]
fn flags_page_names_every_column_in_order() {
    let columns: Vec<String> = render::csv(&full()).lines().next().unwrap().split(',').map(str::to_owned).collect();
    let tables = Page::read("docs/report-flags.md").tables();
    let table = tables.iter().find(|table| table.header[0] == "column").unwrap();
    assert_eq!(table.rows.iter().flat_map(|row| code_in(&row[0])).collect::<Vec<_>>(), columns);
}
