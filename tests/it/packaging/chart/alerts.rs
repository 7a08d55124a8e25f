//! The alerts as the chart installs them, tested with promtool's unit tests.

use super::helm::Helm;
use crate::observability::{output_of, promtool};
use cloud_policy_testbed::repository;
use std::fs;

#[tokio::test]
async fn release_alerts_cover_only_its_own_operator() {
    for helm in Helm::both() {
        let values = "--set prometheusRule.enabled=true,prometheusRule.ruleLabels.team=identity";
        let made =
            helm.template(&format!("x --namespace here --show-only templates/prometheusrule.yaml {values}")).await;
        let [rule] = &made.unwrap()[..] else { panic!("one PrometheusRule") };
        for alert in rule["spec"]["groups"][0]["rules"].as_array().unwrap() {
            let query = alert["expr"].as_str().unwrap();
            let (all, own) = (query.matches("cloud_policy_").count(), query.matches("{namespace=\"here\"").count());
            assert!(all > 0 && all == own, "{query}");
        }
        fs::write(helm.directory().join("rules.yaml"), rule["spec"].to_string()).unwrap();
        let tests = helm.directory().join("alerts.yaml");
        fs::copy(repository().join("tests/it/packaging/chart/alerts.yaml"), &tests).unwrap();
        let tested = promtool(&["test", "rules", tests.to_str().unwrap()], "");
        assert!(tested.status.success(), "Helm {}: {}", helm.major, output_of(&tested));
    }
}
