//! The lists of kinds in the manifests are made from the list in `src/api/kinds.rs`.
//!
//! A line that ends with a comment such as `generated for each managed kind: {plural}/status` is followed by one item
//! for each kind. `managed`, `connection` and `namespaced` narrow the kinds; without them every kind has an item.

use cloud_policy::api::crds;
use cloud_policy_testbed::repository;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use regex::Regex;
use std::fs;

/// The files with such lists.
const FILES: [&str; 7] = [
    "charts/cloud-policy-operator/Chart.yaml",
    "charts/cloud-policy-operator/templates/_rbac.tpl",
    "charts/cloud-policy-operator/templates/aggregate-roles.yaml",
    "crds/Kustomization",
    "deploy/argocd/kustomization.yaml",
    "deploy/base/rbac.yaml",
    "deploy/overlays/namespaced/watched/rbac.yaml",
];

/// `make crds` sets the variable `CLOUD_POLICY_WRITE_LISTS`, which writes the files; without it they are compared.
#[test]
fn manifests_list_every_kind() {
    for file in FILES {
        let path = repository().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let filled = fill(&text);
        assert!(text.contains("generated for each "), "{file} has no list of kinds");
        if std::env::var_os("CLOUD_POLICY_WRITE_LISTS").is_some() {
            fs::write(&path, filled).unwrap();
        } else {
            assert!(filled == text, "the lists of kinds in {file} are out of date: run `make crds`");
        }
    }
}

/// Writes the items of every list of the text anew.
fn fill(text: &str) -> String {
    let marker = Regex::new(r"generated for each ((?:[a-z]+ )*)kind: (\S+)").unwrap();
    let (mut filled, mut lines) = (String::new(), text.lines().peekable());
    while let Some(line) = lines.next() {
        filled.extend([line, "\n"]);
        if let Some(found) = marker.captures(line) {
            while lines.next_if(|next| indent(next) > indent(line)).is_some() {}
            for kind in kinds(&found[1]) {
                filled += &item(&found[2], &kind, indent(line) + 2);
            }
        }
    }
    filled
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The kinds that all of these words describe.
fn kinds(words: &str) -> Vec<CustomResourceDefinition> {
    let is = |kind: &CustomResourceDefinition, word: &str| match word {
        "managed" => crds::managed().contains(kind),
        "connection" => crds::connections().contains(kind),
        "namespaced" => kind.spec.scope == "Namespaced",
        word => panic!("no kind is called {word}"),
    };
    crds::all().into_iter().filter(|kind| words.split_whitespace().all(|word| is(kind, word))).collect()
}

/// The template with the names of the kind, as an item of a YAML list.
fn item(template: &str, kind: &CustomResourceDefinition, indent: usize) -> String {
    let spec = &kind.spec;
    let item = template
        .replace("{artifacthub}", &artifact_hub(kind))
        .replace("{group}", &spec.group)
        .replace("{kind}", &spec.names.kind)
        .replace("{plural}", &spec.names.plural);
    let margin = " ".repeat(indent);
    format!("{margin}- {}\n", item.replace('\n', &format!("\n{margin}  ")))
}

/// An entry of the annotation `artifacthub.io/crds`, which Artifact Hub shows.
fn artifact_hub(kind: &CustomResourceDefinition) -> String {
    let version = &kind.spec.versions[0];
    let schema = version.schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap();
    let sentences = schema.description.as_ref().unwrap().trim_end_matches('.');
    let (version, description) = (&version.name, sentences.split(". ").next().unwrap());
    format!(
        "kind: {{kind}}\nversion: {version}\nname: {{plural}}.{{group}}\n\
         displayName: {{kind}}\ndescription: {description}"
    )
}

#[test]
fn list_gets_one_item_for_each_kind() {
    let text = "  a: {{- /* generated for each managed kind: {plural}/status */}}\n    - old\n  verbs: [get]\n";
    let item =
        |items: String, kind: &CustomResourceDefinition| items + &format!("    - {}/status\n", kind.spec.names.plural);
    let items = crds::managed().iter().fold(String::new(), item);
    assert!(items.contains("- policies/status\n"), "{items}");
    assert_eq!(fill(text), text.replace("    - old\n", &items));
    let text = "a: # generated for each namespaced connection kind: {kind}.{group}\n\n# b\n";
    assert_eq!(fill(text), text.replace("\n\n", "\n  - Connection.cloudpolicy.dev\n\n"));
}
