use super::*;
use std::collections::BTreeSet;

fn lines(metrics: &Metrics) -> Vec<String> {
    metrics.encode().unwrap().lines().map(str::to_owned).collect()
}

fn assert_line(metrics: &Metrics, line: &str) {
    let text = metrics.encode().unwrap();
    assert!(text.lines().any(|l| l == line), "no line `{line}` in\n{text}");
}

/// Returns metrics with at least one event of each type.
fn eventful() -> Arc<Metrics> {
    let metrics = Metrics::new("1.2.3");
    metrics.reconciled("Policy", "UpToDate", Duration::from_millis(20));
    metrics.upstream_request("spaceone", "list", "200", Duration::from_millis(7));
    metrics.upstream_request_unsent("spaceone", "breaker");
    metrics.upstream_wait("spaceone", "probe", Duration::from_millis(300));
    let write = Write { system: "ncloud", operation: "create policy", cause: "spec", outcome: "accepted" };
    metrics.upstream_write(write);
    metrics.upstream_write(Write { outcome: "unknown", ..write });
    metrics.drift_found("ncloud");
    metrics.drift_found("ncloud");
    metrics.drift_corrected("ncloud");
    metrics.orphaned("Policy", "annotation");
    metrics.panicked("Policy");
    metrics.set_objects("Policy", [("UpToDate", 1)]);
    metrics.set_wider_objects("Policy", [("DriftFight", 1)]);
    metrics.set_connections("Connection", vec![connection("team-a", "one")]);
    metrics
}

/// Returns a ready connection with an open account and known usage.
fn connection(namespace: &str, name: &str) -> ConnectionState {
    ConnectionState {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ready: true,
        reason: "Authenticated",
        account: Some(AccountState {
            breaker_open: false,
            rate: 2.5,
            rate_configured: 5.0,
            tokens: 0.5,
            waiting: 3,
            snapshots: vec![("ncloud/policy", 1_763_000_000.5)],
        }),
        usage: vec![CollectionUsage { collection: "policies".to_owned(), count: 480, limit: Some(500) }],
    }
}

#[test]
fn counter_shows_recorded_events() {
    let metrics = eventful();
    for line in [
        r#"cloud_policy_reconciles_total{kind="Policy",result="UpToDate"} 1"#,
        r#"cloud_policy_reconcile_duration_seconds_bucket{le="0.025",kind="Policy"} 1"#,
        r#"cloud_policy_reconcile_duration_seconds_bucket{le="0.01",kind="Policy"} 0"#,
        r#"cloud_policy_upstream_requests_total{system="spaceone",operation="list",code="200"} 1"#,
        r#"cloud_policy_upstream_request_duration_seconds_count{system="spaceone",operation="list"} 1"#,
        r#"cloud_policy_upstream_requests_unsent_total{system="spaceone",reason="breaker"} 1"#,
        r#"cloud_policy_upstream_rate_limit_wait_seconds_bucket{le="0.5",system="spaceone",priority="probe"} 1"#,
        r#"cloud_policy_upstream_rate_limit_wait_seconds_bucket{le="0.25",system="spaceone",priority="probe"} 0"#,
        r#"cloud_policy_upstream_writes_total{system="ncloud",operation="create policy",cause="spec",outcome="accepted"} 1"#,
        r#"cloud_policy_upstream_writes_total{system="ncloud",operation="create policy",cause="spec",outcome="unknown"} 1"#,
        r#"cloud_policy_drifts_found_total{system="ncloud"} 2"#,
        r#"cloud_policy_drifts_corrected_total{system="ncloud"} 1"#,
        r#"cloud_policy_orphans_total{kind="Policy",reason="annotation"} 1"#,
        r#"cloud_policy_reconcile_panics_total{kind="Policy"} 1"#,
        r#"cloud_policy_build_info{version="1.2.3"} 1"#,
    ] {
        assert_line(&metrics, line);
    }
}

#[test]
fn rare_events_start_at_zero() {
    let metrics = Metrics::new("1");
    metrics.initialize(&["Policy", "Connection"], &["Policy"], &["deadline", "not_ours"], &["ncloud"]);
    for line in [
        r#"cloud_policy_reconcile_panics_total{kind="Policy"} 0"#,
        r#"cloud_policy_reconcile_panics_total{kind="Connection"} 0"#,
        r#"cloud_policy_orphans_total{kind="Policy",reason="deadline"} 0"#,
        r#"cloud_policy_orphans_total{kind="Policy",reason="not_ours"} 0"#,
        r#"cloud_policy_drifts_found_total{system="ncloud"} 0"#,
        r#"cloud_policy_drifts_corrected_total{system="ncloud"} 0"#,
    ] {
        assert_line(&metrics, line);
    }
}

#[test]
fn unknown_code_counts_as_error() {
    let metrics = Metrics::new("1");
    for code in ["<html>secret", "99999", "-1", "", "007"] {
        metrics.upstream_request("ncloud", "get", code, Duration::ZERO);
    }
    metrics.upstream_request("ncloud", "get", "timeout", Duration::ZERO);
    assert_line(&metrics, r#"cloud_policy_upstream_requests_total{system="ncloud",operation="get",code="error"} 5"#);
    assert_line(&metrics, r#"cloud_policy_upstream_requests_total{system="ncloud",operation="get",code="timeout"} 1"#);
}

#[test]
fn reason_without_objects_disappears() {
    let metrics = Metrics::new("1");
    metrics.set_objects("Policy", [("Conflict", 2), ("UpToDate", 1)]);
    metrics.set_objects("NetworkPolicy", [("Conflict", 1)]);
    metrics.set_objects("Policy", [("UpToDate", 3)]);
    let objects: Vec<_> = lines(&metrics).into_iter().filter(|l| l.starts_with("cloud_policy_objects{")).collect();
    assert_eq!(
        objects,
        [
            r#"cloud_policy_objects{kind="NetworkPolicy",reason="Conflict"} 1"#,
            r#"cloud_policy_objects{kind="Policy",reason="UpToDate"} 3"#,
        ]
    );
}

#[test]
fn connection_shows_its_state() {
    let own = r#"kind="Connection",connection_namespace="team-a",connection="one""#;
    for (name, more, value) in [
        ("connection_ready", r#",reason="Authenticated""#, "1"),
        ("connection_breaker_open", "", "0"),
        ("connection_rate_limit", "", "2.5"),
        ("connection_rate_limit_configured", "", "5.0"),
        ("connection_rate_limit_tokens", "", "0.5"),
        ("connection_requests_waiting", "", "3"),
        ("connection_upstream_objects", r#",collection="policies""#, "480"),
        ("connection_upstream_objects_limit", r#",collection="policies""#, "500"),
        ("connection_snapshot_timestamp_seconds", r#",system="ncloud/policy""#, "1763000000.5"),
    ] {
        assert_line(&eventful(), &format!("cloud_policy_{name}{{{own}{more}}} {value}"));
    }
}

#[test]
fn connection_without_account_shows_only_readiness() {
    let metrics = Metrics::new("1");
    let closed =
        ConnectionState { ready: false, reason: "SecretNotFound", account: None, usage: vec![], ..connection("", "a") };
    metrics.set_connections("ClusterConnection", vec![closed]);
    let about = |line: &String| line.contains("connection=\"a\"");
    let expected = r#"cloud_policy_connection_ready{kind="ClusterConnection",connection_namespace="",connection="a",reason="SecretNotFound"} 0"#;
    assert_eq!(lines(&metrics).into_iter().filter(about).collect::<Vec<_>>(), [expected]);
}

#[test]
fn connection_series_are_limited_and_total_is_not() {
    let metrics = Metrics::new("1");
    let many = (0..connections::MAX_SERIES + 7).rev().map(|n| connection("team-a", &format!("c{n:04}"))).collect();
    metrics.set_connections("Connection", many);
    assert_line(&metrics, &format!(r#"cloud_policy_connections{{kind="Connection"}} {}"#, connections::MAX_SERIES + 7));
    let shown = lines(&metrics).into_iter().filter(|line| line.starts_with("cloud_policy_connection_ready{")).count();
    assert_eq!(shown, connections::MAX_SERIES);
    let text = metrics.encode().unwrap();
    assert!(text.contains("\"c0499\"") && !text.contains("\"c0500\""), "the first ones in order of name are shown");
}

#[test]
fn gauges_show_the_last_value() {
    let metrics = Metrics::new("1");
    let closed = |name| ConnectionState { ready: false, ..connection("b", name) };
    metrics.set_connections("Connection", vec![connection("a", "x"), connection("a", "y")]);
    metrics.set_connections("Connection", vec![connection("a", "x"), closed("y"), closed("z")]);
    metrics.set_leading(true);
    assert_line(&metrics, r#"cloud_policy_connections_ready{kind="Connection"} 1"#);
    assert_line(&metrics, r#"cloud_policy_connections{kind="Connection"} 3"#);
    assert_line(&metrics, "cloud_policy_leading 1");
    metrics.set_leading(false);
    assert_line(&metrics, "cloud_policy_leading 0");
}

#[test]
fn metric_has_prefix_help_and_type() {
    let metrics = eventful();
    let text = metrics.encode().unwrap();
    let names = |word: &str| -> Vec<String> {
        text.lines().filter_map(|l| l.strip_prefix(word)?.split(' ').next().map(str::to_owned)).collect()
    };
    let (helped, typed) = (names("# HELP "), names("# TYPE "));
    assert_eq!(helped, typed);
    assert_eq!(typed.len(), 35);
    assert_eq!(typed.iter().filter(|name| name.starts_with("process_")).count(), 6);
    assert!(typed.iter().all(|name| name.starts_with("cloud_policy_") || name.starts_with("process_")), "{typed:?}");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn classic_text_has_the_same_samples_and_known_types() {
    let metrics = eventful();
    let (open, classic) = (metrics.encode().unwrap(), metrics.encode_classic().unwrap());
    // The order of samples and labels differs, and 1 may be 1.0, also as the bound of a bucket.
    let samples = |text: &str| -> BTreeSet<String> {
        // The metrics of the process change between two readings.
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.starts_with("process_"));
        let (label, mut all) = (regex::Regex::new(r#"\w+="[^"]*""#).unwrap(), BTreeSet::new());
        for (series, value) in lines.map(|line| line.rsplit_once(' ').unwrap()) {
            let series = series.replace(".0\"", "\"");
            let labels: BTreeSet<&str> = label.find_iter(&series).map(|found| found.as_str()).collect();
            let value: f64 = value.parse().unwrap();
            assert!(all.insert(format!("{} {labels:?} {value}", series.split('{').next().unwrap())), "{series}");
        }
        all
    };
    assert!(samples(&classic).len() > 50);
    assert_eq!(samples(&classic), samples(&open));
    for line in [
        "# TYPE cloud_policy_reconciles_total counter",
        "# TYPE cloud_policy_build_info gauge",
        "# TYPE cloud_policy_reconcile_duration_seconds histogram",
        "# TYPE process_cpu_seconds_total counter",
    ] {
        assert!(classic.lines().any(|found| found == line), "no line `{line}` in\n{classic}");
    }
    assert!(!classic.contains("# UNIT") && !classic.contains("# EOF"), "{classic}");
}
