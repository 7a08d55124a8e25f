//! The task pages and the examples of the kinds, followed literally: every file is saved, every command runs in
//! the order of the page, every output is compared with the page. The control plane is the test's own, and the
//! operator uses simulators.
//!
//! Values of the real world have replacements here, declared below. Actions of other people in the middle of a
//! page (`<!-- meanwhile: … -->`) are in [`meanwhile`], those of the page with two clusters in [`clusters`].

mod ci;
mod clusters;
mod meanwhile;
pub mod page;
pub mod shell;

use crate::support::installation::{self, Installation, Process};
use cloud_policy_testbed::{repository, wait_for};
use clusters::Clusters;
use meanwhile::{NEW_KEYS, meanwhile};
use page::{ReaderAction, Step, steps};
use shell::{Shell, is_as_shown, only_reads};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The pages in the order in which a new user reads them. Each needs the objects of the ones before.
const PAGES: [&str; 10] = [
    "connect-ncloud",
    "first-policy",
    "adopt",
    "review-access",
    "rotate-keys",
    "connect-spaceone",
    "tenants",
    "limit-what-a-team-may-grant",
    "require-an-approval",
    "troubleshoot",
];
/// The page whose reader has two clusters.
const TWO_CLUSTERS: &str = "move";
/// The pages of the kinds. The later ones need the connections of the first.
const KINDS: [&str; 3] = ["connection", "policy", "networkpolicy"];
/// Pages whose commands run elsewhere, and where.
const ELSEWHERE: [(&str, &str); 11] = [
    ("command-line", "`packaging::archive`, with the archive"),
    ("test-in-ci", "`ci`, with programs of its own"),
    ("lint-manifests", "`lint::page`, without a cluster"),
    ("plan-a-change", "`plan::page`, without a cluster"),
    ("try-it", "`make demo`, which checks itself"),
    ("install", "the lifecycle tests of the chart"),
    ("upgrade", "the lifecycle tests of the chart"),
    ("uninstall", "the lifecycle tests of the chart"),
    ("air-gapped", "text only: it needs the published image"),
    ("proxy", "text only: it needs a proxy. The tests of the chart render its values"),
    ("gitops", "the manifests of GitOps tools, by their own libraries"),
];

/// How long a command may take to print the expected output.
const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test]
async fn task_pages_work_when_followed_literally() {
    follow_pages("docs/tasks", &PAGES).await;
}

#[tokio::test]
async fn kind_examples_work_when_followed_literally() {
    follow_pages("docs", &KINDS).await;
}

#[tokio::test]
async fn move_page_works_when_followed_literally() {
    let mut clusters = Clusters::start().await;
    let shell = clusters.shell().await;
    for step in steps(&format!("docs/tasks/{TWO_CLUSTERS}.md")) {
        if let Some(what) = perform(&shell, &step).await {
            clusters.meanwhile(what, &shell).await;
        }
        clusters.assert_upstream_is_kept(&step.place);
    }
    clusters.stop().await;
}

async fn follow_pages(folder: &str, pages: &[&str]) {
    let installation = Installation::new().await;
    let client = installation::operator_client(&installation).await;
    let operator = Process::start(client, |_| {}).await;
    let mut shell = Shell::new(&installation.control_plane, stand_ins(&installation));
    shell.prefer(Path::new(env!("CARGO_BIN_EXE_cloud-policy")).parent().unwrap());
    shell.set(variables(&installation));
    for page in pages {
        for step in steps(&format!("{folder}/{page}.md")) {
            if let Some(what) = perform(&shell, &step).await {
                meanwhile(what, &installation);
            }
        }
    }
    operator.stop().await;
}

/// Does what the reader does in a step. Returns what others do in it.
async fn perform<'s>(shell: &Shell, Step { action, place }: &'s Step) -> Option<&'s str> {
    match action {
        ReaderAction::Save { name, text } => shell.save(name, text),
        ReaderAction::Run { script, shown } => follow(shell, place, script, shown.as_deref()).await,
        ReaderAction::Meanwhile(what) => return Some(what),
    }
    None
}

/// Returns the real values in the pages, and their replacements here.
fn stand_ins(installation: &Installation) -> Vec<(&'static str, String)> {
    let Installation { ncloud, spaceone, .. } = installation;
    let [new_access, new_secret] = NEW_KEYS;
    vec![
        ("zone: Public", format!("endpoint: {}", ncloud.url())),
        ("https://subaccount.apigw.ntruss.com", ncloud.url()),
        ("your-access-key", ncloud.access_key()),
        ("your-secret-key", ncloud.secret_key()),
        ("new-access-key", new_access.to_owned()),
        ("new-secret-key", new_secret.to_owned()),
        ("https://spaceone.example.com/api", spaceone.url()),
        ("domain-0123456789ab", spaceone.domain_id()),
        ("zone-0123456789ab", spaceone.zone_ids()[0].clone()),
        ("your-api-key", spaceone.token()),
    ]
}

/// Returns the variables by which `cloud-policy` reaches the simulator of NAVER Cloud.
fn variables(Installation { ncloud, .. }: &Installation) -> Vec<(&'static str, String)> {
    vec![
        ("NCLOUD_ACCESS_KEY", ncloud.access_key()),
        ("NCLOUD_SECRET_KEY", ncloud.secret_key()),
        ("NCLOUD_ENDPOINT", ncloud.url()),
        ("CLOUD_POLICY_ALLOW_HTTP", "true".to_owned()),
        ("CLOUD_POLICY_ALLOW_PRIVATE_ADDRESSES", "true".to_owned()),
    ]
}

async fn follow(shell: &Shell, place: &str, script: &str, shown: Option<&str>) {
    let attempt = || async {
        let printed = shell.run(script).await?;
        let as_shown = shown.is_none_or(|shown| is_as_shown(&shell.replace(shown), &printed));
        anyhow::ensure!(as_shown, "it prints\n{printed}");
        Ok(())
    };
    let done = match shown {
        Some(_) if only_reads(script) => wait_for("the output on the page", LIMIT, attempt).await,
        _ => attempt().await,
    };
    done.unwrap_or_else(|error| panic!("{place}: {error:#}"));
}

#[test]
fn every_task_page_is_followed() {
    let elsewhere = ELSEWHERE.map(|(page, _)| page);
    let known: BTreeSet<String> =
        PAGES.into_iter().chain([TWO_CLUSTERS]).chain(elsewhere).map(|page| format!("{page}.md")).collect();
    let files = fs::read_dir(repository().join("docs/tasks")).unwrap();
    let there: BTreeSet<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, known);
}

#[test]
fn saved_file_is_used_by_a_later_command() {
    for page in PAGES {
        let steps = steps(&format!("docs/tasks/{page}.md"));
        for (index, Step { action, place }) in steps.iter().enumerate() {
            let ReaderAction::Save { name, .. } = action else { continue };
            let mut after = steps[index..].iter();
            let used = after
                .any(|step| matches!(&step.action, ReaderAction::Run { script, .. } if script.contains(name.as_str())));
            assert!(used, "{place}: no command names {name}");
        }
    }
}
