use super::*;

fn lines(metrics: &Metrics) -> Vec<String> {
    metrics.encode().unwrap().lines().map(str::to_owned).collect()
}

fn says(metrics: &Metrics, line: &str) {
    let text = metrics.encode().unwrap();
    assert!(text.lines().any(|l| l == line), "no line `{line}` in\n{text}");
}

/// A process to which everything happened.
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
    metrics.set_connections("Connection", vec![connection("team-a", "one")]);
    metrics
}

/// A connection of which everything is known.
fn connection(namespace: &str, name: &str) -> ConnectionNow {
    ConnectionNow {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ready: true,
        reason: "Authenticated",
        account: Some(AccountNow {
            breaker_open: false,
            rate: 2.5,
            rate_configured: 5.0,
            tokens: 0.5,
            waiting: 3,
            snapshots: vec![("ncloud/policy", 1_763_000_000.5)],
        }),
        held: vec![HeldNow { collection: "policies".to_owned(), count: 480, limit: Some(500) }],
    }
}

#[test]
fn every_counter_says_what_was_reported() {
    let metrics = eventful();
    for line in [
        r#"cloud_policy_reconciles_total{kind="Policy",result="UpToDate"} 1"#,
        r#"cloud_policy_reconcile_duration_seconds_bucket{le="0.025",kind="Policy"} 1"#,
        r#"cloud_policy_reconcile_duration_seconds_bucket{le="0.01",kind="Policy"} 0"#,
        r#"cloud_policy_upstream_requests_total{system="spaceone",operation="list",code="200"} 1"#,
        r#"cloud_policy_upstream_request_duration_seconds_count{system="spaceone",operation="list"} 1"#,
        r#"cloud_policy_upstream_requests_unsent_total{system="spaceone",why="breaker"} 1"#,
        r#"cloud_policy_upstream_rate_limit_wait_seconds_bucket{le="0.5",system="spaceone",urgency="probe"} 1"#,
        r#"cloud_policy_upstream_rate_limit_wait_seconds_bucket{le="0.25",system="spaceone",urgency="probe"} 0"#,
        r#"cloud_policy_upstream_writes_total{system="ncloud",operation="create policy",cause="spec",outcome="accepted"} 1"#,
        r#"cloud_policy_upstream_writes_total{system="ncloud",operation="create policy",cause="spec",outcome="unknown"} 1"#,
        r#"cloud_policy_drifts_found_total{system="ncloud"} 2"#,
        r#"cloud_policy_drifts_corrected_total{system="ncloud"} 1"#,
        r#"cloud_policy_orphans_total{kind="Policy",why="annotation"} 1"#,
        r#"cloud_policy_reconcile_panics_total{kind="Policy"} 1"#,
        r#"cloud_policy_build_info{version="1.2.3"} 1"#,
    ] {
        says(&metrics, line);
    }
}

#[test]
fn what_must_not_happen_begins_at_nothing() {
    let metrics = Metrics::new("1");
    metrics.begin(&["Policy", "Connection"], &["Policy"], &["deadline", "not_ours"], &["ncloud"]);
    for line in [
        r#"cloud_policy_reconcile_panics_total{kind="Policy"} 0"#,
        r#"cloud_policy_reconcile_panics_total{kind="Connection"} 0"#,
        r#"cloud_policy_orphans_total{kind="Policy",why="deadline"} 0"#,
        r#"cloud_policy_orphans_total{kind="Policy",why="not_ours"} 0"#,
        r#"cloud_policy_drifts_found_total{system="ncloud"} 0"#,
        r#"cloud_policy_drifts_corrected_total{system="ncloud"} 0"#,
    ] {
        says(&metrics, line);
    }
}

#[test]
fn an_upstream_cannot_invent_a_series() {
    let metrics = Metrics::new("1");
    for code in ["<html>secret", "99999", "-1", "", "007"] {
        metrics.upstream_request("ncloud", "get", code, Duration::ZERO);
    }
    metrics.upstream_request("ncloud", "get", "timeout", Duration::ZERO);
    says(&metrics, r#"cloud_policy_upstream_requests_total{system="ncloud",operation="get",code="error"} 5"#);
    says(&metrics, r#"cloud_policy_upstream_requests_total{system="ncloud",operation="get",code="timeout"} 1"#);
}

#[test]
fn a_reason_that_nobody_has_any_more_disappears() {
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
fn a_connection_says_how_it_stands() {
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
        says(&eventful(), &format!("cloud_policy_{name}{{{own}{more}}} {value}"));
    }
}

#[test]
fn a_connection_that_was_never_opened_shows_only_that_it_is_not_ready() {
    let metrics = Metrics::new("1");
    let closed =
        ConnectionNow { ready: false, reason: "SecretNotFound", account: None, held: vec![], ..connection("", "a") };
    metrics.set_connections("ClusterConnection", vec![closed]);
    let about = |line: &String| line.contains("connection=\"a\"");
    let expected = r#"cloud_policy_connection_ready{kind="ClusterConnection",connection_namespace="",connection="a",reason="SecretNotFound"} 0"#;
    assert_eq!(lines(&metrics).into_iter().filter(about).collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_crowd_of_connections_is_counted_and_not_shown_one_by_one() {
    let metrics = Metrics::new("1");
    let crowd = (0..connections::SERIES + 7).rev().map(|n| connection("team-a", &format!("c{n:04}"))).collect();
    metrics.set_connections("Connection", crowd);
    says(&metrics, &format!(r#"cloud_policy_connections{{kind="Connection"}} {}"#, connections::SERIES + 7));
    let shown = lines(&metrics).into_iter().filter(|line| line.starts_with("cloud_policy_connection_ready{")).count();
    assert_eq!(shown, connections::SERIES);
    let text = metrics.encode().unwrap();
    assert!(text.contains("\"c0499\"") && !text.contains("\"c0500\""), "the first in order of name");
}

#[test]
fn readiness_of_connections_and_leadership_follow_the_last_word() {
    let metrics = Metrics::new("1");
    let closed = |name| ConnectionNow { ready: false, ..connection("b", name) };
    metrics.set_connections("Connection", vec![connection("a", "x"), connection("a", "y")]);
    metrics.set_connections("Connection", vec![connection("a", "x"), closed("y"), closed("z")]);
    metrics.set_leading(true);
    says(&metrics, r#"cloud_policy_connections_ready{kind="Connection"} 1"#);
    says(&metrics, r#"cloud_policy_connections{kind="Connection"} 3"#);
    says(&metrics, "cloud_policy_leading 1");
    metrics.set_leading(false);
    says(&metrics, "cloud_policy_leading 0");
}

#[test]
fn every_name_has_the_prefix_a_help_text_and_a_type() {
    let metrics = eventful();
    let text = metrics.encode().unwrap();
    let names = |word: &str| -> Vec<String> {
        text.lines().filter_map(|l| l.strip_prefix(word)?.split(' ').next().map(str::to_owned)).collect()
    };
    let (helped, typed) = (names("# HELP "), names("# TYPE "));
    assert_eq!(helped, typed);
    assert_eq!(typed.len(), 25);
    assert!(typed.iter().all(|name| name.starts_with("cloud_policy_")), "{typed:?}");
    assert!(text.ends_with("# EOF\n"));
}
