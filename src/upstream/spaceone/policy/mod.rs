//! Policies of a SpaceONE repository (`spaceone/policy`).
//!
//! The caller chooses the id, which is unique in the domain, so a second create has no effect and the
//! policy is found by its id. The owner tag is the tag `cloudpolicy_owner`.
//!
//! | module | contents |
//! | --- | --- |
//! | `document` | the canonical form and its comparison |
//! | `lint` | what `cloud-policy lint` says about its manifests |
//! | `received` | policies in responses |
//! | `narrowing` | how long a permission that was taken away may be in force |
//! | `used_by`, `role_list` | the roles that hold a policy; the list of them that deletions share |

mod document;
mod lint;
mod narrowing;
mod received;
mod role_list;
mod used_by;

pub(crate) use document::PolicyDocument;

use super::PROVIDER;
use super::client::{Fields, Request, Spaceone};
use super::declared;
use super::listing::{PAGE_SIZE as LIST_PAGE_SIZE, readable, strict};
use super::resource::{ResourceApi, Scope, Verb};
use super::tags;
use crate::api::PolicySpec;
use crate::api::policy::SpaceonePolicySpec;
use crate::engine::finding::{Finding, Rule};
use crate::engine::{Diff, ErrorKind, External, Observed, OwnerTag, Result, UpstreamError, User, Verdict, Written};
use crate::upstream::catalogue::Catalogue;
use crate::upstream::collection::{Availability, Collection, Counted, Provider};
use received::ReceivedPolicy;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Policies in SpaceONE's API.
pub(super) const POLICY: &ResourceApi = &ResourceApi {
    system: "spaceone/policy",
    service: "repository",
    singular: "policy",
    plural: "policies",
    rest_get: "policies",
    rest_change: "policy",
    console_delete: "delete",
    id_field: "policy_id",
    operations: &[
        (Verb::Create, "create policy"),
        (Verb::Update, "update policy"),
        (Verb::Delete, "delete policy"),
        (Verb::Get, "get policy"),
        (Verb::List, "list policies"),
        (Verb::Stat, "count"),
    ],
    absence_code: Some("ERROR_NO_POLICY"),
    offered_by: None,
    scope: Scope::Repository,
    queries_with_lists: true,
    always_has_stat: false,
};

/// The policies of one domain.
pub(crate) struct Policies {
    client: Spaceone,
}

impl Collection for Policies {
    const PROVIDER: &'static Provider = PROVIDER;
    const FIELD: &'static str = "spaceone";
    const COUNTED_AS: &'static str = "policies";
    const RULES: &'static [&'static Rule] = &lint::RULES;
    const NAME_FIELD: &'static str = "spec.spaceone.policyId";
    const IN_REPOSITORY: bool = true;

    type Client = Spaceone;
    type KindSpec = PolicySpec;
    type Spec = SpaceonePolicySpec;

    fn spec(desired: &PolicySpec) -> Option<&SpaceonePolicySpec> {
        desired.spaceone.as_ref()
    }

    fn document(spec: &SpaceonePolicySpec) -> PolicyDocument {
        PolicyDocument(spec.clone())
    }

    fn unique_name(spec: &SpaceonePolicySpec) -> Option<&str> {
        Some(&spec.policy_id)
    }

    fn lint(spec: &SpaceonePolicySpec, _: &Catalogue) -> Vec<Finding> {
        lint::of(spec)
    }

    fn minimal(observed: &PolicyDocument) -> SpaceonePolicySpec {
        observed.minimal()
    }

    fn declared(resource: &str, data: &Fields) -> Option<std::result::Result<Observed<PolicyDocument>, String>> {
        let known = ["policy_id", "name", "permissions", "labels", "tags", "project_id"];
        (resource == POLICY.type_name())
            .then(|| declared::read::<ReceivedPolicy>(data, &known).map(ReceivedPolicy::observed))
    }

    async fn list_strictly(&self) -> Result<Vec<Observed<PolicyDocument>>> {
        self.client.search(POLICY, &Fields::new(), strict(POLICY, ReceivedPolicy::observed)).await
    }

    fn open(client: Spaceone) -> Self {
        Self { client }
    }

    /// Finds the repository. A domain without one may still use the inventory.
    async fn prepare_count(&self) -> Result<Availability> {
        match self.client.repository().await {
            Ok(_) => Ok(Availability::Available),
            Err(error) if matches!(error.kind, ErrorKind::Unsupported | ErrorKind::InvalidReference) => {
                Ok(Availability::Missing(error))
            }
            Err(error) => Err(error),
        }
    }

    /// Counts by a call that checks the token: a get of one policy does not check it.
    async fn count(&self) -> Result<Counted> {
        let count = self.client.count(POLICY).await?;
        Ok(Counted::Count { count: Some(count), limit: None })
    }
}

impl External for Policies {
    const SYSTEM: &'static str = POLICY.system;
    const NAMES: &'static [&'static str] = &["spec.spaceone.policyId", "spec.spaceone.name"];
    const PAGE_SIZE: u64 = LIST_PAGE_SIZE;
    const GRANTS_AFTER_DELETION: bool = true;

    type Document = PolicyDocument;

    async fn find(&self, key: &str, _: &OwnerTag) -> Result<Vec<Observed<PolicyDocument>>> {
        Ok(self.observe(key).await?.into_iter().collect())
    }

    /// A get answers every error of the database as an absence; a list does not.
    async fn find_listed(&self, key: &str) -> Result<Option<Observed<PolicyDocument>>> {
        let query =
            Fields::from_iter([("filter".to_owned(), json!([{ "key": "policy_id", "value": key, "operator": "eq" }]))]);
        let listed = self.client.search(POLICY, &query, readable(ReceivedPolicy::observed)).await?;
        Ok(listed.into_iter().find(|policy| policy.id == key))
    }

    async fn observe(&self, id: &str) -> Result<Option<Observed<PolicyDocument>>> {
        let found = self.client.get::<ReceivedPolicy>(POLICY, id).await?;
        Ok(found.map(ReceivedPolicy::observed))
    }

    async fn list(&self) -> Result<Vec<Observed<PolicyDocument>>> {
        self.client.search(POLICY, &Fields::new(), readable(ReceivedPolicy::observed)).await
    }

    async fn check(&self, _: &PolicyDocument) -> Result<Option<Verdict>> {
        Ok(None)
    }

    async fn create(&self, wanted: &PolicyDocument, owner_tag: &OwnerTag) -> Result<Written<Observed<PolicyDocument>>> {
        self.write(Verb::Create, &wanted.0.policy_id, wanted.create_fields(owner_tag)).await
    }

    async fn update(
        &self,
        id: &str,
        wanted: &PolicyDocument,
        diff: &Diff,
        owner_tag: &OwnerTag,
    ) -> Result<Written<Observed<PolicyDocument>>> {
        let fields = wanted.update_fields(diff, owner_tag);
        // The upstream cannot change the other fields, such as the project: the next observation shows them.
        if fields.is_empty() {
            return Ok(Written::Accepted { id: id.to_owned(), verdict: None, shown: None });
        }
        self.write(Verb::Update, id, fields).await
    }

    fn revocation_delay(wanted: &PolicyDocument, diff: &Diff) -> Option<Duration> {
        narrowing::delay(&wanted.0.permissions, diff)
    }

    async fn tag_owner(&self, id: &str, owner_tag: &OwnerTag) -> Result<()> {
        let Some(policy) = self.client.get::<ReceivedPolicy>(POLICY, id).await? else {
            return Err(UpstreamError::new(
                ErrorKind::Unavailable,
                "update policy",
                "the policy does not exist any more",
            ));
        };
        let fields = Fields::from_iter([("tags".to_owned(), tags::with_owner(policy.tags, owner_tag))]);
        self.write(Verb::Update, id, fields).await.map(drop)
    }

    async fn untag_owner(&self, id: &str, owner_tag: &OwnerTag) -> Result<()> {
        let Some(policy) = self.client.get::<ReceivedPolicy>(POLICY, id).await? else { return Ok(()) };
        let Some(tags) = tags::without_owner(&policy.tags, owner_tag) else { return Ok(()) };
        self.write(Verb::Update, id, Fields::from_iter([("tags".to_owned(), tags)])).await.map(drop)
    }

    async fn delete(&self, id: &str) -> Result<()> {
        self.client.delete(POLICY, id).await
    }

    async fn used_by(&self, id: &str, not_before: Instant) -> Result<Vec<String>> {
        Ok(self.roles_with(id, not_before).await?.into_iter().map(|role| role.shown).collect())
    }

    /// A policy that does not exist any more may still have roles, which keep a copy.
    async fn users(&self, id: &str, not_before: Instant) -> Result<Option<Vec<User>>> {
        self.roles_with(id, not_before).await.map(Some)
    }
}

impl Policies {
    async fn write(&self, verb: Verb, id: &str, fields: Fields) -> Result<Written<Observed<PolicyDocument>>> {
        // A create has the id in the body in every API style, an update where the style says.
        let named = if verb == Verb::Create { "" } else { id };
        let purpose = POLICY.purpose(verb);
        let response = self.client.call(Request { resource: POLICY, verb, id: named, fields }).await?;
        let written: ReceivedPolicy = response.read_object(purpose)?;
        if written.policy_id != id {
            return Err(response.unreadable(purpose));
        }
        let written = written.observed();
        Ok(Written::Accepted { id: written.id.clone(), verdict: None, shown: Some(written) })
    }
}

/// Returns the fields that are set.
fn fields(all: &[(&str, Value)]) -> Fields {
    all.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

impl PolicyDocument {
    fn create_fields(&self, owner_tag: &OwnerTag) -> Fields {
        let spec = &self.0;
        fields(&[
            ("policy_id", json!(spec.policy_id)),
            ("name", json!(spec.name)),
            ("permissions", json!(spec.permissions)),
            ("labels", json!(spec.labels)),
            ("project_id", json!(spec.project_id)),
            ("tags", tags::with_owner(tags::declared(spec.tags.as_ref()), owner_tag)),
        ])
    }

    /// Returns the fields that differ: the upstream keeps the fields that are left out.
    fn update_fields(&self, diff: &Diff, owner_tag: &OwnerTag) -> Fields {
        let spec = &self.0;
        let changed = |field: &str, value: Value| {
            if diff.touches(&format!("spec.spaceone.{field}")) { value } else { Value::Null }
        };
        fields(&[
            ("name", changed("name", json!(spec.name))),
            ("permissions", changed("permissions", json!(spec.permissions))),
            ("labels", changed("labels", json!(spec.labels))),
            ("tags", changed("tags", tags::with_owner(tags::declared(spec.tags.as_ref()), owner_tag))),
        ])
    }
}
