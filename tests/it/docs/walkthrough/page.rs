//! A task page as the actions of its reader, in the order of the page.

use cloud_policy_testbed::repository;
use std::fs;
use std::path::Path;

/// One action of the reader or of another person.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    pub action: ReaderAction,
    /// The page and the line, for messages.
    pub place: String,
}

#[derive(Debug, PartialEq, Eq)]
pub enum ReaderAction {
    /// Save a `yaml` block that begins with `# name.yaml` under that name.
    Save { name: String, text: String },
    /// Run a `sh` block. The `text` block below it, if there is one, is its output.
    Run { script: String, shown: Option<String> },
    /// An action of another person: `<!-- meanwhile: what -->`, which readers do not see.
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
            steps.push(Step { action: ReaderAction::Meanwhile(what.to_owned()), place });
        }
    }
    steps
}

fn add_block(steps: &mut Vec<Step>, language: &str, body: String, place: String) {
    let action = match language {
        "sh" => ReaderAction::Run { script: body, shown: None },
        "text" => {
            let Some(Step { action: ReaderAction::Run { shown: shown @ None, .. }, .. }) = steps.last_mut() else {
                panic!("{place}: output without a command");
            };
            *shown = Some(body);
            return;
        }
        "yaml" => {
            let first = body.lines().next().unwrap_or_default();
            let Some(name) = first.strip_prefix("# ").filter(|name| is_yaml(name)) else {
                panic!("{place}: the first line does not say in which file to save this, as in `# policy.yaml`");
            };
            ReaderAction::Save { name: name.to_owned(), text: body }
        }
        _ => return,
    };
    steps.push(Step { action, place });
}

fn is_yaml(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "yaml")
}

#[test]
fn page_steps_are_read_in_order() {
    let page = "1. Save\n\n   ```yaml\n   # a.yaml\n   kind: A\n     b: 1\n   ```\n\nSee `x`.\n<!-- meanwhile: rain -->\n\
                ```yaml,fragment\na: 1\n```\n```sh\nkubectl get a\n```\nIt says:\n```text\nNAME\n```\n";
    let save = ReaderAction::Save { name: "a.yaml".to_owned(), text: "# a.yaml\nkind: A\n  b: 1\n".to_owned() };
    let run = ReaderAction::Run { script: "kubectl get a\n".to_owned(), shown: Some("NAME\n".to_owned()) };
    let read: Vec<(ReaderAction, String)> = read("p", page).into_iter().map(|step| (step.action, step.place)).collect();
    let expected = [(save, "p:3"), (ReaderAction::Meanwhile("rain".to_owned()), "p:10"), (run, "p:14")];
    assert_eq!(read, expected.map(|(action, place)| (action, place.to_owned())));
}
