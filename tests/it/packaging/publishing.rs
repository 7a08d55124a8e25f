//! `hack/publish.sh`, in a checkout of its own and to a registry on loopback: a version is published once.

use crate::packaging::image::layout::tool;
use cloud_policy_testbed::{Child, Launch, repository, wait_for};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[tokio::test]
async fn published_version_cannot_be_changed() {
    let place = tempfile::tempdir().unwrap();
    let checkout = checkout(place.path());
    let [first, second] = ["first", "second"].map(|name| image(place.path(), name));
    let (_registry, address) = registry(place.path()).await;
    let publish = |folder: &str, images: &[&str]| {
        let script = format!("hack/publish.sh ../{folder} {address}/o/p {address}/o/charts {}", images.join(" "));
        let mut command = shell(&checkout, &script);
        command.env("PLAIN_HTTP", "1");
        command
    };
    let published = tool(&mut publish("one", &[&first, &second]));
    assert_eq!(published.matches("=sha256:").count(), 2, "{published}");
    assert_eq!(tool(&mut publish("two", &[&first, &second])), published);
    let archive = place.path().join(format!("one/cloud-policy-operator-{VERSION}.tgz")).display().to_string();
    let chart = tool(Command::new("tar").args(["-xzOf", &archive, "cloud-policy-operator/Chart.yaml"]));
    let chart: serde_json::Value = serde_saphyr::from_str(&chart).unwrap();
    let changes = chart["annotations"]["artifacthub.io/changes"].as_str().unwrap();
    let expected = serde_json::json!([
        { "kind": "added", "description": "The first one, see it." }, { "kind": "fixed", "description": "Two: \"2\"." },
    ]);
    assert_eq!(serde_saphyr::from_str::<serde_json::Value>(changes).unwrap(), expected);
    refused(publish("three", &[&first]), "o/p");
    tool(&mut shell(&checkout, "echo '# changed' >>charts/cloud-policy-operator/values.yaml"));
    refused(publish("four", &[&first, &second]), "o/charts/cloud-policy-operator");
    tool(&mut shell(&checkout, "git checkout --quiet charts"));
    assert_eq!(tool(&mut publish("five", &[&first, &second])), published, "the refused images changed nothing");
}

fn refused(mut command: Command, what: &str) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains(&format!("/{what}:{VERSION} is there already with other content")), "{said}");
}

/// Copies the parts of the repository that the script needs, and commits them, because it uses the time of the commit.
fn checkout(place: &Path) -> String {
    let checkout = place.join("checkout").display().to_string();
    let copy = format!("mkdir '{checkout}' && cp -R Cargo.toml charts hack '{checkout}'");
    tool(&mut shell(&repository().display().to_string(), &copy));
    let entries = format!(
        "## [{VERSION}] - 2026-01-01\n\n### Added\n- The first `one`,\n  see [it](docs/one.md).\n\n### Fixed\n- Two: \"2\".\n"
    );
    fs::write(Path::new(&checkout).join("CHANGELOG.md"), entries).unwrap();
    let commit =
        "git init --quiet && git add . && git -c user.name=one -c user.email=one@example.com commit --quiet -m one";
    tool(&mut shell(&checkout, commit));
    checkout
}

/// Creates an image of this version that only has this author.
fn image(place: &Path, name: &str) -> String {
    let layout = place.join(name).display().to_string();
    let image = format!("'{layout}:{VERSION}'");
    let make = format!(
        "umoci init --layout '{layout}' && umoci new --image {image} && umoci config --image {image} --author {name}"
    );
    tool(&mut shell(&place.display().to_string(), &make));
    layout
}

/// Starts a registry. Returns its address, too.
async fn registry(place: &Path) -> (Child, String) {
    let settings = place.join("registry.yaml");
    let folder = place.join("registry").display().to_string();
    let text =
        format!("version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}}}}}\nhttp: {{addr: '127.0.0.1:0'}}\n");
    fs::write(&settings, text).unwrap();
    let registry = Launch::new("registry", "docker-registry", place).arg("serve").arg(settings).spawn().unwrap();
    let listens = wait_for("the registry", Duration::from_secs(30), || async {
        let log = registry.log()?;
        let (_, rest) = log.split_once("listening on ").ok_or_else(|| anyhow::anyhow!("{log}"))?;
        Ok(rest.split('"').next().unwrap_or_default().to_owned())
    });
    let address = listens.await.unwrap();
    (registry, address)
}

fn shell(folder: &str, script: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).current_dir(folder);
    command
}
