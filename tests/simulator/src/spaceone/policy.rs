//! Repository policies.

use serde_json::{Map, Value, json};

use super::Installation;
use super::errors::{ApiError, Grpc};
use super::fields::{check_keys, check_length, list, object, object_or_empty, require, text, texts};
use super::options::Era;
use super::query::{Rules, flag, select};
use super::stat;
use super::store::{StoredPolicy, millis};
use crate::exchange::Answer;
use crate::exchange::Reply;

type Params = Map<String, Value>;

impl Installation {
    pub(crate) fn create_policy(&mut self, params: &Params) -> Result<Answer, ApiError> {
        require(params, &["policy_id", "name", "permissions", "domain_id"])?;
        let policy_id = text(params, "policy_id");
        self.check_policy_id(&policy_id)?;
        if let Some(project) = params.get("project_id").and_then(Value::as_str) {
            return Err(self.no_such_project(project, &text(params, "domain_id")));
        }
        let domain_id = text(params, "domain_id");
        if self.policy_at(&policy_id, Some(&domain_id)).is_some() {
            return Err(self.duplicate_policy());
        }
        let now = millis(self.options.clock.now());
        let policy = StoredPolicy {
            policy_id,
            name: text(params, "name"),
            state: "ENABLED".to_owned(),
            permissions: texts(params, "permissions"),
            labels: list(params, "labels"),
            tags: object_or_empty(params, "tags"),
            project_id: String::new(),
            domain_id,
            created_at: now.clone(),
            updated_at: now,
        };
        check_policy(&policy, "None")?;
        let info = self.policy_info(&policy);
        let id = policy.policy_id.clone();
        self.store.policies.push(policy);
        Ok(Answer::wrote(Reply::json(200, &info)).creating(id))
    }

    pub(crate) fn update_policy(&mut self, params: &Params) -> Result<Answer, ApiError> {
        require(params, &["policy_id", "domain_id"])?;
        let at = self.find_policy(params)?;
        let mut policy = self.store.policies[at].clone();
        if params.contains_key("name") {
            policy.name = text(params, "name");
        }
        if params.contains_key("permissions") {
            policy.permissions = texts(params, "permissions");
        }
        if params.contains_key("labels") {
            policy.labels = list(params, "labels");
        }
        if let Some(tags) = object(params, "tags") {
            policy.tags = tags;
        }
        check_policy(&policy, &policy.policy_id)?;
        let info = self.policy_info(&policy);
        self.store.policies[at] = policy;
        Ok(Answer::wrote(Reply::json(200, &info)))
    }

    pub(crate) fn delete_policy(&mut self, params: &Params) -> Result<Answer, ApiError> {
        require(params, &["policy_id", "domain_id"])?;
        let at = self.find_policy(params)?;
        self.store.policies.remove(at);
        Ok(Answer::wrote(Reply::json(200, &json!({}))))
    }

    /// Asks no token. Without a domain, 1.11 looks in every domain and 1.12 in none.
    pub(crate) fn get_policy(&mut self, params: &Params) -> Result<Answer, ApiError> {
        require(params, &["policy_id"])?;
        let policy_id = text(params, "policy_id");
        let domain = params.get("domain_id").and_then(Value::as_str);
        let repository = params.get("repository_id").and_then(Value::as_str);
        let searched = domain.is_some() || self.options.era == Era::Rest;
        let known = repository.is_none_or(|id| id == self.store.repository_id);
        let found = self.policy_at(&policy_id, domain).filter(|_| searched && known);
        let Some(at) = found else {
            let message = format!("Policy does not exists. (policy_id = {policy_id})");
            let grpc = if self.options.era == Era::Rest { Grpc::Internal } else { Grpc::InvalidArgument };
            return Err(ApiError::new("ERROR_NO_POLICY", grpc, message));
        };
        let policy = &self.store.policies[at];
        let only = params.get("only").map(|_| texts(params, "only"));
        Ok(Answer::read(Reply::json(200, &self.policy_part(policy, only.as_deref()))))
    }

    pub(crate) fn list_policies(&mut self, params: &Params) -> Result<Answer, ApiError> {
        require(params, &["repository_id"])?;
        self.check_repository(params)?;
        let documents = self.policy_documents();
        let rules = self.policy_rules();
        let query = with_filters(params, &["repository_id", "policy_id", "name", "project_id", "domain_id"]);
        let (found, total) = select(&documents, &query, &rules)?;
        let only = query.get("only").map(|_| texts(&query, "only"));
        let results: Vec<Value> = found
            .into_iter()
            .map(|at| {
                let policy = &self.store.policies[at];
                if flag(&query, "minimal") {
                    return json!({"policy_id": policy.policy_id, "name": policy.name});
                }
                self.policy_part(policy, only.as_deref())
            })
            .collect();
        Ok(Answer::read(Reply::json(200, &self.page_of(results, total))))
    }

    pub(crate) fn stat_policies(&mut self, params: &Params) -> Result<Answer, ApiError> {
        if self.options.era == Era::Verb {
            return Err(ApiError::unknown("Method not implemented!"));
        }
        require(params, &["query", "repository_id"])?;
        self.check_repository(params)?;
        let query = with_filters(params, &["repository_id", "domain_id"]);
        let answer = stat::staged(&self.policy_documents(), &query, &self.policy_rules())?;
        Ok(Answer::read(Reply::json(200, &answer)))
    }

    /// The whole policy as the servers print it.
    pub(crate) fn policy_info(&self, policy: &StoredPolicy) -> Value {
        self.policy_part(policy, None)
    }

    /// With `only`, the other fields print their defaults, of which some are not empty.
    fn policy_part(&self, policy: &StoredPolicy, only: Option<&[String]>) -> Value {
        let wanted = |field: &str| only.is_none_or(|only| only.iter().any(|name| name == field));
        let kept = |field: &str, value: Value| if wanted(field) { value } else { Value::Null };
        let mut info = json!({
            "policy_id": kept("policy_id", json!(policy.policy_id)),
            "name": policy.name,
            "state": if wanted("state") { json!(policy.state) } else { json!("ENABLED") },
            "permissions": kept("permissions", json!(policy.permissions)),
            "labels": if wanted("labels") { json!(policy.labels) } else { json!([]) },
            "tags": if wanted("tags") { json!(policy.tags) } else { json!({}) },
            "repository_info": kept("repository_info", self.store.repository_info()),
            "project_id": kept("project_id", json!(policy.project_id)),
            "domain_id": kept("domain_id", json!(policy.domain_id)),
            "created_at": kept("created_at", json!(policy.created_at)),
            "updated_at": kept("updated_at", json!(policy.updated_at)),
        });
        self.drop_defaults(&mut info);
        info
    }

    fn policy_documents(&self) -> Vec<Value> {
        let document = |policy: &StoredPolicy| {
            let mut document = json!(policy);
            document["repository_id"] = json!(self.store.repository_id);
            if policy.project_id.is_empty() {
                document["project_id"] = Value::Null;
            }
            document
        };
        self.store.policies.iter().map(document).collect()
    }

    fn policy_rules(&self) -> Rules {
        let keywords: &[&str] = match self.options.era {
            Era::Rest => &["policy_id", "name", "labels"],
            Era::Verb => &["name"],
        };
        Rules { fold_case: false, exact: &[], keywords, now: self.options.clock.now() }
    }

    fn policy_at(&self, policy_id: &str, domain: Option<&str>) -> Option<usize> {
        let fits = |policy: &StoredPolicy| {
            policy.policy_id == policy_id && domain.is_none_or(|domain| policy.domain_id == domain)
        };
        self.store.policies.iter().position(fits)
    }

    fn find_policy(&self, params: &Params) -> Result<usize, ApiError> {
        let (id, domain) = (text(params, "policy_id"), text(params, "domain_id"));
        self.policy_at(&id, Some(&domain)).ok_or_else(|| {
            let pairs = [("policy_id", format!("'{id}'")), ("domain_id", format!("'{domain}'"))];
            ApiError::not_found(self.options.era, &pairs)
        })
    }

    fn check_repository(&self, params: &Params) -> Result<(), ApiError> {
        let id = text(params, "repository_id");
        if id == self.store.repository_id {
            return Ok(());
        }
        Err(ApiError::not_found(self.options.era, &[("repository_id", format!("'{id}'"))]))
    }

    fn duplicate_policy(&self) -> ApiError {
        let grpc = if self.options.era == Era::Rest { Grpc::InvalidArgument } else { Grpc::AlreadyExists };
        let message = "Tried to save duplicate unique values. (keys = ['policy_id', 'domain_id'])";
        ApiError::new("ERROR_SAVE_UNIQUE_VALUES", grpc, message)
    }

    fn no_such_project(&self, project: &str, domain: &str) -> ApiError {
        let pairs = [("project_id", format!("'{project}'")), ("domain_id", format!("'{domain}'"))];
        ApiError::not_found(self.options.era, &pairs)
    }

    /// The server's own check, with its hole: one bad character at the very end passes.
    fn check_policy_id(&self, id: &str) -> Result<(), ApiError> {
        let grpc = if self.options.era == Era::Rest { Grpc::Internal } else { Grpc::InvalidArgument };
        if id.chars().count() > 48 {
            let message = format!("The length of policy_id should be less than equal 48 in {id}");
            return Err(ApiError::new("ERROR_INVALID_POLICY_ID_LENGTH", grpc, message));
        }
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let rest: String = id.chars().skip_while(|c| good(*c)).take_while(|c| *c != '\n').collect();
        if rest.chars().count() > 1 {
            let message =
                format!("Wrong policy id. Only lower-case/number/hyphen character can be used. (policy_id = {id})");
            return Err(ApiError::new("ERROR_INVALID_POLICY_ID_FORMAT", grpc, message));
        }
        Ok(())
    }
}

fn check_policy(policy: &StoredPolicy, shown: &str) -> Result<(), ApiError> {
    check_length("Policy", shown, "name", &policy.name, 255)?;
    for label in policy.labels.iter().filter_map(Value::as_str) {
        check_length("Policy", shown, "labels", label, 255)?;
    }
    check_keys("Policy", shown, "tags", &policy.tags)
}

/// The query with a filter for each request field that names one.
pub(crate) fn with_filters(params: &Params, fields: &[&str]) -> Params {
    let mut query = object_or_empty(params, "query");
    let mut filters = list(&query, "filter");
    for field in fields {
        if let Some(value) = params.get(*field) {
            filters.push(json!({"k": field, "v": value, "o": "eq"}));
        }
    }
    query.insert("filter".to_owned(), Value::Array(filters));
    query
}
