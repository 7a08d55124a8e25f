//! A task page as what its reader does, in the order of the page.

use cloud_policy_testbed::repository;
use std::fs;
use std::path::Path;

/// One thing that the reader, or somebody else, does.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    pub deed: Deed,
    /// Page and line, for messages.
    pub place: String,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Deed {
    /// A `yaml` block that begins with `# name.yaml`: it is saved under that name.
    Save { name: String, text: String },
    /// A `sh` block, and the `text` block below it, where there is one: what it prints.
    Run { script: String, shown: Option<String> },
    /// `<!-- meanwhile: what -->`, which no reader sees: what somebody else does now.
    Meanwhile(String),
}

pub fn steps(name: &str) -> Vec<Step> {
    let text = fs::read_to_string(repository().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    read(name, &text)
}

fn read(name: &str, text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let (place, trimmed) = (format!("{name}:{}", index + 1), line.trim_start());
        let indent = line.len() - trimmed.len();
        if let Some(language) = trimmed.strip_prefix("```") {
            let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| !line.trim_start().starts_with("```"));
            let body: Vec<&str> = inside.map(|line| line.get(indent..).unwrap_or_default()).collect();
            add_block(&mut steps, language, body.join("\n") + "\n", place);
        } else if let Some(what) = trimmed.strip_prefix("<!-- meanwhile: ").and_then(|rest| rest.strip_suffix(" -->")) {
            steps.push(Step { deed: Deed::Meanwhile(what.to_owned()), place });
        }
    }
    steps
}

fn add_block(steps: &mut Vec<Step>, language: &str, body: String, place: String) {
    let deed = match language {
        "sh" => Deed::Run { script: body, shown: None },
        "text" => {
            let Some(Step { deed: Deed::Run { shown: shown @ None, .. }, .. }) = steps.last_mut() else {
                panic!("{place}: what prints this?");
            };
            *shown = Some(body);
            return;
        }
        "yaml" => {
            let first = body.lines().next().unwrap_or_default();
            let Some(name) = first.strip_prefix("# ").filter(|name| is_yaml(name)) else {
                panic!("{place}: the first line does not say in which file to save this, as in `# policy.yaml`");
            };
            Deed::Save { name: name.to_owned(), text: body }
        }
        _ => return,
    };
    steps.push(Step { deed, place });
}

fn is_yaml(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "yaml")
}

#[test]
fn a_page_is_read_in_its_order() {
    let page = "1. Save\n\n   ```yaml\n   # a.yaml\n   kind: A\n     b: 1\n   ```\n\nSee `x`.\n<!-- meanwhile: rain -->\n\
                ```yaml,fragment\na: 1\n```\n```sh\nkubectl get a\n```\nIt says:\n```text\nNAME\n```\n";
    let save = Deed::Save { name: "a.yaml".to_owned(), text: "# a.yaml\nkind: A\n  b: 1\n".to_owned() };
    let run = Deed::Run { script: "kubectl get a\n".to_owned(), shown: Some("NAME\n".to_owned()) };
    let read: Vec<(Deed, String)> = read("p", page).into_iter().map(|step| (step.deed, step.place)).collect();
    let expected = [(save, "p:3"), (Deed::Meanwhile("rain".to_owned()), "p:10"), (run, "p:14")];
    assert_eq!(read, expected.map(|(deed, place)| (deed, place.to_owned())));
}
