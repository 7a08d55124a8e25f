//! The files for pipelines in `deploy/ci`, run as GitHub and GitLab run them.

use super::setup::Setup;
use crate::support::manifests::spaceone_policy;
use cloud_policy_testbed::repository;
use serde_json::Value;
use std::fs;
use std::process::{Command, Output};

/// The arguments that the simulator of SpaceONE needs.
const ARGUMENTS: &str = "--connection=spaceone=env:S_ --allow-http --allow-private-addresses";

/// Runs a script in the folder of the setup.
fn run(setup: &Setup, script: &str, variables: &[(&str, &str)]) -> Output {
    Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(setup.folder.path())
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("PLAN_ARGUMENTS", ARGUMENTS)])
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

#[tokio::test]
async fn script_plans_once_and_tells_what_it_cannot_read() {
    let setup = Setup::new().await;
    let script = repository().join("deploy/ci/plan.sh").display().to_string();
    let here = setup.folder.path().display().to_string();
    let plan = |variables: &[(&str, &str)]| {
        let all = [&[("PLAN_FILES", "."), ("PLAN_FOLDER", here.as_str())], variables].concat();
        run(&setup, &format!("bash {script}"), &all)
    };
    let file = |name: &str| fs::read_to_string(setup.folder.path().join(name));
    setup.manifest(&spaceone_policy("new"));
    // The folder with the manifests also takes the outputs: those of the run before are no manifests.
    for _ in 0..2 {
        assert_eq!(plan(&[]).status.code(), Some(4));
    }
    let before = setup.spaceone.journal().total();
    let reads = || setup.spaceone.journal().total() - before;
    let ended = plan(&[("PLAN_ARGUMENTS", ARGUMENTS), ("PLAN_FILES", "new.yaml")]);
    let once = reads();
    assert_eq!(ended.status.code(), Some(4), "{ended:?}");
    let arguments = ["plan", "-f", "new.yaml", "-o", "json"];
    setup.run(&arguments, "");
    assert_eq!(reads(), 2 * once, "the script asks the upstream as often as one plan");
    let json: Value = serde_json::from_str(&file("plan.json").unwrap()).unwrap();
    assert_eq!(json["summary"]["create"], 1);
    // An upstream that is down, and manifests that are broken: 1, with what is known, and no file of the plan before.
    let down = plan(&[("PLAN_FILES", "new.yaml"), ("S_ENDPOINT", "http://127.0.0.1:9")]);
    assert_eq!(down.status.code(), Some(1), "{down:?}");
    assert!(file("plan.md").unwrap().contains("The plan is not complete"), "{down:?}");
    setup.write("broken.yaml", "a: [\n");
    let broken = plan(&[("PLAN_FILES", "new.yaml broken.yaml"), ("PLAN_FAIL_ON", "never")]);
    assert_eq!(broken.status.code(), Some(1), "{broken:?}");
    for variables in [[("PLAN_FILES", "none.yaml"), ("X", "")], [("PLAN_FILES", "new.yaml"), ("PLAN_PROGRAM", "none")]]
    {
        let ended = plan(&variables);
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(["plan.md", "plan.json", "plan.sarif"].iter().all(|name| file(name).is_err()), "{ended:?}");
    }
}
