//! The task pages and the examples of the kinds, followed word by word: every file saved, every
//! command run in the order of the page, every output compared with what the page shows, on a control
//! plane of its own with the simulators behind the operator.
//!
//! What a reader does with something that is not here has a stand-in, declared below. What
//! somebody else does in the middle of a page (`<!-- meanwhile: … -->`) is in [`meanwhile`].

mod meanwhile;
pub mod page;
pub mod shell;

use crate::support::installation::{self, Installation, Process};
use cloud_policy_testbed::{repository, wait_for};
use meanwhile::{NEW_KEYS, meanwhile};
use page::{Deed, Step, steps};
use shell::{Shell, is_as_shown, only_looks};
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

/// In the order in which a new user reads them: each finds what the ones before left.
const PAGES: [&str; 7] =
    ["connect-ncloud", "first-policy", "adopt", "rotate-keys", "connect-spaceone", "tenants", "troubleshoot"];
/// The reference's pages, of which the later ones need the connections of the first.
const KINDS: [&str; 3] = ["connection", "policy", "networkpolicy"];
/// Pages whose commands are run elsewhere, and where.
const ELSEWHERE: [(&str, &str); 5] = [
    ("try-it", "`make demo`, which is a test of itself"),
    ("install", "the stories of the chart"),
    ("upgrade", "the stories of the chart"),
    ("uninstall", "the stories of the chart"),
    ("gitops", "the manifests of GitOps tools, by their own libraries"),
];

/// For what a command shows only after a while.
const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test]
async fn whoever_follows_the_task_pages_word_by_word_arrives() {
    walk("docs/tasks", &PAGES).await;
}

#[tokio::test]
async fn whoever_follows_the_examples_of_the_kinds_word_by_word_arrives() {
    walk("docs", &KINDS).await;
}

async fn walk(folder: &str, pages: &[&str]) {
    let installation = Installation::new().await;
    let client = installation::operator_client(&installation).await;
    let operator = Process::start(client, |_| {}).await;
    let shell = Shell::new(&installation.control_plane, stand_ins(&installation));
    for page in pages {
        for Step { deed, place } in steps(&format!("{folder}/{page}.md")) {
            match deed {
                Deed::Save { name, text } => shell.save(&name, &text),
                Deed::Meanwhile(what) => meanwhile(&what, &installation),
                Deed::Run { script, shown } => follow(&shell, &place, &script, shown.as_deref()).await,
            }
        }
    }
    operator.stop().await;
}

/// What the pages say of the real world, and what it is here.
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

async fn follow(shell: &Shell, place: &str, script: &str, shown: Option<&str>) {
    let attempt = || async {
        let printed = shell.run(script).await?;
        let as_shown = shown.is_none_or(|shown| is_as_shown(&shell.here(shown), &printed));
        anyhow::ensure!(as_shown, "it prints\n{printed}");
        Ok(())
    };
    let done = match shown {
        Some(_) if only_looks(script) => wait_for("what the page shows", LIMIT, attempt).await,
        _ => attempt().await,
    };
    done.unwrap_or_else(|error| panic!("{place}: {error:#}"));
}

#[test]
fn every_task_page_is_followed() {
    let elsewhere = ELSEWHERE.map(|(page, _)| page);
    let known: BTreeSet<String> = PAGES.into_iter().chain(elsewhere).map(|page| format!("{page}.md")).collect();
    let files = fs::read_dir(repository().join("docs/tasks")).unwrap();
    let there: BTreeSet<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, known);
}

#[test]
fn every_file_that_a_page_has_its_reader_save_is_used_after() {
    for page in PAGES {
        let steps = steps(&format!("docs/tasks/{page}.md"));
        for (index, Step { deed, place }) in steps.iter().enumerate() {
            let Deed::Save { name, .. } = deed else { continue };
            let mut after = steps[index..].iter();
            let used =
                after.any(|step| matches!(&step.deed, Deed::Run { script, .. } if script.contains(name.as_str())));
            assert!(used, "{place}: no command names {name}");
        }
    }
}
