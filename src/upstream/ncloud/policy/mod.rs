//! Policies of NAVER Cloud Platform Sub Account (`ncloud/policy`).
//!
//! The upstream assigns the id, so a policy is found again by its name. The owner tag is the tag
//! `cloudpolicy-owner`, written in the create call and read through the tag endpoint. An edit
//! replaces all permissions and does not change the tags.
//!
//! | module | contents |
//! | --- | --- |
//! | `calls` | the calls of the API |
//! | `creation` | the create call, and what its response tells |
//! | `wire` | policies in its responses |
//! | `document` | the canonical form |
//! | `compare` | the comparison of permissions by meaning |
//! | `canonical` | the canonical form of permissions |
//! | `access` | whether permissions surely grant no more than others |
//! | `minimal` | the smallest spec that equals a policy |
//! | `validate` | the rules that are checked before anything is sent |
//! | `lint` | what `cloud-policy lint` says about its manifests |
//! | `quota` | the limit of policies of an account |
//! | `echoes` | whether an account stores the tags that its responses to creates show |
//! | `owners` | the owner tags that searches of the whole account share |
//! | `tags`, `known_tags` | the reads and writes of tags; the tags that need no read |
//! | `verdict` | the fields of the spec to which findings of the upstream belong |

mod access;
pub(super) mod calls;
mod canonical;
mod compare;
mod creation;
mod document;
mod echoes;
mod known_tags;
mod lint;
mod minimal;
mod owners;
mod quota;
mod tags;
mod validate;
mod verdict;
pub(super) mod wire;

pub(crate) use document::PolicyDocument;

use super::PROVIDER;
use super::client::Ncloud;
use super::errors::ErrorBody;
use super::listing::PAGE_SIZE as LIST_PAGE_SIZE;
use super::wire::Tags;
use crate::api::PolicySpec;
use crate::api::policy::NcloudPolicySpec;
use crate::engine::finding::{Finding, Rule};
use crate::engine::{
    Diff, ErrorKind, External, FoundTag, Observed, OwnerTag, Ownership, Result, UpstreamError, User, Verdict, Written,
};
use crate::upstream::catalogue::Catalogue;
use crate::upstream::collection::{Collection, Counted, Provider};
use calls::{PolicyCalls, read, write};
use document::Details;
use known_tags::{Known, KnownTags};
use quota::POLICY_LIMIT;
use std::collections::BTreeSet;
use std::time::Instant;
use wire::{Detail, Holder, OWNER, RawVerdict, Stored, Summary, found_tag};

/// The policies of one account.
pub(crate) struct Policies {
    calls: PolicyCalls,
    known_tags: KnownTags,
}

impl Collection for Policies {
    const PROVIDER: &'static Provider = PROVIDER;
    const FIELD: &'static str = "ncloud";
    const COUNTED_AS: &'static str = "policies";
    const RULES: &'static [&'static Rule] = &lint::RULES;
    const NAME_FIELD: &'static str = "spec.ncloud.policyName";

    type Client = Ncloud;
    type KindSpec = PolicySpec;
    type Spec = NcloudPolicySpec;

    fn spec(desired: &PolicySpec) -> Option<&NcloudPolicySpec> {
        desired.ncloud.as_ref()
    }

    fn document(spec: &NcloudPolicySpec) -> PolicyDocument {
        PolicyDocument(spec.clone())
    }

    fn unique_name(spec: &NcloudPolicySpec) -> Option<&str> {
        Some(&spec.policy_name)
    }

    fn lint(spec: &NcloudPolicySpec, catalogue: &Catalogue) -> Vec<Finding> {
        lint::of(spec, catalogue)
    }

    fn minimal(observed: &PolicyDocument) -> NcloudPolicySpec {
        minimal::of(&observed.0)
    }

    async fn list_all(&self) -> Result<Vec<Observed<PolicyDocument>>> {
        Ok(self.calls.list_all().await?.into_iter().map(listed).collect())
    }

    fn open(client: Ncloud) -> Self {
        Self { calls: PolicyCalls::new(client), known_tags: KnownTags::default() }
    }

    async fn count(&self) -> Result<Counted> {
        let count = self.calls.count().await?;
        Ok(Counted::Count { count, limit: Some(POLICY_LIMIT) })
    }
}

impl External for Policies {
    const SYSTEM: &'static str = calls::SYSTEM;
    const PAGE_SIZE: u64 = LIST_PAGE_SIZE;
    const UNLISTED: &'static [&'static str] = &["spec.ncloud.permissions", "spec.ncloud.tags"];

    type Document = PolicyDocument;

    fn know(&self, key: &str) {
        self.calls.know(key);
    }

    async fn find(&self, key: &str, _: &OwnerTag) -> Result<Vec<Observed<PolicyDocument>>> {
        // The search may match parts of names and ignore case.
        let named = self.calls.named(key).await?.into_iter().filter(|policy| policy.policy_name == key);
        let mut found = Vec::new();
        for policy in named {
            found.extend(self.observe(&policy.policy_id).await?);
        }
        Ok(found)
    }

    async fn find_tagged(&self, owner_tag: &OwnerTag, not_before: Instant) -> Result<Vec<Observed<PolicyDocument>>> {
        self.with_owner(owner_tag, not_before).await
    }

    async fn observe(&self, id: &str) -> Result<Option<Observed<PolicyDocument>>> {
        let Some(detail) = self.calls.get(id).await? else { return Ok(None) };
        // The tags of system policies are not documented, and nothing depends on them.
        let tags = match self.known_tags.take(id) {
            _ if detail.is_system() => None,
            Some(Known::Read(tags)) => Some(tags),
            Some(Known::Echoed(tags)) => self.created_tags(id, tags).await?,
            None => self.read_tags(id).await?,
        };
        Ok(Some(observed(detail, tags)))
    }

    async fn list(&self) -> Result<Vec<Observed<PolicyDocument>>> {
        Ok(self.calls.list().await?.into_iter().map(listed).collect())
    }

    async fn check(&self, wanted: &PolicyDocument) -> Result<Option<Verdict>> {
        let purpose = read("validate policy");
        let response = self.calls.validate(wanted.validate_body()).await?;
        if let (200..=299 | 400 | 422, Some(verdict)) = (response.status, RawVerdict::of(&response.body)) {
            return Ok(Some(verdict::shown(&verdict, wanted, self.calls.redactor())));
        }
        match response.status {
            200..=299 => Err(response.unreadable(purpose)),
            400 | 422 => {
                Ok(ErrorBody::of(&response.body).map(|error| verdict::of_error(error, wanted, self.calls.redactor())))
            }
            404 | 405 | 501 => Ok(None),
            _ => Err(self.calls.client.refusal(&response, purpose)),
        }
    }

    async fn check_quota(&self) -> Result<()> {
        self.calls.check_quota().await
    }

    async fn create(&self, wanted: &PolicyDocument, owner_tag: &OwnerTag) -> Result<Written<Observed<PolicyDocument>>> {
        let response = self.send_create(wanted, owner_tag).await?;
        self.created(&response, wanted, owner_tag).await.map_err(UpstreamError::sent)
    }

    async fn update(
        &self,
        id: &str,
        wanted: &PolicyDocument,
        diff: &Diff,
        owner_tag: &OwnerTag,
    ) -> Result<Written<Observed<PolicyDocument>>> {
        let mut verdict = None;
        if diff.touches("spec.ncloud.description") || diff.touches("spec.ncloud.permissions") {
            let response = self.calls.edit(id, wanted.edit_body()).await?;
            let Stored { validation_result, .. } = self.calls.edited(&response, write("update policy"))?;
            verdict = validation_result.map(|verdict| verdict::shown(&verdict, wanted, self.calls.redactor()));
        }
        if let Some(verdict) = verdict.take_if(|verdict| !verdict.success) {
            return Ok(Written::Refused(verdict));
        }
        if diff.touches("spec.ncloud.tags") {
            self.write_tags(id, wanted, owner_tag).await?;
        } else {
            self.known_tags.edited(id);
        }
        Ok(Written::Accepted { id: id.to_owned(), verdict, shown: None })
    }

    async fn tag_owner(&self, id: &str, owner_tag: &OwnerTag) -> Result<()> {
        let tags = self.tags_to_write(id).await?;
        match tags.get(OWNER) {
            Some(owner) if owner_tag.is(owner) => Ok(()),
            Some(owner) => self.calls.replace_tag(id, OWNER, owner, &owner_tag.to_string()).await,
            None => self.calls.add_tag(id, OWNER, &owner_tag.to_string()).await,
        }
    }

    async fn untag_owner(&self, id: &str, owner_tag: &OwnerTag) -> Result<()> {
        match self.tags_to_write(id).await?.get(OWNER) {
            Some(found) if owner_tag.judge(&Some(found.clone()).into()) == Ownership::Ours => {
                self.calls.remove_tag(id, OWNER, found).await
            }
            _ => Ok(()),
        }
    }

    async fn delete(&self, id: &str) -> Result<()> {
        let Err(error) = self.calls.delete(id).await else { return Ok(()) };
        if !matches!(error.kind, ErrorKind::AlreadyExists | ErrorKind::Rejected) {
            return Err(error);
        }
        // The error for a policy that is still assigned is not documented; the assignments are.
        let used_by = self.used_by(id, Instant::now()).await?;
        if used_by.is_empty() && error.kind == ErrorKind::Rejected {
            return Err(error);
        }
        let message = if used_by.is_empty() { error.message } else { format!("assigned to {}", some_of(&used_by)) };
        Err(UpstreamError { kind: ErrorKind::InUse, message, ..error })
    }

    async fn found_tag(&self, id: &str) -> Result<FoundTag> {
        Ok(found_tag(self.read_tags(id).await?.as_ref()))
    }

    async fn used_by(&self, id: &str, _: Instant) -> Result<Vec<String>> {
        let assigned = self.calls.assigned_to(id).await?;
        let mut used_by: Vec<String> = assigned.iter().map(|holder| holder.shown(self.calls.redactor())).collect();
        used_by.sort();
        Ok(used_by)
    }

    async fn users(&self, id: &str, _: Instant) -> Result<Option<Vec<User>>> {
        let assigned = self.calls.assignees(id).await?;
        let user = |holder: &Holder| User { kind: holder.kind(), shown: holder.shown(self.calls.redactor()) };
        Ok(assigned.map(|assigned| assigned.iter().map(user).collect::<BTreeSet<_>>().into_iter().collect()))
    }
}

fn observed(detail: Detail, tags: Option<Tags>) -> Observed<PolicyDocument> {
    let found_tag = if detail.is_system() { FoundTag::Reserved } else { found_tag(tags.as_ref()) };
    let document = PolicyDocument::observed(&detail, tags);
    let details = Details { nrn: detail.nrn.filter(|nrn| !nrn.is_empty()) };
    Observed { id: detail.policy_id, document, found_tag, details }
}

/// Converts a listed policy, which has neither permissions nor tags.
fn listed(summary: Summary) -> Observed<PolicyDocument> {
    let document = PolicyDocument::listed(&summary);
    Observed { id: summary.policy_id, document, found_tag: FoundTag::NotShown, details: Details::default() }
}

fn some_of(used_by: &[String]) -> String {
    let shown = used_by.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    match used_by.len() {
        0..=5 => shown,
        more => format!("{shown} and {} more", more - 5),
    }
}
