//! The page of metrics, checked against the metrics of the process.

use super::markdown::{Page, code_in};
use cloud_policy::metrics::{AccessChange, AccountState, CollectionUsage, ConnectionState, Metrics, Write};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The type and the labels of a metric.
type Shape = (String, BTreeSet<String>);

/// Returns metrics in which every event has occurred.
fn all_metrics() -> Arc<Metrics> {
    let metrics = Metrics::new("1.2.3");
    let moment = Duration::from_millis(20);
    metrics.reconciled("Policy", "ok", moment);
    metrics.panicked("Policy");
    metrics.upstream_request("s", "o", "200", moment);
    metrics.upstream_request_unsent("s", "breaker");
    metrics.upstream_wait("s", "probe", moment);
    metrics.upstream_write(Write { system: "s", operation: "o", cause: "spec", outcome: "accepted" });
    metrics.access_changed(&AccessChange { system: "s", direction: "wider", cause: "spec" });
    metrics.drift_found("s");
    metrics.drift_corrected("s");
    metrics.orphaned("Policy", "deadline");
    metrics.set_objects("Policy", [("UpToDate", 1)]);
    metrics.set_wider_objects("Policy", [("DriftFight", 1)]);
    metrics.set_connections(
        "Connection",
        vec![ConnectionState {
            account: Some(AccountState { snapshots: vec![("s", 1.0)], ..AccountState::default() }),
            usage: vec![CollectionUsage { collection: "policies".to_owned(), count: 1, limit: Some(2) }],
            ..ConnectionState::default()
        }],
    );
    metrics
}

fn shown() -> BTreeMap<String, Shape> {
    let text = all_metrics().encode_classic().unwrap();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let mut shapes: BTreeMap<_, Shape> =
        types.map(|(name, kind)| (name.to_owned(), (kind.to_owned(), BTreeSet::new()))).collect();
    for sample in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, labels) = sample.split_once('{').unwrap_or((sample.split(' ').next().unwrap(), ""));
        let mut families = ["", "_bucket", "_sum", "_count"].iter().filter_map(|end| name.strip_suffix(end));
        let family = families.find(|family| shapes.contains_key(*family)).unwrap_or_else(|| panic!("{sample}"));
        let names = labels.split("=\"").filter_map(|part| part.rsplit([',', '{', '"']).next());
        let names = names.filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_') && *name != "le");
        let family = family.to_owned();
        shapes.get_mut(&family).unwrap().1.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
    }
    shapes
}

fn documented() -> BTreeMap<String, Shape> {
    let tables = Page::read("docs/metrics.md").tables();
    let rows = tables.into_iter().filter(|table| table.header[0] == "metric").flat_map(|table| table.rows);
    let mut shapes = BTreeMap::new();
    for row in rows {
        let [name] = code_in(&row[0]).try_into().unwrap_or_else(|names| panic!("one name in each row: {names:?}"));
        assert!(row[3].len() > 20, "{name} has no description");
        let shape = (row[1].clone(), code_in(&row[2]).into_iter().collect());
        assert!(shapes.insert(name, shape).is_none(), "two rows: {row:?}");
    }
    shapes
}

#[test]
fn metrics_page_lists_every_metric_with_type_and_labels() {
    assert_eq!(shown(), documented());
}

#[test]
fn page_names_only_existing_metrics() {
    let known = shown();
    let name =
        regex::Regex::new(r"\b(?:cloud_policy|process_(?:cpu|max|open|resident|start|virtual))_[a-z_]+").unwrap();
    for page in Page::all() {
        let text = page.fences.iter().map(|fence| fence.body.as_str()).chain([page.prose.as_str()]);
        for found in text.flat_map(|text| name.find_iter(text)) {
            let found = found.as_str();
            let family = found.trim_end_matches("_bucket").trim_end_matches("_sum").trim_end_matches("_count");
            assert!(known.contains_key(found) || known.contains_key(family), "{}: {found}", page.name);
        }
    }
}
