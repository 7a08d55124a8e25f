//! The Grafana dashboard: its layout and its queries.

use super::file;
use serde_json::Value;
use std::collections::BTreeSet;

/// A query and its panel.
pub struct Query {
    pub place: String,
    pub expression: String,
    pub legend: String,
}

fn dashboard() -> Value {
    serde_json::from_str(&std::fs::read_to_string(file("dashboard.json")).unwrap()).unwrap()
}

fn panels(dashboard: &Value) -> Vec<Value> {
    dashboard["panels"].as_array().unwrap().clone()
}

fn is_row(panel: &Value) -> bool {
    panel["type"] == "row"
}

/// Returns every query of every panel.
pub fn queries() -> Vec<Query> {
    let panels = panels(&dashboard());
    let targets = panels.iter().filter(|panel| !is_row(panel)).flat_map(|panel| {
        panel["targets"].as_array().unwrap().iter().map(|target| Query {
            place: panel["title"].as_str().unwrap().to_owned(),
            expression: target["expr"].as_str().unwrap().to_owned(),
            legend: target["legendFormat"].as_str().unwrap().to_owned(),
        })
    });
    targets.collect()
}

#[test]
fn dashboard_works_for_any_data_source_and_installation() {
    let dashboard = dashboard();
    assert_eq!(dashboard["schemaVersion"], 42);
    assert!(dashboard["id"].is_null(), "an id belongs to one Grafana instance");
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert_eq!(variables[0]["type"], "datasource");
    assert_eq!(variables[0]["name"], "datasource");
    for panel in panels(&dashboard).iter().filter(|panel| !is_row(panel)) {
        let targets = panel["targets"].as_array().unwrap();
        for source in targets.iter().map(|target| &target["datasource"]).chain([&panel["datasource"]]) {
            assert_eq!(source["uid"], "${datasource}", "{}", panel["title"]);
        }
    }
    for Query { place, expression, .. } in queries() {
        for selector in super::promql::selectors(&expression) {
            let chosen =
                selector.matchers.iter().any(|m| m.label == "namespace" && m.alternatives().eq(["$namespace"]));
            assert!(chosen, "{place}: {} is not limited to one installation", selector.metric);
        }
    }
}

#[test]
fn dashboard_panels_have_descriptions_and_do_not_overlap() {
    let panels = panels(&dashboard());
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in &panels {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}has the id of another panel");
        assert!(is_row(panel) || panel["description"].as_str().is_some_and(|text| text.len() > 15), "{title}");
        let [x, y, width, height] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        assert!(x + width <= 24, "{title} does not fit");
        for cell in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{title} overlaps another panel");
        }
    }
    let rows: Vec<&str> =
        panels.iter().filter(|panel| is_row(panel)).map(|row| row["title"].as_str().unwrap()).collect();
    let expected = ["Health at a glance", "Policies by reason", "Connections", "Drift", "Writes"];
    assert_eq!(rows[..5], expected);
    assert_eq!(rows[5..], ["Upstream requests", "Throttling", "Operator process"]);
}
