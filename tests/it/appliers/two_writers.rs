//! Two writers of one object: the table on the GitOps page is what the API server and the tools do.

use super::tools::{Applier, Tools};
use crate::docs::markdown::Page;
use crate::support;
use crate::support::test_env::spaceone_policy;
use cloud_policy_testbed::TestNamespace;
use serde_json::{Value, json};

/// The rows of the table.
const TOOLS: [(&str, Applier); 4] = [
    ("`kubectl apply`; Argo CD", Applier::ClientSide),
    ("`kubectl apply --server-side`", Applier::ServerSide),
    ("`kubectl apply --server-side --force-conflicts`; Argo CD with `ServerSideApply=true`", Applier::ArgoCd),
    ("Flux", Applier::Flux),
];

/// The other writers.
#[derive(Clone, Copy, Debug)]
enum Other {
    Patch,
    Edit,
    /// Another field manager that applies on the server side, such as a second repository or Terraform.
    Manager,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gitops_page_shows_which_writer_wins() {
    let tables = Page::read("docs/tasks/gitops.md").tables();
    let table = tables.into_iter().find(|table| table.header[0] == "the manifest is applied with").unwrap().rows;
    assert_eq!(table.len(), TOOLS.len(), "one row for each tool: {table:?}");
    let client = support::client().await;
    let namespace = TestNamespace::create(&client, "writers").await.unwrap();
    let tools = Tools::of(namespace.name()).await;
    for ((name, applier), row) in TOOLS.into_iter().zip(table) {
        let both = |field| {
            let [patch, edit] = [Other::Patch, Other::Edit].map(|other| outcome(&tools, applier, other, field));
            assert_eq!(patch, edit, "{name}: kubectl patch and kubectl edit differ");
            patch
        };
        let [named, left_out] = ["permissions", "labels"].map(both);
        let manager = ["permissions", "labels"].map(|field| outcome(&tools, applier, Other::Manager, field));
        assert_eq!(row, [name, named, left_out, manager[0], manager[1]]);
    }
}

/// Applies a manifest, lets another writer write, and applies the manifest again. Returns who won.
fn outcome(tools: &Tools, applier: Applier, other: Other, field: &str) -> &'static str {
    let mut manifest = spaceone_policy("shared");
    manifest["spec"]["spaceone"].as_object_mut().unwrap().remove("labels");
    tools.apply(applier, &manifest).unwrap();
    let before = tools.stored(&manifest)["spec"].clone();
    write(tools, other, &manifest, field);
    let between = tools.stored(&manifest)["spec"].clone();
    assert_ne!(between, before, "{other:?} wrote nothing");
    let said = tools.apply(applier, &manifest);
    let after = tools.stored(&manifest)["spec"].clone();
    tools.kubectl(&["delete", "policies.cloudpolicy.dev", "shared"]).unwrap();
    match said {
        Err(refusal) => {
            assert!(refusal.to_string().contains(&format!(".spec.spaceone.{field}")), "{refusal}");
            assert_eq!(after, between);
            "refused as a conflict"
        }
        Ok(_) if after == before => "the manifest",
        Ok(_) if after == between => "the other writer",
        Ok(_) => panic!("{after} is neither {before} nor {between}"),
    }
}

fn write(tools: &Tools, other: Other, manifest: &Value, field: &str) {
    let value = json!(["*"]);
    match (other, field) {
        (Other::Patch, _) => tools.patch(manifest, &json!({ "spec": { "spaceone": { field: value } } })).unwrap(),
        (Other::Edit, "permissions") => tools.edit(manifest, "s/inventory.Server.get/inventory.*/").unwrap(),
        (Other::Edit, _) => tools.edit(manifest, "s/^    name: Viewer/    labels: [x]\\n&/").unwrap(),
        (Other::Manager, _) => {
            let mut theirs = manifest.clone();
            theirs["spec"]["spaceone"][field] = value;
            tools.apply_as("terraform", &theirs).unwrap()
        }
    };
}
