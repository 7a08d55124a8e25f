//! The generated files of the chart are up to date.

use super::helm::{Helm, object};
use super::values::{Values, at};
use super::{place, text};
use cloud_policy::api::crds;
use cloud_policy_testbed::repository;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

/// Values that the files in `ci` do not change: another value has precedence, or a test sets the value by itself.
const NOT_CHANGED: [&str; 5] = ["image.tag", "podSecurityContext", "rbac.aggregate", "resources", "securityContext"];

/// `make chart` sets the variable, and this test writes the files. Without it, this test compares them.
#[test]
fn schema_and_readme_table_match_values_yaml() {
    let values = Values::read();
    let readme = text("README.md");
    let (before, _) = readme.split_once("## Values\n").expect("a chapter `Values`, the last one");
    let made = [
        ("values.schema.json", serde_json::to_string_pretty(&values.schema()).unwrap() + "\n"),
        ("README.md", format!("{before}## Values\n\n{}", values.table())),
    ];
    for (file, made) in made {
        if std::env::var_os("CLOUD_POLICY_WRITE_CHART").is_some() {
            fs::write(place(file), &made).unwrap();
        }
        assert!(fs::read_to_string(place(file)).is_ok_and(|there| there == made), "{file} is out of date: make chart");
    }
    assert!(values.documented.len() > 60, "{} values", values.documented.len());
}

#[test]
fn value_is_used_by_template_and_changed_in_ci_values() {
    let templates: String = fs::read_dir(place("templates"))
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let cases = fs::read_dir(place("ci")).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let cases: Vec<serde_json::Value> = cases.map(|text| serde_saphyr::from_str(&text).unwrap()).collect();
    let values = Values::read();
    for value in &values.documented {
        let name = value.path.join(".");
        let (last, group) = value.path.split_last().unwrap();
        let alone = Regex::new(&format!(r"\.{last}\b")).unwrap().is_match(&templates);
        let with_others = templates.contains(&format!("toYaml .Values.{} ", group.join(".")));
        assert!(alone || with_others, "no template uses {name}");
        let changed = cases.iter().filter_map(|case| at(case, &value.path)).any(|changed| *changed != value.default);
        assert!(changed != NOT_CHANGED.contains(&name.as_str()), "{name} is changed by ci/*.yaml: {changed}");
    }
}

#[test]
fn chart_crds_match_generated_crds() {
    let entries = fs::read_dir(place("files/crds")).unwrap().map(Result::unwrap);
    let there: BTreeMap<String, String> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap()))
        .collect();
    let made: BTreeMap<String, String> = crds::files().unwrap().into_iter().collect();
    assert!(there == made, "charts/cloud-policy-operator/files/crds is out of date: make crds");
}

#[test]
fn chart_version_equals_operator_version() {
    let chart: serde_json::Value = serde_saphyr::from_str(&text("Chart.yaml")).unwrap();
    for field in ["version", "appVersion"] {
        assert_eq!(chart[field], env!("CARGO_PKG_VERSION"), "{field} in Chart.yaml");
    }
}

#[test]
fn icon_of_chart_is_in_the_repository() {
    let chart: serde_json::Value = serde_saphyr::from_str(&text("Chart.yaml")).unwrap();
    let (home, icon) = (chart["home"].as_str().unwrap(), chart["icon"].as_str().unwrap());
    let project = home.strip_prefix("https://github.com/").unwrap();
    let path = icon.strip_prefix(&format!("https://raw.githubusercontent.com/{project}/main/")).unwrap();
    assert!(fs::read_to_string(repository().join(path)).unwrap().starts_with("<svg "), "{path}");
}

#[tokio::test]
async fn artifact_hub_image_equals_image_of_deployment() {
    let chart: serde_json::Value = serde_saphyr::from_str(&text("Chart.yaml")).unwrap();
    let listed = chart["annotations"]["artifacthub.io/images"].as_str().unwrap();
    let listed: serde_json::Value = serde_saphyr::from_str(listed).unwrap();
    let made = Helm::of("4", None).template("cloud-policy-operator").await.unwrap();
    let pod = &object(&made, "Deployment", "cloud-policy-operator")["spec"]["template"]["spec"];
    assert_eq!(listed[0]["image"], pod["containers"][0]["image"]);
}

/// The fields, and that an owner needs an email: the metadata file of repositories in Artifact Hub's documentation.
#[test]
fn artifact_hub_metadata_has_known_fields() {
    let file = fs::read_to_string(repository().join("charts/artifacthub-repo.yml")).unwrap();
    let metadata: BTreeMap<String, serde_json::Value> = serde_saphyr::from_str(&file).unwrap();
    let known = ["repositoryID", "owners", "ignore"];
    assert!(metadata.keys().all(|field| known.contains(&field.as_str())), "{file}");
    metadata["repositoryID"].as_str().unwrap().parse::<uuid::Uuid>().unwrap();
    let owners = metadata.get("owners").and_then(|owners| owners.as_array().cloned()).unwrap_or_default();
    assert!(owners.iter().all(|owner| owner["email"].as_str().is_some_and(|email| email.contains('@'))), "{file}");
}

#[tokio::test]
async fn chart_sets_every_operator_flag() {
    let output = Command::new(env!("CARGO_BIN_EXE_cloud-policy")).args(["run", "--help"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let flag = Regex::new(r"(?m)^ +(?:-\w, )?(--[a-z-]+)").unwrap();
    let known: BTreeSet<&str> =
        flag.captures_iter(&said).filter_map(|found| found.get(1)).map(|name| name.as_str()).collect();
    let (mut set, helm) = (BTreeSet::from(["--help".to_owned()]), Helm::of("4", None));
    for values in ["everything", "namespaced", "proxied"] {
        let values = place(&format!("ci/{values}-values.yaml"));
        let objects = helm.template(&format!("everything --values '{}'", values.display())).await.unwrap();
        let deployment = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        let arguments = container["args"].as_array().unwrap().iter().skip(1).map(|argument| argument.as_str().unwrap());
        set.extend(arguments.map(|argument| argument.split('=').next().unwrap().to_owned()));
        for (variable, flag) in [("POD_NAMESPACE", "--namespace"), ("POD_NAME", "--instance")] {
            let mut variables = container["env"].as_array().unwrap().iter();
            assert!(variables.any(|entry| entry["name"] == variable), "{variable}");
            set.insert(flag.to_owned());
        }
    }
    assert_eq!(set.iter().map(String::as_str).collect::<BTreeSet<_>>(), known);
}

#[tokio::test]
async fn chart_alerts_and_dashboard_can_be_parsed() {
    let values = place("ci/everything-values.yaml");
    let objects = Helm::of("4", None).template(&format!("x --values '{}'", values.display())).await.unwrap();
    let rule = object(&objects, "PrometheusRule", "everything");
    assert!(rule["spec"]["groups"][0]["rules"].as_array().is_some_and(|rules| rules.len() > 3), "{rule}");
    let dashboard = object(&objects, "ConfigMap", "everything-dashboard");
    let json = dashboard["data"]["cloud-policy-operator.json"].as_str().unwrap();
    let panels = serde_json::from_str::<serde_json::Value>(json).unwrap()["panels"].clone();
    assert!(panels.as_array().is_some_and(|panels| panels.len() > 3), "{panels}");
}
