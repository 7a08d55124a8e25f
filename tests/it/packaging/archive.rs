//! The archive with the command line that `hack/archive.sh` packs: its contents, the plugin of `kubectl`, and completions
//! in real shells. The programs are those of the image.

use crate::packaging::image::layout::{self, Layout, tool};
use cloud_policy_testbed::{ControlPlane, repository};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

/// The unpacked archive. It stays until the process ends, because all tests of this module share it.
fn unpacked() -> &'static Path {
    static UNPACKED: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, folder) = UNPACKED.get_or_init(|| {
        let place = tempfile::tempdir().unwrap();
        let archive = pack(place.path(), "first");
        tool(Command::new("tar").args(["--extract", "--file"]).arg(&archive).arg("--directory").arg(place.path()));
        let name = archive.file_name().unwrap().to_str().unwrap().trim_end_matches(".tar.gz").to_owned();
        let folder = place.path().join(name);
        (place, folder)
    });
    folder
}

/// Packs the programs of the image, and returns the archive.
fn pack(place: &Path, name: &str) -> PathBuf {
    let image = place.join(name);
    fs::create_dir(&image).unwrap();
    let program = Layout::of_this_run().unpack(&image).join("rootfs/cloud-policy");
    let archive = Command::new(repository().join("hack/archive.sh")).arg(program).arg(image.join("packed")).output();
    let archive = archive.unwrap();
    assert!(archive.status.success(), "{}", String::from_utf8_lossy(&archive.stderr));
    PathBuf::from(String::from_utf8(archive.stdout).unwrap().trim())
}

fn program() -> Command {
    Command::new(unpacked().join("cloud-policy"))
}

#[test]
fn archive_contains_only_expected_files() {
    let files: Vec<String> = layout::files(unpacked()).into_iter().map(|file| file.to_string()).collect();
    let mut expected = vec![
        "r--r--r-- root LICENSE".to_owned(),
        "r-xr-xr-x root cloud-policy".to_owned(),
        "r-xr-xr-x root cloud-policy-simulator".to_owned(),
        "rwxr-xr-x root completions/".to_owned(),
    ];
    expected.extend(SHELLS.map(|shell| format!("r--r--r-- root completions/cloud-policy.{shell}")));
    expected.push("rwxrwxrwx root kubectl-cloud_policy".to_owned());
    expected.push("rwxrwxrwx root kubectl_complete-cloud_policy".to_owned());
    expected.extend(["rwxr-xr-x root man/", "rwxr-xr-x root man/man1/"].map(str::to_owned));
    let (pages, others): (Vec<String>, Vec<String>) = files.into_iter().partition(|file| file.ends_with(".1"));
    assert_eq!(others, expected);
    let help = tool(program().arg("--help"));
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    let commands: Vec<&str> = commands.into_iter().filter(|name| !name.is_empty() && *name != "help").collect();
    assert!(commands.contains(&"plan") && commands.len() >= 5, "{help}");
    for command in commands {
        let page = format!("r--r--r-- root man/man1/cloud-policy-{command}.1");
        assert!(pages.contains(&page), "no {page} in {pages:?}");
    }
}

#[test]
fn archive_is_reproducible() {
    let place = tempfile::tempdir().unwrap();
    let [first, again] = ["first", "again"].map(|name| fs::read(pack(place.path(), name)).unwrap());
    assert!(first == again, "the archives differ");
}

#[test]
fn bash_completes_commands_and_values() {
    let script = unpacked().join("completions/cloud-policy.bash");
    let offered = |line: &str| {
        let words = format!(
            "source '{}'; COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _cloud__policy cloud-policy \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        tool(Command::new("bash").args(["--norc", "-c", &words]))
    };
    assert_eq!(offered("cloud-policy pl"), "plan");
    assert_eq!(offered("cloud-policy plan --fail-on w"), "widening");
}

#[test]
fn kubectl_runs_and_completes_the_plugin() {
    let control_plane = ControlPlane::shared().unwrap();
    let path = format!("{}:{}", unpacked().display(), std::env::var("PATH").unwrap());
    let kubectl = |arguments: &[&str]| {
        tool(Command::new(control_plane.kubectl()).args(arguments).env("PATH", &path).env("KUBECONFIG", "/nowhere"))
    };
    let help = kubectl(&["cloud-policy", "plan", "--help"]);
    assert!(help.contains("Usage: kubectl cloud-policy plan "), "{help}");
    let offered = kubectl(&["__complete", "cloud-policy", "pl"]);
    let offered: Vec<&str> = offered.lines().collect();
    assert!(offered[0].starts_with("plan\tShow what the operator would do"), "{offered:?}");
    assert_eq!(offered[1], ":4", "no files are offered: {offered:?}");
    let values = kubectl(&["__complete", "cloud-policy", "plan", "--fail-on", ""]);
    let values: Vec<&str> = values.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(values[..3], ["widening", "change", "never"], "{values:?}");
}

#[test]
fn man_page_describes_flags() {
    let page = fs::read_to_string(unpacked().join("man/man1/cloud-policy-plan.1")).unwrap();
    assert!(page.contains(".TH") && page.contains("prune\\-scope"), "{page}");
}
