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
    metrics.upstream_write("ncloud", "create", "spec");
    metrics.drift("ncloud", true);
    metrics.drift("ncloud", true);
    metrics.drift("ncloud", false);
    metrics.orphaned("Policy", "annotation");
    metrics.panicked("Policy");
    metrics.set_objects("Policy", [("UpToDate", 1)]);
    metrics.set_connection_ready("Connection", 1, 1);
    metrics
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
        r#"cloud_policy_upstream_writes_total{system="ncloud",operation="create",cause="spec"} 1"#,
        r#"cloud_policy_drifts_total{system="ncloud",action="corrected"} 2"#,
        r#"cloud_policy_drifts_total{system="ncloud",action="reported"} 1"#,
        r#"cloud_policy_orphans_total{kind="Policy",why="annotation"} 1"#,
        r#"cloud_policy_reconcile_panics_total{kind="Policy"} 1"#,
        r#"cloud_policy_build_info{version="1.2.3"} 1"#,
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
fn readiness_of_connections_and_leadership_follow_the_last_word() {
    let metrics = Metrics::new("1");
    metrics.set_connection_ready("Connection", 1, 3);
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
    assert_eq!(typed.len(), 13);
    assert!(typed.iter().all(|name| name.starts_with("cloud_policy_")), "{typed:?}");
    assert!(text.ends_with("# EOF\n"));
}
