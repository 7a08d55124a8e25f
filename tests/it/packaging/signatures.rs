//! The verification of a release is the same in `SECURITY.md`, in `hack/verify.sh`, for Flux, and for the
//! artifacts that the release workflow signs. `cosign` and `gh` are replaced by scripts that record their
//! arguments.

use cloud_policy_testbed::repository;
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const OWNER: &str = "cloud-policy-operator";
const REPOSITORY: &str = "cloud-policy-operator/cloud-policy-operator";
const WORKFLOW: &str = ".github/workflows/release.yml";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

#[test]
fn verify_script_runs_commands_of_security_md() {
    let page = text("SECURITY.md");
    let (_, page) = page.split_once("## Verifying a release").unwrap();
    let shown = asked(page.split("```").nth(1).unwrap().strip_prefix("text\n").unwrap());
    assert_eq!(shown.len(), 5, "{shown:#?}");
    assert_eq!(asked(&format!("hack/verify.sh {VERSION}")), shown);
}

#[test]
fn verify_script_covers_every_signed_artifact() {
    let workflow: Value = serde_saphyr::from_str(&text(WORKFLOW)).unwrap();
    assert_eq!(workflow["on"], json!({ "push": { "tags": ["v*"] } }), "the identity names a tag");
    let publish = &workflow["jobs"]["publish"];
    let steps = publish["steps"].as_array().unwrap();
    let made: BTreeSet<String> = steps.iter().flat_map(|step| commands(step, &publish["env"])).collect();
    assert_eq!(made.len(), 5, "{made:#?}");
    assert_eq!(asked(&format!("hack/verify.sh {VERSION}")).into_iter().collect::<BTreeSet<_>>(), made);
}

#[test]
fn flux_accepts_only_chart_signed_by_release() {
    let manifests: Vec<Value> = serde_saphyr::from_multiple(&text("deploy/flux/operator-helm.yaml")).unwrap();
    let (spec, verify) = (&manifests[0]["spec"], &manifests[0]["spec"]["verify"]);
    let chart = format!("{}:{}", spec["url"].as_str().unwrap(), spec["ref"]["tag"].as_str().unwrap());
    let command = format!("cosign verify {} ", chart.strip_prefix("oci://").unwrap());
    let asked = asked(&format!("hack/verify.sh {VERSION}"));
    let asked = asked.iter().find(|asked| asked.starts_with(&command)).expect("the script verifies this chart");
    assert_eq!(verify["provider"], "cosign");
    assert_eq!(verify["matchOIDCIdentity"].as_array().unwrap().len(), 1);
    for (field, flag) in [("issuer", "--certificate-oidc-issuer"), ("subject", "--certificate-identity")] {
        let pattern = Regex::new(verify["matchOIDCIdentity"][0][field].as_str().unwrap()).unwrap();
        let signer = asked.split_whitespace().skip_while(|word| *word != flag).nth(1).unwrap();
        assert!(pattern.is_match(signer), "{pattern} does not match {signer}");
        for other in [format!("{signer}0"), format!("https://x/{signer}"), signer.replace("github", "gitlab")] {
            assert!(!pattern.is_match(&other), "{pattern} matches {other}");
        }
    }
}

/// Returns the verification commands for the artifacts that a step signs or attests.
fn commands(step: &Value, environment: &Value) -> Vec<String> {
    let identity = format!("https://github.com/{REPOSITORY}/{WORKFLOW}@refs/tags/v{VERSION}");
    let signed = step["run"].as_str().and_then(|line| line.strip_prefix("cosign sign --yes --recursive "));
    let signed = signed.unwrap_or_default().split_whitespace().map(|spelled| {
        let subject = subject(spelled, environment);
        format!(
            "cosign verify {subject}:{VERSION} --output text --certificate-oidc-issuer {ISSUER} \
             --certificate-identity {identity}"
        )
    });
    let attested = step["with"]["subject-name"].as_str().map(|spelled| {
        let subject = subject(spelled, environment);
        let sbom = step["with"]["sbom-path"].is_string();
        let kind = if sbom { " --predicate-type https://cyclonedx.org/bom" } else { "" };
        format!("gh attestation verify oci://{subject}:{VERSION} --repo {REPOSITORY} --cert-identity {identity}{kind}")
    });
    signed.chain(attested).collect()
}

/// Returns the name of an artifact, which the workflow writes with variables, expressions and digests.
fn subject(spelled: &str, environment: &Value) -> String {
    let [image, charts] = ["IMAGE", "CHARTS"].map(|name| environment[name].as_str().unwrap());
    let meanings = [
        ("@$IMAGE_DIGEST", ""),
        ("@$CHART_DIGEST", ""),
        ("$IMAGE", image),
        ("$CHARTS", charts),
        ("${{ env.IMAGE }}", image),
        ("${{ env.CHARTS }}", charts),
        ("${{ github.repository }}", REPOSITORY),
        ("${{ github.repository_owner }}", OWNER),
    ];
    let spelled = spelled.trim_matches('"').to_owned();
    meanings.iter().fold(spelled, |spelled, (variable, meaning)| spelled.replace(variable, meaning))
}

/// Returns the commands that a script runs with `cosign` and `gh`, one in each line.
fn asked(script: &str) -> Vec<String> {
    let place = tempfile::tempdir().unwrap();
    for tool in ["cosign", "gh"] {
        let stand_in = place.path().join(tool);
        fs::write(&stand_in, format!("#!/bin/sh\necho {tool} \"$@\" >>\"$ASKED\"\n")).unwrap();
        fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let record = place.path().join("asked");
    let path = format!("{}:{}", place.path().display(), std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", script]).current_dir(repository()).env_remove("GITHUB_REPOSITORY");
    let output = bash.env("PATH", path).env("ASKED", &record).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(record).unwrap().lines().map(str::to_owned).collect()
}

fn text(file: &str) -> String {
    fs::read_to_string(repository().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}
