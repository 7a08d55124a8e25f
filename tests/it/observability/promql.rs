//! A parser for the parts of `PromQL` that name metrics and labels.

use regex::Regex;

/// A metric that a query reads.
#[derive(Debug)]
pub struct Selector {
    pub metric: String,
    pub matchers: Vec<Matcher>,
}

/// A condition of a query on a label.
#[derive(Debug)]
pub struct Matcher {
    pub label: String,
    pub operator: String,
    value: String,
}

impl Matcher {
    /// Returns the values of the condition.
    pub fn alternatives(&self) -> impl Iterator<Item = &str> {
        self.value.split('|')
    }
}

/// Returns the metrics of the operator that a query reads.
pub fn selectors(query: &str) -> Vec<Selector> {
    let selector = Regex::new(r"\b((?:cloud_policy|process)_[a-z_]+)(?:\{([^}]*)\})?").unwrap();
    let matcher = Regex::new(r#"([a-z_]+)(=~|!~|!=|=)"([^"]*)""#).unwrap();
    let found: Vec<Selector> = selector
        .captures_iter(query)
        .map(|found| {
            let inside = found.get(2).map_or("", |inside| inside.as_str());
            let matchers = matcher.captures_iter(inside).map(|part| {
                let [label, operator, value] = [1, 2, 3].map(|group| part[group].to_owned());
                Matcher { label, operator, value }
            });
            Selector { metric: found[1].to_owned(), matchers: matchers.collect() }
        })
        .collect();
    assert!(!found.is_empty(), "reads no metric of the operator: {query}");
    found
}

/// Returns the labels that a query keeps.
pub fn kept_labels(query: &str) -> Vec<String> {
    let by = Regex::new(r"\bby \(([^)]*)\)").unwrap();
    let lists = by.captures_iter(query).flat_map(|found| found[1].split(", ").map(str::to_owned).collect::<Vec<_>>());
    lists.collect()
}

/// Replaces the variables of Grafana, for all namespaces.
pub fn filled_in(query: &str) -> String {
    query.replace("$__rate_interval", "5m").replace("$__range", "5m").replace("$namespace", ".*")
}

#[test]
fn promql_parser_finds_metrics_and_labels() {
    let query = r#"sum by (kind, le) (rate(cloud_policy_a_bucket{reason!~"X|Y", code="429"}[5m])) / cloud_policy_b"#;
    let found = selectors(query);
    assert_eq!(
        found.iter().map(|selector| selector.metric.as_str()).collect::<Vec<_>>(),
        ["cloud_policy_a_bucket", "cloud_policy_b"]
    );
    let [reason, code] = &found[0].matchers[..] else { panic!("{found:?}") };
    assert_eq!((reason.label.as_str(), reason.operator.as_str()), ("reason", "!~"));
    assert_eq!(reason.alternatives().collect::<Vec<_>>(), ["X", "Y"]);
    assert_eq!((code.label.as_str(), code.operator.as_str()), ("code", "="));
    assert_eq!(kept_labels(query), ["kind", "le"]);
}
