//! A SpaceONE client without code of the operator: plain HTTP in the REST style, against the simulator or the real
//! servers.

use reqwest::{Client, Method};
use serde_json::{Value, json};

/// The collection of a request.
#[derive(Clone, Copy)]
pub enum Collection {
    /// repository v1 Policy.
    Policies,
    /// inventory v1 `NetworkPolicy`.
    NetworkPolicies,
}

/// One domain of one server.
#[derive(Clone)]
pub struct ContractClient {
    pub base: String,
    pub token: String,
    pub domain: String,
    pub repository: String,
    pub zones: Vec<String>,
    http: Client,
}

impl ContractClient {
    pub fn of_simulator(simulator: &cloud_policy_simulator::spaceone::Spaceone) -> Self {
        Self {
            base: simulator.url(),
            token: simulator.token(),
            domain: simulator.domain_id(),
            repository: simulator.repository_id(),
            zones: simulator.zone_ids(),
            http: Client::new(),
        }
    }

    pub fn of_real_servers(env: &cloud_policy_testbed::SpaceoneEnv) -> Self {
        Self {
            base: env.base_url.clone(),
            token: env.token.clone(),
            domain: env.domain_id.clone(),
            repository: env.repository_id.clone(),
            zones: [&env.zone_id, &env.zone_id_2].into_iter().flatten().cloned().collect(),
            http: Client::new(),
        }
    }

    /// Returns every object whose field has this value.
    pub async fn search(&self, collection: Collection, key: &str, value: &str) -> Vec<Value> {
        let path = match collection {
            Collection::Policies => "/repository/v1/policies/search",
            Collection::NetworkPolicies => "/inventory/v1/network-policies/search",
        };
        let mut body = json!({
            "domain_id": self.domain,
            "query": { "filter": [{ "k": key, "v": value, "o": "eq" }] },
        });
        if matches!(collection, Collection::Policies) {
            body["repository_id"] = json!(self.repository);
        }
        let answer = self.call(Method::POST, path, &body).await;
        answer["results"].as_array().cloned().unwrap_or_default()
    }

    /// Changes an object without the operator.
    pub async fn edit(&self, collection: Collection, id: &str, mut fields: Value) {
        let path = match collection {
            Collection::Policies => format!("/repository/v1/policy/{id}"),
            Collection::NetworkPolicies => format!("/inventory/v1/network-policy/{id}"),
        };
        fields["domain_id"] = json!(self.domain);
        self.call(Method::PUT, &path, &fields).await;
    }

    /// Deletes an object without the operator.
    pub async fn delete(&self, collection: Collection, id: &str) {
        let path = match collection {
            Collection::Policies => format!("/repository/v1/policy/{id}"),
            Collection::NetworkPolicies => format!("/inventory/v1/network-policy/{id}"),
        };
        self.call(Method::DELETE, &path, &json!({ "domain_id": self.domain })).await;
    }

    /// Creates a role that holds a policy of the repository, and returns its id.
    pub async fn create_role(&self, name: &str, policy_id: &str) -> String {
        let held = json!([{ "policy_type": "MANAGED", "policy_id": policy_id }]);
        let body = json!({ "domain_id": self.domain, "name": name, "role_type": "DOMAIN", "policies": held });
        let role = self.call(Method::POST, "/identity/v1/roles", &body).await;
        role["role_id"].as_str().unwrap().to_owned()
    }

    pub async fn delete_role(&self, id: &str) {
        self.call(Method::DELETE, &format!("/identity/v1/roles/{id}"), &json!({ "domain_id": self.domain })).await;
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Value {
        let request =
            self.http.request(method.clone(), format!("{}{path}", self.base)).bearer_auth(&self.token).json(body);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }
}
