//! The `ValidatingAdmissionPolicy` samples of `deploy/admission`, applied to a real API server.

use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, spaceone_policy};
use crate::support::{self, rbac};
use cloud_policy::api::{ClusterConnection, PolicyApproval};
use cloud_policy_testbed::{repository, wait_for};
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

const FOLDER: &str = "deploy/admission";

/// How long the API server may take to enforce a new policy.
const TAKES_EFFECT: Duration = Duration::from_secs(30);

/// A sample under a name of its own, and bound to objects of one test only.
struct Sample {
    client: Client,
    name: String,
}

impl Sample {
    /// Applies a sample. `scope` is where its binding is restricted to.
    async fn apply(client: &Client, file: &str, suffix: &str, scope: Value) -> Self {
        let path = format!("{FOLDER}/{file}");
        let mut policy: ValidatingAdmissionPolicy = rbac::only(&path, "ValidatingAdmissionPolicy");
        let binding: ValidatingAdmissionPolicyBinding = rbac::only(&path, "ValidatingAdmissionPolicyBinding");
        assert_eq!(binding.spec.as_ref().unwrap().policy_name.as_deref(), Some(policy.name_any().as_str()));
        let name = format!("{}-{suffix}", policy.name_any());
        policy.metadata.name = Some(name.clone());
        let mut binding = serde_json::to_value(binding).unwrap();
        (binding["metadata"]["name"], binding["spec"]["policyName"]) = (json!(name), json!(name));
        for (field, value) in scope.as_object().unwrap() {
            binding["spec"]["matchResources"][field] = value.clone();
        }
        let params = PatchParams::apply("test").force();
        let policies: Api<ValidatingAdmissionPolicy> = Api::all(client.clone());
        policies.patch(&name, &params, &Patch::Apply(&policy)).await.unwrap();
        let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(client.clone());
        bindings.patch(&name, &params, &Patch::Apply(&binding)).await.unwrap();
        let compiled = || async {
            let warnings = policies.get(&name).await?.status.and_then(|status| status.type_checking);
            anyhow::ensure!(warnings.is_none_or(|checked| checked.expression_warnings.is_none()), "a wrong expression");
            Ok(())
        };
        wait_for("the expressions to be checked", TAKES_EFFECT, compiled).await.unwrap();
        Self { client: client.clone(), name }
    }

    async fn remove(self) {
        let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(self.client.clone());
        bindings.delete(&self.name, &DeleteParams::default()).await.unwrap();
        let policies: Api<ValidatingAdmissionPolicy> = Api::all(self.client);
        policies.delete(&self.name, &DeleteParams::default()).await.unwrap();
    }
}

/// Waits until an object is refused with this message.
async fn refused(env: &TestEnv, object: &Value, message: &str) {
    let refused = || async {
        match env.try_apply(object.clone()).await {
            Ok(_) => anyhow::bail!("accepted: {object}"),
            Err(error) => anyhow::ensure!(error.to_string().contains(message), "{error}"),
        }
        Ok(())
    };
    wait_for("the refusal", TAKES_EFFECT, refused).await.unwrap();
}

async fn restricted(name: &str) -> TestEnv {
    let env = TestEnv::without_operator(name).await;
    let label = json!({ "metadata": { "labels": { "cloudpolicy.dev/admission": env.namespace() } } });
    let namespaces: Api<Namespace> = Api::all(env.client.clone());
    namespaces.patch(env.namespace(), &PatchParams::default(), &Patch::Merge(label)).await.unwrap();
    env
}

/// Restricts a binding to the namespace of the environment, by the label that the samples select.
fn only(env: &TestEnv) -> Value {
    json!({ "namespaceSelector": { "matchLabels": { "cloudpolicy.dev/admission": env.namespace() } } })
}

#[tokio::test]
async fn sample_refuses_privileged_access() {
    let env = restricted("vap-access").await;
    let sample = Sample::apply(&env.client, "no-privileged-access.yaml", env.namespace(), only(&env)).await;
    let product = |product: &str, effect: &str| {
        let mut object = ncloud_policy("viewer");
        object["spec"]["ncloud"]["permissions"][0]["targets"][0]["product"] = json!(product);
        object["spec"]["ncloud"]["permissions"][0]["effect"] = json!(effect);
        object
    };
    let permission = |permission: &str| {
        let mut object = spaceone_policy("permitted");
        object["spec"]["spaceone"]["permissions"] = json!(["inventory.Server.list", permission]);
        object
    };
    for name in ["IAM", "iam", "Organization", "SSO", "*", "I*"] {
        refused(&env, &product(name, "Allow"), "must not allow anything of IAM").await;
    }
    for pattern in ["identity.*", "identity.User.list", "*", "i*.User.list", "[i]dentity.User.list", "?dentity.*.*"] {
        refused(&env, &permission(pattern), "must not permit anything of identity").await;
    }
    for good in
        [product("IAM", "Deny"), product("Server", "Allow"), permission("inventory.*"), permission("identity_x.*")]
    {
        env.apply(good).await;
    }
    sample.remove().await;
}

#[tokio::test]
async fn sample_refuses_name_of_another_namespace() {
    let env = restricted("vap-name").await;
    let sample = Sample::apply(&env.client, "name-prefix.yaml", env.namespace(), only(&env)).await;
    let message = format!("the upstream name must begin with {}-", env.namespace());
    let with = |mut object: Value, field: &str, name: &str| {
        let upstream = if object["spec"].get("ncloud").is_some() { "ncloud" } else { "spaceone" };
        object["spec"][upstream][field] = json!(name);
        object
    };
    let zone = "zone-0123456789ab";
    for bad in [ncloud_policy("other-n"), spaceone_policy("other-s"), network_policy("other-w", zone)] {
        refused(&env, &bad, &message).await;
    }
    let own = |end: &str| format!("{}-{end}", env.namespace());
    let mut good =
        vec![with(spaceone_policy("s"), "policyId", &own("s")), with(network_policy("w", zone), "name", &own("w"))];
    if own("n").len() <= 30 {
        good.push(with(ncloud_policy("n"), "policyName", &own("n")));
    }
    for object in good {
        env.apply(object).await;
    }
    sample.remove().await;
}

#[tokio::test]
async fn sample_refuses_shared_connection_without_guardrails() {
    let env = TestEnv::without_operator("vap-guardrails").await;
    let labels = json!({ "vap-test": env.namespace() });
    let scope = json!({ "objectSelector": { "matchLabels": labels } });
    let sample = Sample::apply(&env.client, "guardrails-required.yaml", env.namespace(), scope).await;
    let connections: Api<ClusterConnection> = Api::all(env.client.clone());
    let propose = |guardrails: Value, allowed: Value| {
        let object: ClusterConnection = serde_json::from_value(json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1",
            "kind": "ClusterConnection",
            "metadata": { "name": format!("{}-shared", env.namespace()), "labels": labels },
            "spec": {
                "ncloud": { "zone": "Public", "credentialsSecretRef": { "name": "none" } },
                "allowedNamespaces": allowed,
                "guardrails": guardrails,
            },
        }))
        .unwrap();
        let (params, connections) = (PostParams { dry_run: true, ..PostParams::default() }, connections.clone());
        async move { connections.create(&params, &object).await.map(drop).map_err(|error| error.to_string()) }
    };
    let (all, deny) = (json!({ "all": true }), json!([{ "product": "IAM", "actions": ["*"] }]));
    for useless in
        [Value::Null, json!([]), json!([{ "maxPolicies": 3 }]), json!([{ "deny": deny, "enforcement": "Warn" }])]
    {
        let refused = || async {
            let answer = propose(useless.clone(), all.clone()).await;
            let told = answer.err().unwrap_or_default();
            anyhow::ensure!(told.contains("spec.guardrails must have a rule with enforcement Enforce"), "{told:?}");
            Ok(())
        };
        wait_for("the refusal", TAKES_EFFECT, refused).await.unwrap();
    }
    propose(json!([{ "deny": deny }]), all).await.unwrap();
    propose(Value::Null, json!({ "names": [] })).await.unwrap();
    propose(Value::Null, Value::Null).await.unwrap();
    sample.remove().await;
}

#[tokio::test]
async fn sample_refuses_approval_by_author_of_policies() {
    let env = restricted("vap-approvers").await;
    let sample = Sample::apply(&env.client, "approvers-only.yaml", env.namespace(), only(&env)).await;
    let approval = json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1",
        "kind": "PolicyApproval",
        "metadata": { "name": "own" },
        "spec": { "policyRef": { "name": "viewer" }, "hash": "0".repeat(64) },
    });
    // The client of the tests may write everything, so it may write policies.
    let (own, dry_run) = (env.api::<PolicyApproval>(), PostParams { dry_run: true, ..PostParams::default() });
    let proposed: PolicyApproval = serde_json::from_value(approval).unwrap();
    let refused = || async {
        let told = own.create(&dry_run, &proposed).await.err().map(|error| error.to_string()).unwrap_or_default();
        anyhow::ensure!(told.contains("a user who may write policies of this namespace cannot approve"), "{told:?}");
        Ok(())
    };
    wait_for("the refusal", TAKES_EFFECT, refused).await.unwrap();
    let user = format!("{}-approver", env.namespace());
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": { "name": "approver" },
        "rules": [{ "apiGroups": ["cloudpolicy.dev"], "resources": ["policyapprovals"], "verbs": ["create", "get"] }],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": { "name": "approver" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "approver" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
    });
    let params = PatchParams::apply("test").force();
    env.api::<Role>().patch("approver", &params, &Patch::Apply(role)).await.unwrap();
    env.api::<RoleBinding>().patch("approver", &params, &Patch::Apply(binding)).await.unwrap();
    let approver = support::control_plane().await.client_as(&user, &["system:authenticated"]).unwrap();
    let approvals: Api<PolicyApproval> = Api::namespaced(approver, env.namespace());
    rbac::wait_until_allowed(|| approvals.get_opt("none")).await;
    approvals.create(&PostParams::default(), &proposed).await.unwrap();
    sample.remove().await;
}

#[test]
fn admission_kustomization_lists_every_sample() {
    let folder = repository().join(FOLDER);
    let kustomization = fs::read_to_string(folder.join("kustomization.yaml")).unwrap();
    let listed: BTreeSet<String> =
        kustomization.lines().filter_map(|line| line.strip_prefix("  - ")).map(str::to_owned).collect();
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(listed, files.filter(|file| file != "kustomization.yaml").collect());
}

/// The whole folder is accepted as it is.
#[tokio::test]
async fn admission_samples_are_accepted_by_api_server() {
    let folder = repository().join(FOLDER).display().to_string();
    let control_plane = support::control_plane().await;
    let judged = control_plane.run_kubectl(&["apply", "--dry-run=server", "--validate=strict", "-k", &folder]).unwrap();
    assert_eq!(judged.lines().count(), 8, "{judged}");
}
