//! The files for pipelines in `deploy/ci`, run as GitHub and GitLab run them.

use super::setup::Setup;
use crate::support::manifests::spaceone_policy;
use cloud_policy_testbed::repository;
use serde_json::Value;
use std::fs;
use std::process::{Command, Output};

/// Runs a script in the folder of the setup.
fn run(setup: &Setup, script: &str, variables: &[(&str, &str)]) -> Output {
    let arguments = "--connection=spaceone=env:S_ --allow-http --allow-private-addresses";
    Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(setup.folder.path())
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("PLAN_ARGUMENTS", arguments)])
        .envs([("S_TOKEN", setup.spaceone.token()), ("S_ENDPOINT", setup.spaceone.url())])
        .env("S_DOMAIN_ID", setup.spaceone.domain_id())
        .env("PLAN_PROGRAM", env!("CARGO_BIN_EXE_cloud-policy"))
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn yaml(file: &str) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(repository().join(file)).unwrap()).unwrap()
}

#[tokio::test]
async fn github_action_plans_and_sets_outputs() {
    let setup = Setup::new().await;
    setup.manifest(&spaceone_policy("new"));
    let action = yaml("deploy/ci/github/action.yml");
    let step = &action["runs"]["steps"][0];
    let folder = repository().join("deploy/ci/github").display().to_string();
    let outputs = setup.folder.path().join("outputs");
    let here = setup.folder.path().display().to_string();
    let code = |fail_on: &str| {
        let variables = [
            ("GITHUB_ACTION_PATH", folder.as_str()),
            ("GITHUB_OUTPUT", outputs.to_str().unwrap()),
            ("PLAN_FILES", "new.yaml"),
            ("PLAN_FAIL_ON", fail_on),
            ("PLAN_FOLDER", &here),
        ];
        let ended = run(&setup, step["run"].as_str().unwrap(), &variables);
        let out = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(out.starts_with("<!-- cloud-policy plan -->\n### cloud-policy plan: 1 to create"), "{ended:?}");
        ended.status.code()
    };
    assert_eq!((code("never"), code("widening")), (Some(0), Some(4)));
    let told = fs::read_to_string(&outputs).unwrap();
    assert!(told.contains("exit-code=2\n") && told.contains("exit-code=4\n"), "{told}");
    let sarif: Value =
        serde_json::from_str(&fs::read_to_string(setup.folder.path().join("plan.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    // Each input of the script comes from an input of the action, and each is used.
    let env = step["env"].as_object().unwrap();
    let script = fs::read_to_string(repository().join("deploy/ci/plan.sh")).unwrap();
    assert!(env.keys().all(|name| script.contains(&format!("${{{name}"))), "{env:?}");
    assert_eq!(setup.writes(), 0);
}

#[tokio::test]
async fn gitlab_template_plans_rendered_manifests() {
    let setup = Setup::new().await;
    setup.manifest(&spaceone_policy("new"));
    let job = yaml("deploy/ci/gitlab.yml")[".cloud-policy-plan"].clone();
    std::os::unix::fs::symlink(repository().join("deploy"), setup.folder.path().join("deploy")).unwrap();
    let script = job["script"][0].as_str().unwrap().to_owned();
    let ended =
        run(&setup, &script, &[("PLAN_FILES", "-"), ("PLAN_RENDER", "cat new.yaml"), ("PLAN_FAIL_ON", "never")]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    for file in job["artifacts"]["paths"].as_array().unwrap() {
        let text = fs::read_to_string(setup.folder.path().join(file.as_str().unwrap())).unwrap();
        assert!(text.contains("Policy"), "{file}: {text}");
        assert!(!text.contains(&setup.spaceone.token()), "{file} has the token");
    }
    // A render that fails is a failure of the pipeline, and no empty plan.
    let ended = run(&setup, &script, &[("PLAN_FILES", "-"), ("PLAN_RENDER", "cat none.yaml")]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
}
