//! What is read, and what is wrong with it.

use super::*;

fn read(text: &str) -> Manifests {
    let input = Input { file: "a.yaml".to_owned(), text: text.to_owned() };
    Manifests::read(&[input], "team-a")
}

const POLICY: &str = "apiVersion: cloudpolicy.dev/v1alpha1
kind: Policy
metadata: {name: viewer}
spec:
  connectionRef: {name: spaceone}
  spaceone:
    policyId: viewer
    name: Viewer
    permissions: [inventory.Server.list]
";

fn problems(text: &str) -> Vec<String> {
    let found = read(text);
    assert_eq!(found.unreadable, [], "{text}");
    let all = found.objects.iter().filter_map(|object| object.content.as_ref().err().map(|all| (object, all)));
    let told = all.flat_map(|(object, all)| {
        all.iter().map(|it| format!("{}: {}: {}", object.line_of(&it.field), it.field, it.message))
    });
    told.collect()
}

#[test]
fn objects_have_defaults_namespace_and_lines() {
    let found =
        read(&format!("# first\n{POLICY}---\nkind: List\napiVersion: v1\nitems:\n- kind: Secret\n  apiVersion: v1\n"));
    assert_eq!((found.objects.len(), found.ignored, found.unreadable.len()), (1, 1, 0));
    let object = &found.objects[0];
    assert_eq!((object.title().as_str(), object.origin.line), ("Policy team-a/viewer", 2));
    assert_eq!(object.line_of("spec.spaceone.permissions[0]"), 10);
    let content = object.content.as_ref().ok().unwrap();
    assert!(content.uid().is_none() && !content.common().suspend && content.orphan_reason().is_none());
}

#[test]
fn broken_schema_names_field_and_line() {
    let wrong = POLICY.replace("policyId: viewer", "policyid: viewer");
    assert_eq!(
        problems(&wrong),
        [
            "6: spec.spaceone.policyId: is missing: add it",
            "7: spec.spaceone.policyid: is no field of this object: did you mean policyId?",
        ]
    );
    let wrong = POLICY.replace("[inventory.Server.list]", "inventory");
    assert_eq!(problems(&wrong), ["9: spec.spaceone.permissions: must be a list, not a text"]);
}

#[test]
fn unreadable_documents_are_never_dropped() {
    let cases = [
        ("spec: {}\n", 1, "is no Kubernetes object"),
        ("just text\n", 1, "is no Kubernetes object"),
        ("a: [\n", 1, "is no valid YAML"),
        ("apiVersion: cloudpolicy.dev/v1alpha1\nkind: Polcy\nmetadata: {name: a}\n", 1, "did you mean Policy?"),
        (
            "apiVersion: cloudpolicy.dev/v1\nkind: Policy\nmetadata: {name: a}\n",
            1,
            "write apiVersion: cloudpolicy.dev/v1alpha1",
        ),
        ("apiVersion: cloudpolicy.dev/v1alpha1\nkind: Policy\nspec: {}\n", 1, "has no metadata.name"),
    ];
    for (text, line, message) in cases {
        let found = read(text);
        assert_eq!((found.unreadable.len(), found.objects.len(), found.ignored), (1, 0, 0), "{text}");
        let wrong = &found.unreadable[0];
        assert!(wrong.message.contains(message) && wrong.origin.line == line, "{text}: {wrong:?}");
    }
}

#[test]
fn connections_are_read_with_their_guardrails() {
    let found = read(
        "apiVersion: cloudpolicy.dev/v1alpha1\nkind: ClusterConnection\nmetadata: {name: ncloud}\nspec:\n  ncloud: {zone: Public, credentialsSecretRef: {name: x}}\n  allowedNamespaces: {names: [team-a]}\n  guardrails: [{allow: [{product: Server, actions: ['View*']}]}]\n",
    );
    assert_eq!(found.unreadable, []);
    let key = ConnectionKey { namespace: None, name: "ncloud".to_owned() };
    let connection = found.connection(&key).unwrap();
    assert_eq!(connection.spec.guardrails.as_ref().map(Vec::len), Some(1));
    assert!(connection.allowed.is_some());
}
