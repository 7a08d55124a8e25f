//! The page "Lint manifests", followed literally.

use crate::docs::markdown::{Page, code_in};
use crate::docs::walkthrough::page::{ReaderAction, steps};
use crate::docs::walkthrough::shell::is_as_shown;
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn page_works_when_followed_literally() {
    let folder = tempfile::tempdir().unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_cloud-policy")).parent().unwrap();
    let path = std::env::join_paths([programs, Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    let mut runs = 0;
    for step in steps("docs/tasks/lint-manifests.md") {
        match step.action {
            ReaderAction::Save { name, text } => fs::write(folder.path().join(name), text).unwrap(),
            ReaderAction::Run { script, shown } => {
                let mut bash = Command::new("bash");
                let bash = bash.args(["-uc", &script]).current_dir(folder.path()).env_clear().env("PATH", &path);
                let printed = String::from_utf8(bash.output().unwrap().stdout).unwrap();
                assert!(is_as_shown(&shown.unwrap(), &printed), "{}: it prints\n{printed}", step.place);
                runs += 1;
            }
            ReaderAction::Meanwhile(what) => panic!("{}: {what}", step.place),
        }
    }
    assert!(runs >= 2, "{runs}");
}

#[test]
fn page_lists_exit_codes_and_names_known_rules() {
    let page = Page::read("docs/tasks/lint-manifests.md");
    let table = page.tables().into_iter().find(|table| table.header[0] == "exit code").unwrap();
    assert_eq!(table.rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["0", "1", "3"]);
    let known: Vec<&str> = cloud_policy::lint::rules().iter().map(|rule| rule.id).collect();
    for code in code_in(&page.prose).iter().filter(|code| code.starts_with("CP1")) {
        assert!(known.contains(&code.as_str()), "{code}");
    }
}
