//! A real Prometheus on loopback that scrapes one target and evaluates the alerts.

use super::file;
use cloud_policy_testbed::{Child, Launch, wait_for};
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;

/// The labels that a `ServiceMonitor` of the chart gives every series.
const LABELS: [(&str, &str); 5] = [
    ("namespace", "cloud-policy-system"),
    ("service", "cloud-policy-operator"),
    ("endpoint", "http"),
    ("container", "operator"),
    ("pod", "cloud-policy-operator-0"),
];

/// How long Prometheus may take to start on a busy machine.
const START: Duration = Duration::from_mins(1);

pub struct Prometheus {
    // Dropped before the folder that it writes to.
    _process: Child,
    _folder: TempDir,
    url: String,
    http: reqwest::Client,
}

/// A series in a response.
#[derive(Debug, serde::Deserialize)]
pub struct Series {
    #[serde(rename = "metric")]
    pub labels: BTreeMap<String, String>,
    value: (f64, String),
}

impl Series {
    pub fn value(&self) -> f64 {
        self.value.1.parse().unwrap()
    }
}

impl Prometheus {
    /// Starts a Prometheus that scrapes `/metrics` of the target four times a second.
    pub async fn scraping(target: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("prometheus.json");
        std::fs::write(&settings, settings_for(target).to_string()).unwrap();
        let process = Launch::new("prometheus", "prometheus", folder.path())
            .arg(format!("--config.file={}", settings.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .spawn()
            .unwrap();
        let bound = Regex::new(r#"msg="Listening on" address=(\S+)"#).unwrap();
        let ready = || async {
            let log = process.log()?;
            anyhow::ensure!(log.contains("Server is ready"), "`make tools` installs it. Its log:\n{log}");
            Ok(format!("http://{}", &bound.captures(&log).unwrap()[1]))
        };
        let url = wait_for("Prometheus to be ready", START, ready).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { _process: process, _folder: folder, url, http }
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let answer = self.http.get(format!("{}{path}", self.url)).query(query).send().await.unwrap();
        let mut answer: Value = answer.json().await.unwrap();
        if answer["status"] == "success" { Ok(answer["data"].take()) } else { Err(answer["error"].to_string()) }
    }

    /// Evaluates a query.
    pub async fn query(&self, query: &str) -> Result<Vec<Series>, String> {
        let mut data = self.get("/api/v1/query", &[("query", query)]).await?;
        assert_eq!(data["resultType"], "vector", "{query}");
        Ok(serde_json::from_value(data["result"].take()).unwrap())
    }

    /// Returns each alert by name, with the rule's state in Prometheus.
    pub async fn alerts(&self) -> Vec<(String, Value)> {
        let data = self.get("/api/v1/rules", &[]).await.unwrap();
        let groups = data["groups"].as_array().unwrap().iter();
        let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
        rules.map(|rule| (rule["name"].as_str().unwrap().to_owned(), rule.clone())).collect()
    }
}

/// Returns the configuration in JSON, which is valid YAML.
fn settings_for(target: SocketAddr) -> Value {
    json!({
        "global": { "scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "1s" },
        "rule_files": [file("alerts.yaml")],
        "scrape_configs": [{
            "job_name": "cloud-policy-operator",
            "static_configs": [{ "targets": [target.to_string()], "labels": BTreeMap::from(LABELS) }],
        }],
    })
}
