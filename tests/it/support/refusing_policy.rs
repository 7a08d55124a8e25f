//! An admission policy that refuses changes of finalizers in the namespace of one test.

use crate::support::test_env::TestEnv;
use cloud_policy_testbed::wait_for;
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::time::Duration;

/// How long the API server may take to enforce a new policy.
const TAKES_EFFECT: Duration = Duration::from_secs(30);

/// The message of the policy.
pub const MESSAGE: &str = "finalizers are kept by the platform team";

/// The policy, until it is removed.
pub struct RefusingPolicy<'e> {
    env: &'e TestEnv,
    name: String,
}

impl<'e> RefusingPolicy<'e> {
    /// Refuses every update of an object of this resource, such as `policies`, for which the expression is false.
    pub async fn apply(env: &'e TestEnv, resource: &str, expression: &str) -> Self {
        let name = format!("finalizers-{}", env.namespace());
        let label = json!({ "metadata": { "labels": { "cloudpolicy.dev/finalizers": env.namespace() } } });
        let namespaces: Api<Namespace> = Api::all(env.client.clone());
        namespaces.patch(env.namespace(), &PatchParams::default(), &Patch::Merge(label)).await.unwrap();
        let selector = json!({ "matchLabels": { "cloudpolicy.dev/finalizers": env.namespace() } });
        let rule = json!({ "apiGroups": ["cloudpolicy.dev"], "apiVersions": ["*"], "operations": ["UPDATE"],
            "resources": [resource] });
        put::<ValidatingAdmissionPolicy>(
            env,
            &name,
            json!({ "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": { "resourceRules": [rule], "namespaceSelector": selector },
            "validations": [{ "expression": expression, "message": MESSAGE }],
        } }),
        )
        .await;
        put::<ValidatingAdmissionPolicyBinding>(
            env,
            &name,
            json!({ "spec": {
            "policyName": name, "validationActions": ["Deny"],
            "matchResources": { "namespaceSelector": selector },
        } }),
        )
        .await;
        Self { env, name }
    }

    /// Returns the policy of an environment.
    pub fn of(env: &'e TestEnv) -> Self {
        Self { env, name: format!("finalizers-{}", env.namespace()) }
    }

    /// Waits until the API server refuses a change that the policy forbids.
    pub async fn is_enforced<K>(&self, object: &str, change: Value)
    where
        K: crate::support::test_env::Kind,
    {
        let patch = Patch::Merge(change);
        let params = PatchParams { dry_run: true, ..PatchParams::default() };
        let refused = || async {
            match self.env.api::<K>().patch(object, &params, &patch).await {
                Ok(_) => anyhow::bail!("accepted"),
                Err(error) => anyhow::ensure!(error.to_string().contains(MESSAGE), "{error}"),
            }
            Ok(())
        };
        wait_for("the policy to be enforced", TAKES_EFFECT, refused).await.unwrap();
    }

    /// Removes the policy.
    pub async fn remove(self) {
        let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(self.env.client.clone());
        bindings.delete(&self.name, &DeleteParams::default()).await.unwrap();
        let policies: Api<ValidatingAdmissionPolicy> = Api::all(self.env.client.clone());
        policies.delete(&self.name, &DeleteParams::default()).await.unwrap();
    }
}

async fn put<K>(env: &TestEnv, name: &str, mut object: Value)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + Debug,
{
    object["apiVersion"] = json!(K::api_version(&()));
    object["kind"] = json!(K::kind(&()));
    object["metadata"] = json!({ "name": name });
    let api: Api<K> = Api::all(env.client.clone());
    api.patch(name, &PatchParams::apply("test").force(), &Patch::Apply(object)).await.unwrap();
}
