//! The principals that a policy is attached to, and the tags of a policy.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Account;
use super::options::Switches;
use super::policies::{body, changeable};
use super::types::{Assignee, PolicyType, PrincipalType, StoredPolicy};
use crate::exchange::{Answer, Call, Reply};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyIds {
    policy_id_list: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tag {
    tag_key: String,
    #[serde(default)]
    tag_value: String,
}

impl Account {
    pub(crate) fn resources(&mut self, id: &str) -> Result<Answer, Answer> {
        let member = self.options.member_number.clone();
        let Some(policy) = self.store.read(id) else {
            return Err(Answer::read(self.options.switches.unknown_policy.reply()));
        };
        let resources: Vec<Value> = policy
            .assignees
            .iter()
            .map(|principal| {
                let (kind, id) = (json!(principal.resource_type), &principal.resource_id);
                let nrn = format!("nrn:PUB:IAM::{member}:{}/{id}", kind.as_str().unwrap_or_default());
                json!({"resourceType": kind, "resourceId": id, "resourceName": principal.resource_name, "nrn": nrn})
            })
            .collect();
        Ok(Answer::read(Reply::json(200, &resources)))
    }

    /// Attaches policies. The status is always 200; each element of the answer has the result for one policy.
    pub(crate) fn attach(&mut self, call: &Call, kind: PrincipalType, principal: &str) -> Result<Answer, Answer> {
        self.for_each_policy(call, principal, |store, id| {
            let policy = store.read(id).ok_or("This policy isn't registered.")?;
            if policy.assignees.iter().any(|other| other.resource_id == principal) {
                return Err("The policy has already been registered.");
            }
            policy.assignees.push(Assignee {
                resource_type: kind,
                resource_id: principal.to_owned(),
                resource_name: principal.to_owned(),
            });
            Ok(())
        })
    }

    /// Detaches policies, the counterpart of [`Account::attach`]. The policies are in the body, not in the path.
    pub(crate) fn detach(&mut self, call: &Call, principal: &str) -> Result<Answer, Answer> {
        self.for_each_policy(call, principal, |store, id| {
            let policy = store.read(id).ok_or("This policy isn't registered.")?;
            let before = policy.assignees.len();
            policy.assignees.retain(|other| other.resource_id != principal);
            if policy.assignees.len() < before { Ok(()) } else { Err("This policy isn't registered.") }
        })
    }

    fn for_each_policy(
        &mut self,
        call: &Call,
        principal: &str,
        mut change: impl FnMut(&mut super::store::Store, &str) -> Result<(), &'static str>,
    ) -> Result<Answer, Answer> {
        let switches = &self.options.switches;
        let PolicyIds { policy_id_list } = body(call, switches)?;
        if switches.principals.as_ref().is_some_and(|known| !known.iter().any(|id| id == principal)) {
            return Err(Answer::read(switches.unknown_principal.reply()));
        }
        let mut effect = false;
        let mut results = Vec::new();
        for id in &policy_id_list {
            results.push(match change(&mut self.store, id) {
                Ok(()) => {
                    effect = true;
                    json!({"success": true, "id": id})
                }
                Err(message) => json!({"success": false, "id": id, "message": message}),
            });
        }
        let reply = Reply::json(200, &results);
        Ok(if effect { Answer::wrote(reply) } else { Answer::read(reply) })
    }

    pub(crate) fn tags(&mut self, id: &str) -> Result<Answer, Answer> {
        let policy = taggable(self.store.read(id), &self.options.switches)?;
        let tags: Vec<Value> = policy
            .tags
            .iter()
            .map(|(key, value)| json!({"tagKey": key, "tagValue": value, "tagDisplay": format!("{key}:{value}")}))
            .collect();
        Ok(Answer::read(Reply::json(200, &tags)))
    }

    pub(crate) fn add_tag(&mut self, call: &Call, id: &str) -> Result<Answer, Answer> {
        let switches = &self.options.switches;
        let Tag { tag_key, tag_value } = body(call, switches)?;
        let policy = taggable(self.store.read(id), switches)?;
        if !switches.tag_rule.allows(&tag_key, &tag_value) {
            return Err(Answer::read(switches.malformed.reply()));
        }
        if policy.tags.len() >= 20 && !policy.tags.contains_key(&tag_key) {
            return Err(Answer::read(switches.over_limit.reply()));
        }
        policy.tags.insert(tag_key, tag_value);
        Ok(Answer::wrote(switches.tag_body.reply(200, &json!({"success": true, "id": id}))))
    }

    pub(crate) fn remove_tag(&mut self, call: &Call, id: &str) -> Result<Answer, Answer> {
        let switches = &self.options.switches;
        let tag: Tag = body(call, switches)?;
        let policy = taggable(self.store.read(id), switches)?;
        if policy.tags.remove(&tag.tag_key).is_none() {
            let result = json!({"success": false, "id": id, "message": "This tag isn't registered."});
            return Err(Answer::read(Reply::json(200, &result)));
        }
        Ok(Answer::wrote(switches.tag_body.reply(200, &json!({"success": true, "id": id}))))
    }
}

/// Returns the policy if its tags can be read and changed, or else the error answer.
fn taggable<'a>(found: Option<&'a mut StoredPolicy>, switches: &Switches) -> Result<&'a mut StoredPolicy, Answer> {
    match found {
        Some(policy) if policy.policy_type == PolicyType::SystemManaged && switches.system_tags => Ok(policy),
        found => changeable(found, switches),
    }
}
