//! A folder of manifests, simulators, and runs of the program in an empty environment.

use crate::support::install_crypto;
use crate::support::upstream::{allow_loopback, short_timeouts};
use cloud_policy::api::connection::RateLimit;
use cloud_policy::plan::connections::Limits;
use cloud_policy::plan::owners::Owners;
use cloud_policy::plan::{Connections, Given, Manifests, Planner};
use cloud_policy::upstream::Credentials;
use cloud_policy_simulator::ncloud::{self, Ncloud};
use cloud_policy_simulator::spaceone::{self, Spaceone};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// The words of an output that must never be there.
pub struct Secrets(Vec<String>);

/// How a run of the program ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// Returns the output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the entry of the object with this name.
    pub fn object(&self, name: &str) -> Value {
        let all = self.json();
        let found = all["objects"].as_array().unwrap().iter().find(|object| object["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {all:#}")).clone()
    }

    /// Returns action and reason of each object.
    pub fn actions(&self) -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let all = self.json();
        let objects = all["objects"].as_array().unwrap().iter();
        objects.map(|it| (text(&it["name"]), text(&it["action"]), text(&it["reason"]))).collect()
    }
}

/// Simulators and a folder.
pub struct Setup {
    pub ncloud: Ncloud,
    pub spaceone: Spaceone,
    pub folder: TempDir,
}

impl Setup {
    pub async fn new() -> Self {
        Self {
            ncloud: Ncloud::start(ncloud::Options::default()).await.unwrap(),
            spaceone: Spaceone::start(spaceone::Options::default()).await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, text: &str) {
        let file = self.folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// Writes one object into a file of its name.
    pub fn manifest(&self, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap();
        self.write(&format!("{name}.yaml"), &serde_saphyr::to_string(object).unwrap());
    }

    /// Plans the folder with JSON output and these further arguments.
    pub fn plan(&self, arguments: &[&str]) -> Ended {
        self.run(&[&["plan", "-f", ".", "-o", "json"], arguments].concat(), "")
    }

    /// Runs the program in the folder, in an environment with nothing but `PATH` and the variables of the connections
    /// `ncloud` and `spaceone`.
    pub fn run(&self, arguments: &[&str], stdin: &str) -> Ended {
        self.run_with(arguments, &[], stdin)
    }

    /// Runs the program in the folder with further variables.
    pub fn run_with(&self, arguments: &[&str], further: &[(&str, String)], stdin: &str) -> Ended {
        let (all, variables) = self.given(arguments, further);
        run(self.folder.path(), &all, &variables, stdin)
    }

    /// Runs the program in the folder on a terminal, which shows standard output and standard error as one.
    pub fn run_on_terminal(&self, arguments: &[&str], further: &[(&str, String)]) -> Ended {
        let (all, variables) = self.given(arguments, further);
        let program = env!("CARGO_BIN_EXE_cloud-policy");
        let line: Vec<String> = std::iter::once(program).chain(all).map(|word| format!("'{word}'")).collect();
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &line.join(" "), "/dev/null"]);
        ended(script, self.folder.path(), &variables, "")
    }

    /// Returns these arguments and variables, and those that every run needs.
    fn given<'a>(
        &self,
        arguments: &[&'a str],
        further: &[(&'a str, String)],
    ) -> (Vec<&'a str>, Vec<(&'a str, String)>) {
        let variables = [
            ("N_ACCESS_KEY", self.ncloud.access_key()),
            ("N_SECRET_KEY", self.ncloud.secret_key()),
            ("N_ENDPOINT", self.ncloud.url()),
            ("S_TOKEN", self.spaceone.token()),
            ("S_ENDPOINT", self.spaceone.url()),
            ("S_DOMAIN_ID", self.spaceone.domain_id()),
            ("PATH", "/usr/bin:/bin".to_owned()),
        ];
        let mut all = arguments.to_vec();
        if ["plan", "export", "report"].contains(&arguments[0]) && !arguments.contains(&"--connection") {
            all.extend(["--connection=ncloud=env:N_", "--connection=spaceone=env:S_", "--allow-http"]);
            all.extend(["--allow-private-addresses", "--requests-per-second=1000"]);
        }
        (all, [&variables, further].concat())
    }

    /// Returns what no output may contain.
    pub fn secrets(&self) -> Secrets {
        Secrets(vec![self.ncloud.secret_key(), self.spaceone.token(), "canary".to_owned()])
    }

    /// Returns how many requests may have changed something at the upstreams.
    pub fn writes(&self) -> usize {
        let reads = ["Get", "List", "Stat", "Validate", "Resources", "TagsGet", "Other"];
        let all = [self.ncloud.journal().entries(), self.spaceone.journal().entries()].concat();
        all.iter().filter(|entry| entry.effect || !reads.contains(&format!("{:?}", entry.operation).as_str())).count()
    }
}

impl Secrets {
    /// Asserts that no output has one of them.
    pub fn assert_absent(&self, ended: &Ended) {
        for secret in &self.0 {
            assert!(
                !ended.out.contains(secret.as_str()) && !ended.err.contains(secret.as_str()),
                "{secret}: {ended:?}"
            );
        }
    }
}

/// Runs the program.
pub fn run(folder: &Path, arguments: &[&str], variables: &[(&str, String)], stdin: &str) -> Ended {
    let mut program = Command::new(env!("CARGO_BIN_EXE_cloud-policy"));
    program.args(arguments);
    ended(program, folder, variables, stdin)
}

fn ended(mut program: Command, folder: &Path, variables: &[(&str, String)], stdin: &str) -> Ended {
    let mut child = program
        .current_dir(folder)
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (*name, value.as_str())))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read its input ends before all is written.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Returns the connections `ncloud` and `spaceone` to these simulators, and how they are opened.
pub fn given(ncloud: &Ncloud, spaceone: &Spaceone) -> (Vec<Given>, Limits) {
    install_crypto();
    let given = vec![
        Given {
            name: "ncloud".to_owned(),
            credentials: Credentials::Ncloud {
                access_key: ncloud.access_key().into(),
                secret_key: ncloud.secret_key().into(),
            },
            endpoint: Some(spec(json!({ "ncloud": {
                "endpoint": ncloud.url(), "credentialsSecretRef": { "name": "x" },
            }}))),
            otherwise: None,
        },
        Given {
            name: "spaceone".to_owned(),
            credentials: Credentials::Spaceone { token: spaceone.token().into() },
            endpoint: Some(spec(json!({ "spaceone": {
                "endpoint": spaceone.url(), "domainId": spaceone.domain_id(), "tokenSecretRef": { "name": "x" },
            }}))),
            otherwise: None,
        },
    ];
    let rate = Some(RateLimit { requests_per_second: 1000, burst: 2000 });
    (given, Limits { rules: allow_loopback(), http: short_timeouts(), rate })
}

/// Returns a planner in this process, with the connections `ncloud` and `spaceone` to these simulators.
pub fn planner_of(manifests: &Manifests, ncloud: &Ncloud, spaceone: &Spaceone, owners: Owners) -> Planner {
    let (given, limits) = given(ncloud, spaceone);
    planner(Connections::open(manifests, &given, &limits), owners)
}

/// Returns a planner in this process.
pub fn planner(connections: Connections, owners: Owners) -> Planner {
    Planner {
        connections,
        owners,
        since: Instant::now(),
        now: Timestamp::now(),
        names_users: false,
        on_planned: Box::new(|| ()),
    }
}

fn spec(value: Value) -> cloud_policy::api::ConnectionSpec {
    serde_json::from_value(value).unwrap()
}
