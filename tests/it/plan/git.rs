//! `--against git:REF`: the files of a repository against an earlier commit, without any upstream.

use super::setup::{Ended, Setup};
use crate::support::manifests::{ncloud_policy, network_policy, spaceone_policy};
use serde_json::{Value, json};
use std::process::Command;

/// Runs git in the folder of the setup.
fn git(setup: &Setup, arguments: &[&str]) {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"];
    let mut command = Command::new("git");
    command.args(identity).args(arguments).current_dir(setup.folder.path());
    let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

fn commit(setup: &Setup) {
    git(setup, &["add", "-A"]);
    git(setup, &["commit", "-qm", "x"]);
}

/// Returns a repository with policies, which are changed after the commit.
async fn repository() -> Setup {
    let setup = Setup::new().await;
    git(&setup, &["init", "-q"]);
    for name in ["same", "narrower", "gone", "orphan", "moved"] {
        let mut object = spaceone_policy(name);
        object["spec"]["deletionPolicy"] = json!(if name == "orphan" { "Orphan" } else { "Delete" });
        setup.manifest(&object);
    }
    setup.manifest(&ncloud_policy("wider"));
    setup.manifest(&network_policy("net", "zone-1"));
    setup.write("other.txt", "kind: [");
    commit(&setup);
    let spaceone = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut object = spaceone_policy(name);
        object["spec"]["deletionPolicy"] = json!("Delete");
        change(&mut object);
        setup.manifest(&object);
    };
    spaceone("narrower", &|it| it["spec"]["spaceone"]["permissions"] = json!(["inventory.Server.get"]));
    spaceone("moved", &|it| it["spec"]["connectionRef"]["name"] = json!("other"));
    spaceone("new", &|_| {});
    let mut wider = ncloud_policy("wider");
    wider["spec"]["ncloud"]["permissions"][0]["targets"][0]["actions"] = json!(["*"]);
    setup.manifest(&wider);
    let mut net = network_policy("net", "zone-1");
    net["spec"]["spaceone"]["dns"] = json!(["10.9.9.9"]);
    setup.manifest(&net);
    for name in ["gone", "orphan"] {
        std::fs::remove_file(setup.folder.path().join(format!("{name}.yaml"))).unwrap();
    }
    setup
}

fn compare(setup: &Setup, arguments: &[&str]) -> Ended {
    let all = [&["plan", "-f", ".", "-o", "json", "--against=git:HEAD"], arguments].concat();
    setup.run(&all, "")
}

#[tokio::test]
async fn change_of_files_tells_what_it_grants_and_revokes() {
    let setup = repository().await;
    let ended = compare(&setup, &[]);
    assert_eq!(ended.code, 2, "{ended:?}");
    let json = ended.json();
    assert_eq!(json["against"], "git");
    let told = |name: &str| {
        let object = ended.object(name);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&object["action"]), text(&object["access"]["change"]))
    };
    for (name, action, change) in [
        ("same", "nothing", "equal"),
        ("narrower", "update", "narrower"),
        ("gone", "delete", "narrower"),
        ("orphan", "orphan", "equal"),
        ("moved", "recreate", "both"),
        ("new", "create", "wider"),
        ("wider", "update", "wider"),
        ("net", "update", "both"),
    ] {
        assert_eq!(told(name), (action.to_owned(), change.to_owned()), "{name}: {ended:?}");
    }
    assert_eq!(ended.object("narrower")["access"]["revokes"]["parts"], json!(["inventory.Server.list"]));
    assert_eq!(ended.object("gone")["message"], "Only HEAD:gone.yaml describes it.");
    let field = &ended.object("wider")["fields"][0];
    let path = field["path"].as_str().unwrap();
    assert!(path.starts_with("spec.ncloud.permissions[0].targets[0].actions") && field["line"].is_u64(), "{field}");
    let asked = setup.ncloud.journal().total() + setup.spaceone.journal().total();
    assert_eq!(asked, 0, "no upstream was asked");
    assert_eq!(compare(&setup, &["--fail-on=widening"]).code, 4);
    // The text, and a folder in which nothing changed.
    commit(&setup);
    let text = setup.run(&["plan", "-f", ".", "--against=git:HEAD"], "");
    assert!(text.code == 0 && text.out.contains("The manifests say the same as before."), "{text:?}");
    let before = setup.run(&["plan", "-f", "./wider.yaml", "--against=git:HEAD~1", "-o", "json"], "");
    assert_eq!((before.code, before.actions().len()), (2, 1), "{before:?}");
}

#[tokio::test]
async fn object_that_observes_grants_nothing() {
    let setup = Setup::new().await;
    git(&setup, &["init", "-q"]);
    let mut object = spaceone_policy("watched");
    object["spec"]["managementPolicy"] = json!("Observe");
    setup.manifest(&object);
    commit(&setup);
    object["spec"]["managementPolicy"] = json!("Full");
    setup.manifest(&object);
    let access = compare(&setup, &[]).object("watched")["access"].clone();
    assert_eq!(access["change"], "wider", "{access}");
}

#[tokio::test]
async fn git_that_cannot_answer_is_an_error() {
    let setup = Setup::new().await;
    setup.manifest(&spaceone_policy("a"));
    let told = |arguments: &[&str], expected: &str| {
        let ended = setup.run(&[&["plan", "-f", "."], arguments].concat(), "");
        assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
        assert!(ended.err.contains(expected), "{expected}: {ended:?}");
    };
    told(&["--against=git:main"], "--against git: needs to run inside a git repository");
    git(&setup, &["init", "-q"]);
    told(&["--against=git:main"], "--against git:main: no commit has this name");
    commit(&setup);
    for reference in ["none", "--all", "HEAD:a.yaml"] {
        told(&[&format!("--against=git:{reference}")], "no commit has this name");
    }
    told(&["--against=git:HEAD", "--prune-scope=namespace"], "--prune-scope needs --against cluster");
    told(&["--against=git:HEAD", "-f", "-"], "name them instead of `-`");
    told(&["--against=gti"], "write upstream, cluster, or git:");
    // A file that cannot be read at the commit.
    setup.write("broken.yaml", "a: [\n");
    commit(&setup);
    std::fs::remove_file(setup.folder.path().join("broken.yaml")).unwrap();
    let ended = compare(&setup, &[]);
    assert_eq!((ended.code, &ended.json()["failures"][0]["file"]), (1, &json!("HEAD:broken.yaml")), "{ended:?}");
    std::os::unix::fs::symlink("a.yaml", setup.folder.path().join("link.yaml")).unwrap();
    commit(&setup);
    told(&["--against=git:HEAD"], "HEAD:link.yaml is a link or a repository");
}
