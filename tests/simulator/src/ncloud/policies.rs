//! The policy endpoints: create, list, get, edit, delete, validate.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Account;
use super::choices::{CreateTags, EmptyDescription, Search};
use super::options::Switches;
use super::store::{Draft, stored_form};
use super::types::{Detail, PolicyBody, PolicyType, StoredPolicy};
use super::validate::{Purpose, findings};
use crate::exchange::{Answer, Call, Reply};

/// Parses the request body as `T`, or returns the answer to a malformed body.
pub(crate) fn body<T: DeserializeOwned>(call: &Call, switches: &Switches) -> Result<T, Answer> {
    serde_json::from_slice(&call.body).map_err(|_| Answer::read(switches.malformed.reply()))
}

impl Account {
    pub(crate) fn create(&mut self, call: &Call) -> Result<Answer, Answer> {
        let switches = self.options.switches.clone();
        let body: PolicyBody = body(call, &switches)?;
        let rejected = |error: &super::ErrorAnswer| Answer::read(error.reply());
        if body.tags.is_some() && switches.create_tags == CreateTags::Refused {
            return Err(rejected(&switches.malformed));
        }
        reject_invalid(&findings(&body, Purpose::Create, &switches), &switches)?;
        let name = body.policy_name.unwrap_or_default();
        if switches.unique_names && self.store.is_name_taken(&name, &switches) {
            return Err(rejected(&switches.duplicate_name));
        }
        if self.store.user_created().count() >= switches.policy_limit {
            return Err(rejected(&switches.over_limit));
        }
        let tags = match switches.create_tags {
            CreateTags::Stored => body.tags.unwrap_or_default(),
            CreateTags::Dropped | CreateTags::Refused => BTreeMap::new(),
        };
        let description = body.description.filter(|text| !text.is_empty());
        let draft = Draft { name, description, permissions: body.permissions, tags };
        let policy = self.store.insert(draft, &self.options);
        let reply = Reply::json(switches.create_status, &policy_result(&policy, &switches));
        Ok(Answer::wrote(reply).creating(policy.policy_id))
    }

    pub(crate) fn edit(&mut self, call: &Call, id: &str) -> Result<Answer, Answer> {
        let switches = self.options.switches.clone();
        let body: PolicyBody = body(call, &switches)?;
        let policy = changeable(self.store.read(id), &switches)?;
        reject_invalid(&findings(&body, Purpose::Edit, &switches), &switches)?;
        if body.description.is_some() || switches.clear_omitted_description {
            policy.description = body.description.filter(|text| !text.is_empty());
        }
        policy.permissions = stored_form(body.permissions, &switches);
        Ok(Answer::wrote(Reply::json(200, &policy_result(policy, &switches))))
    }

    pub(crate) fn get(&mut self, call: &Call, id: &str) -> Result<Answer, Answer> {
        let switches = &self.options.switches;
        let Some(policy) = self.store.read(id) else {
            return Err(Answer::read(switches.unknown_policy.reply()));
        };
        let mut detail = summary(policy, switches);
        if call.query().iter().any(|(key, value)| key == "withPermissions" && value == "true") {
            detail.insert("permissions".to_owned(), json!(policy.permissions));
        }
        Ok(Answer::read(Reply::json(200, &detail)))
    }

    pub(crate) fn list(&mut self, call: &Call) -> Result<Answer, Answer> {
        let switches = self.options.switches.clone();
        let Some(filter) = ListQuery::of(call, &switches) else {
            return Err(Answer::read(switches.malformed.reply()));
        };
        let mut policies = self.store.read_all();
        if switches.newest_first {
            policies.reverse();
        }
        policies.retain(|policy| filter.matches(policy, switches.search));
        if switches.shuffled_pages && !policies.is_empty() {
            self.lists += 1;
            let start = self.lists * 37 % policies.len();
            policies.rotate_left(start);
        }
        Ok(Answer::read(Reply::json(200, &filter.page_of(&policies, &switches))))
    }

    pub(crate) fn delete(&mut self, id: &str) -> Result<Answer, Answer> {
        let switches = self.options.switches.clone();
        let policy = changeable(self.store.read(id), &switches)?;
        if !policy.assignees.is_empty() {
            return Err(Answer::read(switches.still_assigned.reply()));
        }
        self.store.remove(id);
        let result = json!({"success": true, "id": id});
        Ok(Answer::wrote(switches.delete_body.reply(switches.delete_status, &result)))
    }

    /// Deletes all policies or none. The first id that cannot be deleted decides the answer.
    pub(crate) fn delete_many(&mut self, call: &Call) -> Result<Answer, Answer> {
        let switches = self.options.switches.clone();
        let ids: Vec<String> = body(call, &switches)?;
        for id in &ids {
            if !changeable(self.store.read(id), &switches)?.assignees.is_empty() {
                return Err(Answer::read(switches.still_assigned.reply()));
            }
        }
        for id in &ids {
            self.store.remove(id);
        }
        let results: Vec<_> = ids.iter().map(|id| json!({"success": true, "id": id})).collect();
        let reply = switches.delete_many_body.reply(switches.delete_status, &results);
        Ok(if ids.is_empty() { Answer::read(reply) } else { Answer::wrote(reply) })
    }

    pub(crate) fn validate(&mut self, call: &Call) -> Result<Answer, Answer> {
        let switches = &self.options.switches;
        let body: PolicyBody = body(call, switches)?;
        if switches.strict_validation && body.tags.is_some() {
            return Err(Answer::read(switches.malformed.reply()));
        }
        // An edit is validated without a name. If the body has a name, it must be valid.
        let purpose = if body.policy_name.is_some() { Purpose::Create } else { Purpose::Edit };
        let details = findings(&body, purpose, switches);
        Ok(Answer::read(Reply::json(200, &verdict(&details))))
    }
}

/// Returns the policy if the account may change it, or else the error answer.
pub(crate) fn changeable<'a>(
    found: Option<&'a mut StoredPolicy>,
    switches: &Switches,
) -> Result<&'a mut StoredPolicy, Answer> {
    match found {
        None => Err(Answer::read(switches.unknown_policy.reply())),
        Some(policy) if policy.policy_type == PolicyType::SystemManaged => {
            Err(Answer::read(switches.system_managed.reply()))
        }
        Some(policy) => Ok(policy),
    }
}

fn reject_invalid(details: &[Detail], switches: &Switches) -> Result<(), Answer> {
    if details.is_empty() {
        return Ok(());
    }
    let body = json!({"validationResult": verdict(details)});
    Err(Answer::read(Reply::json(switches.refused_status, &body)))
}

fn verdict(details: &[Detail]) -> Value {
    json!({"details": details, "success": details.iter().all(|detail| detail.severity != "ERROR")})
}

/// Returns the answer to create and edit, with `description` instead of `policyDesc`.
fn policy_result(policy: &StoredPolicy, switches: &Switches) -> Map<String, Value> {
    let mut result = Map::new();
    result.insert("policyId".to_owned(), json!(policy.policy_id));
    result.insert("policyName".to_owned(), json!(policy.policy_name));
    describe(&mut result, "description", policy, switches);
    if switches.tags_in_result && !policy.tags.is_empty() {
        result.insert("tags".to_owned(), json!(policy.tags));
    }
    result.insert("validationResult".to_owned(), verdict(&[]));
    result
}

/// Returns the item of a list or the body of a get, with `policyDesc` instead of `description`.
fn summary(policy: &StoredPolicy, switches: &Switches) -> Map<String, Value> {
    let mut summary = Map::new();
    summary.insert("policyId".to_owned(), json!(policy.policy_id));
    summary.insert("policyName".to_owned(), json!(policy.policy_name));
    summary.insert("policyType".to_owned(), json!(policy.policy_type));
    describe(&mut summary, "policyDesc", policy, switches);
    summary.insert("nrn".to_owned(), json!(policy.nrn));
    summary
}

fn describe(object: &mut Map<String, Value>, field: &str, policy: &StoredPolicy, switches: &Switches) {
    let value = match (&policy.description, switches.empty_description) {
        (Some(text), _) => json!(text),
        (None, EmptyDescription::Omitted) => return,
        (None, EmptyDescription::EmptyText) => json!(""),
        (None, EmptyDescription::Null) => Value::Null,
    };
    object.insert(field.to_owned(), value);
}

/// The parameters of a list request.
struct ListQuery {
    page: usize,
    size: usize,
    word: Option<String>,
    kind: Option<PolicyType>,
}

impl ListQuery {
    /// Parses the query. Returns `None` for a value that does not have the documented type.
    fn of(call: &Call, switches: &Switches) -> Option<Self> {
        let query: BTreeMap<String, String> = call.query().into_iter().collect();
        let number =
            |name: &str, default: usize| query.get(name).map_or(Some(default), |text| text.parse::<usize>().ok());
        let (page, size) = (number("page", 0)?, number("size", 10)?);
        if size == 0 {
            return None;
        }
        let largest = switches.largest_page.and_then(|largest| usize::try_from(largest).ok());
        let kind = match query.get("type").map(String::as_str) {
            None | Some("") => None,
            Some("SYSTEM_MANAGED") => Some(PolicyType::SystemManaged),
            Some("USER_CREATED") => Some(PolicyType::UserCreated),
            Some(_) => return None,
        };
        let by_name = query.get("searchColumn").is_some_and(|column| column == "policyName");
        let word = query.get("searchWord").filter(|word| by_name && !word.is_empty()).cloned();
        Some(Self { page, size: size.min(largest.unwrap_or(size)), word, kind })
    }

    fn matches(&self, policy: &StoredPolicy, search: Search) -> bool {
        let name = policy.policy_name.as_str();
        self.kind.is_none_or(|kind| kind == policy.policy_type)
            && self.word.as_deref().is_none_or(|word| match search {
                Search::Substring => name.contains(word),
                Search::Exact => name == word,
                Search::Prefix => name.starts_with(word),
            })
    }

    fn page_of(&self, policies: &[StoredPolicy], switches: &Switches) -> Value {
        let total = policies.len();
        let pages = total.div_ceil(self.size);
        let items: Vec<_> = policies
            .iter()
            .skip(self.page.saturating_mul(self.size))
            .take(self.size)
            .map(|policy| summary(policy, switches))
            .collect();
        json!({
            "page": self.page,
            "totalPages": pages,
            "totalItems": total,
            "hasPrevious": self.page > 0,
            "hasNext": self.page + 1 < pages,
            "items": items,
            "isFirst": self.page == 0,
            "isLast": self.page + 1 >= pages,
        })
    }
}
