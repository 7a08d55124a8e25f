//! Colours and progress on a terminal, and none elsewhere.

use super::setup::Setup;
use crate::support::manifests::spaceone_policy;
use serde_json::json;

const GREEN: &str = "\u{1b}[32m";
const RED: &str = "\u{1b}[1m\u{1b}[31m";
const END: &str = "\u{1b}[0m";
const PLAN: [&str; 3] = ["plan", "-f", "."];

fn terminal() -> (&'static str, String) {
    ("TERM", "xterm".to_owned())
}

async fn setup() -> Setup {
    let setup = Setup::new().await;
    setup.manifest(&spaceone_policy("viewer"));
    setup
}

#[tokio::test]
async fn plan_has_colours_and_progress_on_a_terminal() {
    let setup = setup().await;
    let shown = setup.run_on_terminal(&PLAN, &[terminal()]);
    assert_eq!(shown.code, 2, "{shown:?}");
    let line = format!("{GREEN}+ create Policy default/viewer, spaceone/policy viewer  [./viewer.yaml:1]{END}");
    assert!(shown.out.contains(&line), "{shown:?}");
    assert!(shown.out.contains("planned 0 of 1") || shown.out.contains("planned 1 of 1"), "{shown:?}");
}

#[tokio::test]
async fn output_has_no_colours_when_the_user_wants_none() {
    let setup = setup().await;
    let plain = setup.run(&PLAN, "");
    assert!(!plain.out.contains('\u{1b}') && !plain.err.contains("planned"), "{plain:?}");
    for variable in [("NO_COLOR", "1".to_owned()), ("TERM", "dumb".to_owned())] {
        let shown = setup.run_on_terminal(&PLAN, &[terminal(), variable]);
        let line = plain.out.lines().next().unwrap();
        assert!(shown.out.contains(line) && !shown.out.contains(GREEN), "{shown:?}");
    }
}

#[tokio::test]
async fn errors_without_a_reader_do_not_panic() {
    let setup = setup().await;
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cloud-policy"));
    command.args(["lint", "-f", "missing.yaml"]).current_dir(setup.folder.path());
    command.stderr(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    assert_eq!(command.status().unwrap().code(), Some(1));
}

#[tokio::test]
async fn files_have_no_colours_on_a_terminal() {
    let setup = setup().await;
    let plain = setup.run(&[&PLAN[..], &["-o", "text"]].concat(), "");
    setup.run_on_terminal(&[&PLAN[..], &["-o", "text=plan.txt"]].concat(), &[terminal()]);
    assert_eq!(std::fs::read_to_string(setup.folder.path().join("plan.txt")).unwrap(), plain.out);
}

#[tokio::test]
async fn lint_and_guardrails_have_colours_on_a_terminal() {
    let setup = setup().await;
    let mut wrong = spaceone_policy("viewer");
    wrong["spec"]["spaceone"]["permissions"] = json!(1);
    setup.manifest(&wrong);
    let lint = setup.run_on_terminal(&["lint", "-f", "."], &[terminal()]);
    assert!(lint.out.contains(&format!("{RED}: error {END}")), "{lint:?}");
    let judged = setup.run_on_terminal(&["guardrails", "test", "-f", "."], &[terminal()]);
    assert!(judged.out.contains(&format!("{RED}unknown{END}")), "{judged:?}");
}
