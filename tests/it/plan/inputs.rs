//! Files, folders and standard input, and what is wrong with them.

use super::setup::{Setup, run};
use crate::support::manifests::{ncloud_policy, spaceone_policy};
use serde_json::Value;

fn yaml(object: &Value) -> String {
    serde_saphyr::to_string(object).unwrap()
}

#[tokio::test]
async fn stream_of_kustomize_or_helm_is_read_from_stdin() {
    let setup = Setup::new().await;
    let stream = format!(
        "---\n# Source: chart/templates/a.yaml\n{}---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{k: canary}}\n---\n{}",
        yaml(&ncloud_policy("abc")),
        yaml(&spaceone_policy("b"))
    );
    let ended = setup.run(&["plan", "-f", "-", "-o", "json"], &stream);
    assert_eq!(
        (ended.code, ended.actions().len(), &ended.json()["summary"]["ignored"]),
        (2, 2, &1.into()),
        "{ended:?}"
    );
    assert_eq!(ended.object("abc")["file"], "-");
    setup.secrets().assert_absent(&ended);
}

#[tokio::test]
async fn unreadable_input_is_an_error_and_never_no_changes() {
    let setup = Setup::new().await;
    let secret = "apiVersion: v1\nkind: Secret\nstringData: {k: canary}\n---\n";
    for (text, told) in [
        ("a: [canary\n", "a.yaml:"),
        ("kind: {{ .Values.canary }}\n  x: canary\n", "a.yaml:"),
        ("apiVersion: cloudpolicy.dev/v1alpha1\nkind: Polcy\nmetadata: {name: x}\n", "did you mean Policy?"),
        ("name: canary\n", "is no Kubernetes object"),
    ] {
        setup.write("a.yaml", &format!("{secret}{text}"));
        let ended = setup.run(&["plan", "-f", "."], "");
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.out.contains(told) && ended.out.contains("not complete"), "{ended:?}");
        assert!(!ended.out.contains("as the manifests say"), "{ended:?}");
        setup.secrets().assert_absent(&ended);
    }
    // A folder without an object of this API, and arguments that are wrong.
    setup.write("a.yaml", secret);
    for arguments in
        [&["plan", "-f", "."][..], &["plan", "-f", "none"], &["plan"], &["plan", "-f", ".", "--connection=canary"]]
    {
        let ended = setup.run(arguments, "");
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.err.starts_with("error: "), "{ended:?}");
        setup.secrets().assert_absent(&ended);
    }
}

#[tokio::test]
async fn broken_schema_is_refused_with_its_line() {
    let setup = Setup::new().await;
    setup.write(
        "a.yaml",
        "apiVersion: cloudpolicy.dev/v1alpha1\nkind: Policy\nmetadata: {name: a}\nspec:\n  connectionRef: {name: spaceone}\n  spaceone:\n    policyId: a\n    name: A\n    permision: [a.B.c]\n",
    );
    let ended = setup.run(&["plan", "-f", "."], "");
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(
        ended.out.contains("line 9: spec.spaceone.permision: is no field of this object: did you mean permissions?"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn upstream_that_cannot_be_asked_is_an_error() {
    let setup = Setup::new().await;
    setup.manifest(&ncloud_policy("abc"));
    let variables = |url: &str| {
        [("N_ACCESS_KEY", "key".to_owned()), ("N_SECRET_KEY", "canary".to_owned()), ("N_ENDPOINT", url.to_owned())]
    };
    let flags = ["plan", "-f", ".", "--connection=ncloud=env:N_", "--allow-http", "--allow-private-addresses"];
    let wrong_key = run(setup.folder.path(), &flags, &variables(&setup.ncloud.url()), "");
    let down = run(setup.folder.path(), &flags, &variables("http://127.0.0.1:9"), "");
    let unknown = run(setup.folder.path(), &flags[..3], &[], "");
    for ended in [&wrong_key, &down, &unknown] {
        assert_eq!(ended.code, 1, "{ended:?}");
        setup.secrets().assert_absent(ended);
    }
    assert!(unknown.out.contains("--connection ncloud=env:PREFIX_"), "{unknown:?}");
    assert!(down.out.contains("cannot connect to the endpoint") && down.out.contains("Try again."), "{down:?}");
    let strict = run(setup.folder.path(), &flags[..4], &variables(&setup.ncloud.url()), "");
    assert!(strict.code == 1 && strict.out.contains("--allow-http"), "{strict:?}");
}

#[tokio::test]
async fn endpoint_of_a_manifest_gets_no_credentials() {
    let setup = Setup::new().await;
    let url = setup.ncloud.url();
    setup.write(
        "c.yaml",
        &format!("apiVersion: cloudpolicy.dev/v1alpha1\nkind: Connection\nmetadata: {{name: ncloud}}\nspec:\n  ncloud: {{endpoint: '{url}', credentialsSecretRef: {{name: x}}}}\n"),
    );
    setup.manifest(&ncloud_policy("abc"));
    let variables = [("N_ACCESS_KEY", setup.ncloud.access_key()), ("N_SECRET_KEY", setup.ncloud.secret_key())];
    let flags = ["plan", "-f", ".", "--connection=ncloud=env:N_", "--allow-http", "--allow-private-addresses"];
    let refused = run(setup.folder.path(), &flags, &variables, "");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.out.contains("not on the operator's list of allowed hosts"), "{refused:?}");
    assert_eq!(setup.ncloud.journal().total(), 0, "nothing was sent");
    let host = url.trim_start_matches("http://");
    let allowed = [&flags[..], &["--allowed-hosts", host]].concat();
    assert_eq!(run(setup.folder.path(), &allowed, &variables, "").code, 2);
}
