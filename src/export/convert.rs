//! Converts the task files of `spacectl apply` to manifests.
//!
//! Such a file has variables (`var`, `env`) and tasks. A task that uses `@modules/resource` declares an object: its type, its
//! fields, and whether `spacectl` updates it. Other tasks run scripts or read, and have no manifest. The result of a task that
//! runs before (`${{ tasks.… }}`) is only known to `spacectl`.

use super::manifests::{self, Manifest, Options};
use super::template::{Variables, expand};
use crate::manifests::Input;
use crate::manifests::{Node, documents};
use crate::upstream::registry;
use serde_json::Value;
use std::collections::BTreeSet;

/// The modules that declare objects.
const RESOURCE: [&str; 2] = ["@modules/resource", "@module/resource"];

/// What became of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its file.
    pub file: String,
    /// The line on which it begins.
    pub line: u64,
    /// Its id, or its name.
    pub title: String,
    /// What became of it.
    pub result: Converted,
}

/// What became of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Converted {
    /// Its manifest, and what people should know.
    Manifest(Manifest, Option<String>),
    /// It declares no object of this API, for this reason.
    Other(String),
    /// It declares one that no manifest can describe, for this reason.
    Refused(String),
}

/// Converts files, whose variables count for all of them. `connection` is the name of the connection in the manifests.
///
/// # Errors
/// If a file is no YAML, or has no tasks.
pub fn convert(inputs: &[Input], connection: &str, options: &Options) -> Result<Vec<Task>, String> {
    let mut files = Vec::new();
    for input in inputs {
        let read = documents(&input.text)
            .map_err(|error| format!("{}:{}: is no valid YAML: correct the syntax here", input.file, error.line))?;
        files.extend(read.into_iter().map(|document| (input.file.as_str(), document)));
    }
    let mut variables = Variables::default();
    for (_, document) in &files {
        variables.add(document);
    }
    let tasks = files.iter().flat_map(|(file, document)| {
        document.get("tasks").map(Node::items).unwrap_or_default().iter().map(move |task| (*file, task))
    });
    let mut seen = BTreeSet::new();
    let converted: Vec<Task> = tasks
        .map(|(file, node)| {
            let result = one(node, &variables, connection, options).unwrap_or_else(Converted::Refused);
            Task { file: file.to_owned(), line: node.place.line, title: title(node), result: once(result, &mut seen) }
        })
        .collect();
    if converted.is_empty() {
        return Err("the files have no tasks: name the files of spacectl apply".to_owned());
    }
    Ok(converted)
}

/// Refuses a second manifest of one name.
fn once(result: Converted, seen: &mut BTreeSet<(String, String)>) -> Converted {
    match &result {
        Converted::Manifest(manifest, _) if !seen.insert((manifest.kind.clone(), manifest.name.clone())) => {
            Converted::Refused(format!("another task declares {} {}: remove one", manifest.kind, manifest.name))
        }
        _ => result,
    }
}

fn title(task: &Node) -> String {
    let text = |key: &str| task.get(key).and_then(Node::text).map(str::to_owned);
    text("id").or_else(|| text("name")).unwrap_or_else(|| "a task without a name".to_owned())
}

fn one(task: &Node, variables: &Variables, connection: &str, options: &Options) -> Result<Converted, String> {
    let text = |node: Option<&Node>, key: &str| node.and_then(|it| it.get(key)).and_then(Node::text).map(str::to_owned);
    let uses = text(Some(task), "uses").unwrap_or_default();
    if !RESOURCE.contains(&uses.as_str()) {
        return Ok(Converted::Other(format!("it uses {uses:?}, which declares no object")));
    }
    let spec = task.get("spec");
    let resource = text(spec, "resource_type").unwrap_or_default();
    let mode = text(spec, "mode").unwrap_or_else(|| "DEFAULT".to_owned());
    let creates_only = match mode.as_str() {
        "DEFAULT" => false,
        "NO_UPDATE" => true,
        _ => return Ok(Converted::Other(format!("mode {mode} declares no object"))),
    };
    let data = spec.and_then(|spec| spec.get("data")).map(Node::to_json).unwrap_or_default();
    if registry::declared(&resource, &serde_json::Map::new()).is_none() {
        return Ok(Converted::Other(format!("no kind describes {resource}")));
    }
    if task.get("if").is_some() {
        return Err("`if` decides whether spacectl runs it: decide now, and remove `if`".to_owned());
    }
    let Value::Object(data) = expand(data, variables)? else {
        return Err("spec.data must be a mapping with the fields of the object".to_owned());
    };
    let existing = registry::declared(&resource, &data).ok_or("no kind describes it")??;
    let manifest = manifests::declared(&existing, connection, creates_only, options)?;
    let note = (!existing.has_unique_name).then(|| {
        "names are not unique upstream: if the object exists, set externalId to its id, or export it instead".to_owned()
    });
    Ok(Converted::Manifest(manifest, note))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::shared::{AdoptionPolicy, ConnectionKind};

    const FILE: &str = r#"
var:
  team: network
  verbs: {read: list}
  permissions: [inventory.Server.list, inventory.Server.get]
tasks:
  - name: A policy
    id: viewer
    uses: "@modules/resource"
    spec:
      resource_type: repository.Policy
      data:
        policy_id: ${{ var.team }}-viewer
        name: "뷰어: ${{var.team}} ${{ var.verbs.read }}"
        permissions: ${{ var.permissions }}
        domain_id: domain-1
        labels: []
      matches: [policy_id]
  - id: net
    uses: "@modules/resource"
    spec:
      resource_type: inventory.NetworkPolicy
      data: {name: net, zone_id: zone-1, dns: [10.0.0.2], data: {vlan: 7}}
      mode: NO_UPDATE
  - {id: shell, uses: "@modules/shell", spec: {run: "echo canary"}}
  - {id: domain, uses: "@modules/resource", spec: {resource_type: identity.Domain, data: {name: x}}}
  - {id: read, uses: "@modules/resource", spec: {resource_type: repository.Policy, mode: READ_ONLY, data: {policy_id: x}}}
"#;

    fn tasks(text: &str) -> Result<Vec<Task>, String> {
        let options = Options {
            namespace: None,
            connection_kind: ConnectionKind::Connection,
            adopt: AdoptionPolicy::IfIdentical,
            names_users: false,
        };
        convert(&[Input { file: "tasks.yaml".to_owned(), text: text.to_owned() }], "spaceone", &options)
    }

    #[test]
    fn tasks_become_manifests() {
        let all = tasks(FILE).unwrap();
        let Converted::Manifest(viewer, None) = &all[0].result else { panic!("{all:?}") };
        let expected = "apiVersion: cloudpolicy.dev/v1alpha1
kind: Policy
metadata:
  name: network-viewer
spec:
  adoptionPolicy: IfIdentical
  connectionRef:
    name: spaceone
  spaceone:
    name: \"뷰어: network list\"
    permissions:
      - inventory.Server.get
      - inventory.Server.list
    policyId: network-viewer
";
        assert_eq!((viewer.text.as_str(), all[0].line), (expected, 7));
        let Converted::Manifest(net, Some(note)) = &all[1].result else { panic!("{all:?}") };
        assert!(net.text.contains("managementPolicy: CreateOnly") && net.text.contains("vlan: 7"), "{}", net.text);
        assert!(note.contains("externalId"), "{note}");
        for (task, told) in all[2..].iter().zip(["declares no object", "identity.Domain", "READ_ONLY"]) {
            assert!(matches!(&task.result, Converted::Other(why) if why.contains(told)), "{task:?}");
        }
    }

    #[test]
    fn task_that_cannot_be_converted_says_why() {
        let refused = |data: &str, more: &str| {
            let text = format!(
                "tasks:\n- uses: '@modules/resource'\n{more}  spec:\n    resource_type: repository.Policy\n    data: {data}\n"
            );
            match &tasks(&text).unwrap()[0].result {
                Converted::Refused(why) => why.clone(),
                other => panic!("{other:?}"),
            }
        };
        for (data, more, told) in [
            ("{policy_id: a, name: v, permissions: [x]}", "  if: 'true'\n", "remove `if`"),
            ("{policy_id: a, name: v, permissions: [x], rules: 1}", "", "data.rules: a spec has no such field"),
            ("{policy_id: '${{ tasks.x.output.id }}', name: v, permissions: [x]}", "", "tasks.x.output.id"),
            ("{policy_id: '${{ var.none }}', name: v, permissions: [x]}", "", "var.none"),
            ("{policy_id: A_B, name: v, permissions: [x]}", "", "spec.spaceone.policyId"),
            ("{policy_id: a, name: v, permissions: []}", "", "spec.spaceone.permissions"),
            ("{name: v, permissions: [x]}", "", "policy_id"),
            ("[]", "", "must be a mapping"),
        ] {
            let why = refused(data, more);
            assert!(why.contains(told), "{told}: {why}");
        }
        let twice = "tasks:\n- &t {uses: '@modules/resource', spec: {resource_type: repository.Policy, data: {policy_id: a, name: v, permissions: [x]}}}\n- *t\n";
        assert!(matches!(&tasks(twice).unwrap()[1].result, Converted::Refused(why) if why.contains("another task")));
        for text in ["a: [", "var: {}\n", ""] {
            assert!(tasks(text).is_err(), "{text}");
        }
    }
}
