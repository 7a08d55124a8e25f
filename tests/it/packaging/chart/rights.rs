//! The chart grants the permissions of the manifests in `deploy`, which every other test uses.

use super::helm::{Helm, object};
use crate::docs::markdown::Page;
use crate::support::installation::{OWN, TENANT};
use crate::support::test_env::{TestEnv, ncloud_policy};
use crate::support::{self, rbac};
use cloud_policy::api::{ClusterConnection, Connection, Policy, PolicyApproval};
use k8s_openapi::api::rbac::v1::{ClusterRole, RoleBinding};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const NAME: &str = "cloud-policy-operator";

#[tokio::test]
async fn chart_grants_same_permissions_as_manifests() {
    let made = rendered(&format!("--set tenantConnections.namespaces={{{TENANT}}} --set rbac.aggregate=false")).await;
    let granted: Vec<Value> =
        made.into_iter().filter(|object| object["apiVersion"] == "rbac.authorization.k8s.io/v1").collect();
    let shipped = [rbac::manifests(rbac::OWN), rbac::manifests(rbac::TENANT)].concat();
    assert_eq!(granted.len(), shipped.len(), "the same number of objects");
    for object in &shipped {
        let kind = object["kind"].as_str().unwrap();
        let of_tenant = object["metadata"]["namespace"].is_null() && !kind.starts_with("Cluster");
        let namespace = if of_tenant { TENANT.into() } else { object["metadata"]["namespace"].clone() };
        let there = |other: &&Value| other["kind"] == kind && other["metadata"]["namespace"] == namespace;
        let same = granted.iter().find(there).unwrap_or_else(|| panic!("the chart makes no {kind} in {namespace}"));
        assert_eq!(same["rules"], object["rules"], "{kind} in {namespace}");
        assert_eq!(same["subjects"], object["subjects"], "{kind} in {namespace}");
        assert_eq!(same["roleRef"]["kind"], object["roleRef"]["kind"]);
        assert!(same["roleRef"].is_null() || same["roleRef"]["name"] == same["metadata"]["name"]);
    }
}

#[tokio::test]
async fn release_with_selector_may_write_only_its_own_lease() {
    for (values, lease) in [
        ("scope.selector=shard=a", "cloud-policy-operator-shard"),
        ("scope.selector=shard=a,fullnameOverride=shard-a", "shard-a-shard"),
        ("operator.leaseName=mine", "mine"),
    ] {
        let made = rendered(&format!("--set '{values}'")).await;
        let roles: Vec<&Value> = made.iter().filter(|object| object["kind"] == "Role").collect();
        let named = roles[0]["rules"].as_array().unwrap().iter().find(|rule| !rule["resourceNames"].is_null()).unwrap();
        assert_eq!(named["resourceNames"], json!([lease]), "{values}");
        let deployment = made.iter().find(|object| object["kind"] == "Deployment").unwrap();
        let arguments = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
        assert!(arguments.as_array().unwrap().contains(&json!(format!("--lease-name={lease}"))), "{arguments}");
    }
}

#[tokio::test]
async fn pod_mounts_only_the_projected_token() {
    let made = rendered("").await;
    assert_eq!(object(&made, "ServiceAccount", NAME)["automountServiceAccountToken"], false);
    let pod = &object(&made, "Deployment", NAME)["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    let token = &pod["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"];
    assert_eq!(token["expirationSeconds"], 3600);
}

#[tokio::test]
async fn namespaced_install_renders_no_cluster_roles() {
    let values = super::place("ci/namespaced-values.yaml");
    let made = rendered(&format!("--values '{}'", values.display())).await;
    let kinds = made.iter().map(|object| object["kind"].as_str().unwrap());
    let of_cluster: Vec<&str> = kinds.filter(|kind| kind.starts_with("Cluster")).collect();
    assert!(of_cluster.is_empty(), "{of_cluster:?}");
    let roles: Vec<_> = made.iter().filter(|object| object["kind"] == "Role").collect();
    let own = roles.iter().find(|role| role["metadata"]["namespace"] == OWN).unwrap();
    assert!(!own["rules"].to_string().contains("secrets"), "ClusterConnections are not used: {own}");
    assert_eq!(roles.len(), 4, "the operator's own, two namespaces, and Secrets in one of them");
}

#[tokio::test]
async fn namespaced_install_grants_documented_role() {
    let page = Page::read("docs/operator-flags.md");
    let role = page.fences.iter().find(|fence| fence.body.contains("kind: Role\n")).expect("a Role");
    let documented: Value = serde_saphyr::from_str(&role.body).unwrap();
    let made = rendered("--set 'scope.namespaces={a,b},operator.clusterId=one'").await;
    for namespace in ["a", "b"] {
        let roles =
            made.iter().filter(|object| object["kind"] == "Role" && object["metadata"]["namespace"] == namespace);
        let granted: BTreeSet<String> = roles.flat_map(|role| grants(&role["rules"])).collect();
        assert_eq!(granted, grants(&documented["rules"]), "in {namespace}");
    }
}

/// Returns each verb on each resource.
fn grants(rules: &Value) -> BTreeSet<String> {
    let list = |rule: &Value, field: &str| -> Vec<String> { serde_json::from_value(rule[field].clone()).unwrap() };
    let mut grants = BTreeSet::new();
    for rule in rules.as_array().unwrap() {
        assert!(rule["resourceNames"].is_null(), "{rule}");
        for (group, resource) in list(rule, "apiGroups")
            .iter()
            .flat_map(|g| list(rule, "resources").into_iter().map(move |r| (g.clone(), r)))
        {
            grants.extend(list(rule, "verbs").iter().map(|verb| format!("{verb} {resource}.{group}")));
        }
    }
    grants
}

#[tokio::test]
async fn aggregated_roles_do_not_allow_connection_writes() {
    let made = rendered("").await;
    for (name, verbs) in [
        ("view", vec!["get", "list", "watch"]),
        ("edit", vec!["create", "update", "patch", "delete", "deletecollection"]),
    ] {
        let role = object(&made, "ClusterRole", &format!("{NAME}-{name}"));
        assert_eq!(role["rules"].as_array().unwrap().len(), 1);
        assert_eq!(role["rules"][0]["verbs"], serde_json::json!(verbs));
        let connections = role["rules"][0]["resources"].to_string().contains("connections");
        assert_eq!(connections, name == "view", "{role}");
    }
}

/// A tenant with the rights of the roles `edit` and `view` writes policies, and neither the guardrails of a connection nor
/// any status.
#[tokio::test]
async fn edit_role_cannot_change_guardrails() {
    let env = TestEnv::without_operator("edit-role").await;
    let tenant = holder(&env, "tenant", &["edit", "view"]).await;
    let policies: Api<Policy> = Api::namespaced(tenant.clone(), env.namespace());
    let connections: Api<Connection> = Api::namespaced(tenant.clone(), env.namespace());
    rbac::wait_until_allowed(|| connections.get("ncloud")).await;
    let policy: Policy = serde_json::from_value(ncloud_policy("theirs")).unwrap();
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    rbac::wait_until_allowed(|| policies.create(&dry_run, &policy)).await;
    policies.create(&PostParams::default(), &policy).await.unwrap();
    let (params, lifted) = (PatchParams::default(), Patch::Merge(json!({ "spec": { "guardrails": null } })));
    let refused = |answer: kube::Result<()>| match answer {
        Err(kube::Error::Api(status)) => assert_eq!(status.code, 403, "{status}"),
        other => panic!("{other:?}"),
    };
    refused(connections.patch("ncloud", &params, &lifted).await.map(drop));
    refused(connections.delete("ncloud", &DeleteParams::default()).await.map(drop));
    let shared: Api<ClusterConnection> = Api::all(tenant);
    refused(shared.patch("any", &params, &lifted).await.map(drop));
    let status = Patch::Merge(json!({ "status": { "conditions": [] } }));
    refused(connections.patch_status("ncloud", &params, &status).await.map(drop));
    refused(policies.patch_status("theirs", &params, &status).await.map(drop));
}

/// Whoever writes policies reads approvals and writes none; the role `approve` writes approvals and no policies.
#[tokio::test]
async fn only_approve_role_can_write_approvals() {
    let env = TestEnv::without_operator("approve-role").await;
    let approval: PolicyApproval = serde_json::from_value(json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1",
        "kind": "PolicyApproval",
        "metadata": { "name": "own" },
        "spec": { "policyRef": { "name": "theirs" }, "hash": "0".repeat(64) },
    }))
    .unwrap();
    let author = holder(&env, "author", &["edit", "view"]).await;
    let policies: Api<Policy> = Api::namespaced(author.clone(), env.namespace());
    let policy: Policy = serde_json::from_value(ncloud_policy("theirs")).unwrap();
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    rbac::wait_until_allowed(|| policies.create(&dry_run, &policy)).await;
    let approvals: Api<PolicyApproval> = Api::namespaced(author, env.namespace());
    rbac::wait_until_allowed(|| approvals.get_opt("own")).await;
    let is_refused = |answer: kube::Result<()>| match answer {
        Err(kube::Error::Api(status)) => assert_eq!(status.code, 403, "{status}"),
        other => panic!("{other:?}"),
    };
    let (params, touch) = (PatchParams::default(), Patch::Merge(json!({ "status": { "used": null } })));
    is_refused(approvals.create(&PostParams::default(), &approval).await.map(drop));
    is_refused(approvals.patch("own", &PatchParams::apply("author"), &Patch::Apply(&approval)).await.map(drop));
    is_refused(approvals.patch_status("own", &params, &touch).await.map(drop));
    is_refused(approvals.delete("own", &DeleteParams::default()).await.map(drop));
    let approver = holder(&env, "approver", &["approve"]).await;
    let approvals: Api<PolicyApproval> = Api::namespaced(approver.clone(), env.namespace());
    rbac::wait_until_allowed(|| approvals.create(&dry_run, &approval)).await;
    approvals.create(&PostParams::default(), &approval).await.unwrap();
    is_refused(approvals.patch_status("own", &params, &touch).await.map(drop));
    let policies: Api<Policy> = Api::namespaced(approver, env.namespace());
    is_refused(policies.create(&dry_run, &policy).await.map(drop));
}

/// Returns a client of a user who has these roles of the chart in the namespace of the environment.
async fn holder(env: &TestEnv, user: &str, roles: &[&str]) -> kube::Client {
    let user = format!("{}-{user}", env.namespace());
    for role in roles {
        let mut object = object(&rendered("").await, "ClusterRole", &format!("{NAME}-{role}")).clone();
        let name = format!("{}-{role}", env.namespace());
        // Bound as they are, and not aggregated to the roles of other tests.
        object["metadata"] = json!({ "name": name });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
        });
        let params = PatchParams::apply("test").force();
        Api::<ClusterRole>::all(env.client.clone()).patch(&name, &params, &Patch::Apply(object)).await.unwrap();
        env.api::<RoleBinding>().patch(&name, &params, &Patch::Apply(binding)).await.unwrap();
    }
    support::control_plane().await.client_as(&user, &["system:authenticated"]).unwrap()
}

async fn rendered(arguments: &str) -> Vec<Value> {
    Helm::of("4", None).template(&format!("{NAME} --namespace {OWN} {arguments}")).await.unwrap()
}
