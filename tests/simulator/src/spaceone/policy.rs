//! Repository policies.

use serde_json::{Map, Value, json};

use super::errors::{ApiError, Grpc};
use super::fields::{Check, list, object, object_or_empty, require, text, texts};
use super::installation::Installation;
use super::options::Era;
use super::query::{Field, Rules, flag, resolve, select, sort_keys, with_filters};
use super::stat;
use super::store::{StoredPolicy, millis};
use crate::exchange::{Answer, Reply};

type Fields = Map<String, Value>;

static FIELDS: &[Field] = &[
    Field::Leaf("policy_id"),
    Field::Leaf("name"),
    Field::Leaf("state"),
    Field::Leaf("permissions"),
    Field::Leaf("labels"),
    Field::Free("tags"),
    Field::Leaf("repository_id"),
    Field::Free("repository"),
    Field::Leaf("project_id"),
    Field::Leaf("domain_id"),
    Field::Leaf("created_at"),
    Field::Leaf("updated_at"),
];

impl Installation {
    pub(crate) fn create_policy(&mut self, params: &Fields) -> Result<Answer, ApiError> {
        require(params, &["policy_id", "name", "permissions", "domain_id"])?;
        let (policy_id, domain_id) = (text(params, "policy_id"), text(params, "domain_id"));
        self.check_policy_id(&policy_id)?;
        if let Some(project) = params.get("project_id").and_then(Value::as_str) {
            // The identity service has no projects here. The repository passes on its error.
            let pairs = [("project_id", Some(project)), ("domain_id", Some(domain_id.as_str()))];
            return Err(ApiError::not_found(self.options.era, &pairs).relayed());
        }
        if self.policy_at(&policy_id, Some(&domain_id)).is_some() {
            return Err(self.duplicate_policy());
        }
        check_policy(Check::new_document("Policy", self.options.era), params)?;
        let now = millis(self.options.clock.now());
        let policy = StoredPolicy {
            policy_id: policy_id.clone(),
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
        let info = self.policy_info(&policy, None);
        self.store.policies.push(policy);
        Ok(Answer::wrote(Reply::json(200, &info)).creating(policy_id))
    }

    pub(crate) fn update_policy(&mut self, params: &Fields) -> Result<Answer, ApiError> {
        require(params, &["policy_id", "domain_id"])?;
        let at = self.find_policy(params, &["policy_id", "domain_id"])?;
        check_policy(Check::change("Policy", self.options.era), params)?;
        let policy = &mut self.store.policies[at];
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
        let info = self.policy_info(&self.store.policies[at], None);
        Ok(Answer::wrote(Reply::json(200, &info)))
    }

    pub(crate) fn delete_policy(&mut self, params: &Fields) -> Result<Answer, ApiError> {
        require(params, &["policy_id", "domain_id"])?;
        let at = self.find_policy(params, &["domain_id", "policy_id"])?;
        self.store.policies.remove(at);
        Ok(Answer::wrote(Reply::json(200, &json!({}))))
    }

    /// Returns a policy without checking the token. Without a domain, 1.11 searches all domains and 1.12
    /// none. Each failure of the search is reported as "does not exist".
    pub(crate) fn get_policy(&self, params: &Fields) -> Result<Answer, ApiError> {
        require(params, &["policy_id"])?;
        let policy_id = text(params, "policy_id");
        let domain = params.get("domain_id").and_then(Value::as_str);
        let repository = params.get("repository_id").and_then(Value::as_str);
        let only = params.get("only").map(|_| texts(params, "only"));
        let searched = domain.is_some() || self.options.era == Era::Rest;
        if let Some(info) = self.marketplace_policy(&policy_id, repository, domain) {
            return Ok(Answer::read(Reply::json(200, &info)));
        }
        let known = repository.is_none_or(|id| id == self.store.repository_id);
        let printable = only.iter().flatten().all(|field| field == "repository_info" || resolve(FIELDS, field).is_ok());
        let found = self.policy_at(&policy_id, domain).filter(|_| searched && known && printable);
        let Some(at) = found else {
            let message = format!("Policy does not exists. (policy_id = {policy_id})");
            return Err(ApiError::new("ERROR_NO_POLICY", self.own_status(), message));
        };
        Ok(Answer::read(Reply::json(200, &self.policy_info(&self.store.policies[at], only.as_deref()))))
    }

    /// Returns a policy of the marketplace, if a get reaches it: by the marketplace's id, or without a
    /// repository if the local one has no policy of this id.
    fn marketplace_policy(&self, policy_id: &str, repository: Option<&str>, domain: Option<&str>) -> Option<Value> {
        let marketplace = self.marketplace.as_ref()?;
        let reached = match repository {
            Some(id) => id == marketplace.repository_id,
            None => self.policy_at(policy_id, domain).is_none(),
        };
        let found = marketplace.policies.iter().find(|policy| policy.policy_id == policy_id).filter(|_| reached)?;
        let mut info = self.policy_info(found, None);
        info["repository_info"] = marketplace.repository_info();
        Some(info)
    }

    pub(crate) fn list_policies(&self, params: &Fields) -> Result<Answer, ApiError> {
        require(params, &["repository_id"])?;
        self.check_repository(params)?;
        let query = with_filters(params, &["repository_id", "policy_id", "name", "project_id", "domain_id"]);
        let (found, total) = select(&self.policy_documents(), &query, &self.policy_rules())?;
        let mut only = query.get("only").map(|_| texts(&query, "only"));
        for field in only.iter().flatten().filter(|field| *field != "repository_info") {
            resolve(FIELDS, field)?;
        }
        // The servers always read the sort fields, and therefore print them.
        if let Some(only) = &mut only {
            only.extend(sort_keys(&query).into_iter().map(|(key, _)| key));
        }
        let info = |at: usize| {
            let policy = &self.store.policies[at];
            if flag(&query, "minimal") {
                return json!({"policy_id": policy.policy_id, "name": policy.name});
            }
            self.policy_info(policy, only.as_deref())
        };
        let results: Vec<Value> = found.into_iter().map(info).collect();
        Ok(Answer::read(Reply::json(200, &self.page_of(&results, total))))
    }

    pub(crate) fn stat_policies(&self, params: &Fields) -> Result<Answer, ApiError> {
        if self.options.era == Era::Verb {
            return Err(ApiError::unknown("Method not implemented!"));
        }
        require(params, &["query", "repository_id"])?;
        self.check_repository(params)?;
        let query = with_filters(params, &["repository_id", "domain_id"]);
        let answer = stat::staged(&self.policy_documents(), &query, &self.policy_rules())?;
        Ok(Answer::read(Reply::json(200, &answer)))
    }

    /// Returns the policy as the servers print it. With `only`, the other fields print their defaults, and
    /// some of these are not empty.
    fn policy_info(&self, policy: &StoredPolicy, only: Option<&[String]>) -> Value {
        let printed = |field: &str, value: Value, default: Value| {
            let wanted = only.is_none_or(|only| only.iter().any(|name| name == field));
            if wanted { value } else { default }
        };
        let kept = |field: &str, value: Value| printed(field, value, Value::Null);
        let mut info = json!({
            "policy_id": kept("policy_id", json!(policy.policy_id)),
            "name": kept("name", json!(policy.name)),
            "state": printed("state", json!(policy.state), json!("ENABLED")),
            "permissions": kept("permissions", json!(policy.permissions)),
            "labels": printed("labels", json!(policy.labels), json!([])),
            "tags": printed("tags", json!(policy.tags), json!({})),
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
        let (now, largest_page) = (self.options.clock.now(), self.options.switches.largest_page);
        Rules { fold_case: false, exact: &[], fields: FIELDS, keywords, now, largest_page }
    }

    fn policy_at(&self, policy_id: &str, domain: Option<&str>) -> Option<usize> {
        let fits = |policy: &StoredPolicy| {
            policy.policy_id == policy_id && domain.is_none_or(|domain| policy.domain_id == domain)
        };
        self.store.policies.iter().position(fits)
    }

    /// Finds a policy. `keys` has the order in which the error prints them.
    fn find_policy(&self, params: &Fields, keys: &[&str]) -> Result<usize, ApiError> {
        let (id, domain) = (text(params, "policy_id"), text(params, "domain_id"));
        self.policy_at(&id, Some(&domain)).ok_or_else(|| {
            let pairs: Vec<_> = keys.iter().map(|key| (*key, params.get(*key).and_then(Value::as_str))).collect();
            ApiError::not_found(self.options.era, &pairs)
        })
    }

    fn check_repository(&self, params: &Fields) -> Result<(), ApiError> {
        let id = text(params, "repository_id");
        let is_marketplace = self.marketplace.as_ref().is_some_and(|marketplace| marketplace.repository_id == id);
        if id == self.store.repository_id || is_marketplace {
            return Ok(());
        }
        Err(ApiError::not_found(self.options.era, &[("repository_id", Some(&id))]))
    }

    fn duplicate_policy(&self) -> ApiError {
        let grpc = if self.options.era == Era::Rest { Grpc::InvalidArgument } else { Grpc::AlreadyExists };
        let message = "Tried to save duplicate unique values. (keys = ['policy_id', 'domain_id'])";
        ApiError::new("ERROR_SAVE_UNIQUE_VALUES", grpc, message)
    }

    /// Returns the gRPC status of the policy service's own errors, which was "internal" before 1.12.
    fn own_status(&self) -> Grpc {
        if self.options.era == Era::Rest { Grpc::Internal } else { Grpc::InvalidArgument }
    }

    /// Checks a policy id as the server does. The check has a bug: one bad character at the end of a line passes.
    fn check_policy_id(&self, id: &str) -> Result<(), ApiError> {
        if id.chars().count() > 48 {
            let message = format!("The length of policy_id should be less than equal 48 in {id}");
            return Err(ApiError::new("ERROR_INVALID_POLICY_ID_LENGTH", self.own_status(), message));
        }
        let good = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-';
        let rest = id.chars().skip_while(good).take_while(|c| *c != '\n');
        if rest.count() > 1 {
            let message =
                format!("Wrong policy id. Only lower-case/number/hyphen character can be used. (policy_id = {id})");
            return Err(ApiError::new("ERROR_INVALID_POLICY_ID_FORMAT", self.own_status(), message));
        }
        Ok(())
    }
}

fn check_policy(check: Check, params: &Fields) -> Result<(), ApiError> {
    check.length("name", &text(params, "name"), 255)?;
    check.labels(&list(params, "labels"))?;
    check.keys("tags", &object_or_empty(params, "tags"))
}
