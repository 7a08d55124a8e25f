//! Policies of NAVER Cloud Platform Sub Account (`ncloud/policy`).
//!
//! The upstream makes the id, so that a policy is found again by its name; the stamp is the tag
//! `cloudpolicy-owner`, written with the create call and read through the tag endpoint. An edit
//! replaces all permissions and leaves the tags alone.

mod compare;
mod document;
mod validate;
mod verdict;

pub(crate) use document::PolicyDocument;

use super::client::{ErrorBody, Ncloud, SYSTEM, Tags, read, write};
use super::wire::{Detail, RawVerdict, Stored, Summary};
use crate::api::status::ValidationDetail;
use crate::engine::{
    Details, Diff, ErrorKind, External, FoundTag, Observed, OwnerTag, Result, Snapshot, UpstreamError, Verdict, Written,
};
use crate::upstream::http::{Purpose, Response};
use crate::upstream::snapshots::SnapshotCache;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

/// The tag that says whose a policy is.
pub(crate) const OWNER: &str = "cloudpolicy-owner";

/// The policies of one account.
pub(crate) struct Policies(pub(crate) Arc<Ncloud>, pub(crate) Arc<SnapshotCache<PolicyDocument>>);

impl External for Policies {
    type Document = PolicyDocument;
    const UNLISTED: &'static [&'static str] = &["spec.ncloud.permissions", "spec.ncloud.tags"];

    fn system(&self) -> &'static str {
        SYSTEM
    }

    async fn find(&self, key: &str, _: &OwnerTag) -> Result<Vec<Observed<PolicyDocument>>> {
        // The search may be by part of the name and blind to case.
        let named = self.0.policies(Some(key)).await?.into_iter().filter(|policy| policy.policy_name == key);
        let mut found = Vec::new();
        for policy in named {
            found.extend(self.observe(&policy.policy_id).await?);
        }
        Ok(found)
    }

    async fn observe(&self, id: &str) -> Result<Option<Observed<PolicyDocument>>> {
        let Some(detail) = self.0.policy(id).await? else { return Ok(None) };
        let tags = self.0.tags(id).await?;
        Ok(Some(observed(detail, tags)))
    }

    async fn list(&self) -> Result<Vec<Observed<PolicyDocument>>> {
        Ok(self.0.policies(None).await?.into_iter().map(listed).collect())
    }

    async fn snapshot(&self, not_before: Instant) -> Option<Arc<Snapshot<PolicyDocument>>> {
        self.1.since(not_before, self.list()).await
    }

    fn try_full_read(&self) -> bool {
        self.1.try_full_read()
    }

    async fn check(&self, wanted: &PolicyDocument) -> Result<Option<Verdict>> {
        let purpose = read("validate policy");
        let answer = self.0.validate(wanted.create_body(None)).await?;
        if let (200..=299 | 400 | 422, Some(verdict)) = (answer.status, RawVerdict::of(&answer.body)) {
            return Ok(Some(self.shown(&verdict, wanted)));
        }
        match answer.status {
            200..=299 => Err(answer.unreadable(purpose)),
            400 | 422 => Ok(ErrorBody::of(&answer.body).map(|said| self.refused_outright(said, wanted))),
            404 | 405 | 501 => Ok(None),
            _ => Err(self.0.refusal(&answer, purpose)),
        }
    }

    async fn check_quota(&self) -> Result<()> {
        self.0.check_quota().await
    }

    async fn create(&self, wanted: &PolicyDocument, owner_tag: &OwnerTag) -> Result<Written> {
        let purpose = write("create policy");
        let answer = self.0.create(wanted.create_body(Some(owner_tag))).await?;
        let saved = self.0.saved(&answer, purpose)?;
        let verdict = saved.validation_result.as_ref().map(|verdict| self.shown(verdict, wanted));
        let refused = verdict.as_ref().is_some_and(|verdict| !verdict.success);
        match (saved.policy_id.filter(|id| !id.is_empty()), verdict) {
            (None, Some(verdict)) if refused => Ok(Written::Refused(verdict)),
            (None, _) => Err(lost(&answer, purpose)),
            // Refused, and yet an id: what it means only a look can tell.
            (Some(id), Some(verdict)) if refused && self.0.policy(&id).await?.is_none() => {
                Ok(Written::Refused(verdict))
            }
            (Some(id), verdict) => Ok(Written::Accepted { id, verdict }),
        }
    }

    async fn update(&self, id: &str, wanted: &PolicyDocument, diff: &Diff, owner_tag: &OwnerTag) -> Result<Written> {
        let mut verdict = None;
        if diff.touches("spec.ncloud.description") || diff.touches("spec.ncloud.permissions") {
            let answer = self.0.edit(id, wanted.edit_body()).await?;
            let Stored { validation_result, .. } = self.0.saved(&answer, write("update policy"))?;
            verdict = validation_result.map(|verdict| self.shown(&verdict, wanted));
        }
        if let Some(verdict) = verdict.take_if(|verdict| !verdict.success) {
            return Ok(Written::Refused(verdict));
        }
        if diff.touches("spec.ncloud.tags") {
            self.write_tags(id, wanted, owner_tag).await?;
        }
        Ok(Written::Accepted { id: id.to_owned(), verdict })
    }

    async fn tag_owner(&self, id: &str, owner_tag: &OwnerTag) -> Result<()> {
        let (owner_tag, tags) = (owner_tag.to_string(), self.tags_to_write(id).await?);
        match tags.get(OWNER) {
            Some(owner) if *owner == owner_tag => return Ok(()),
            Some(owner) => self.0.remove_tag(id, OWNER, owner).await?,
            None => {}
        }
        self.0.add_tag(id, OWNER, &owner_tag).await
    }

    async fn delete(&self, id: &str) -> Result<()> {
        let Err(error) = self.0.delete(id).await else { return Ok(()) };
        if !matches!(error.kind, ErrorKind::AlreadyExists | ErrorKind::Rejected) {
            return Err(error);
        }
        // How the upstream says "still assigned" is not documented; who holds the policy is.
        let used_by = self.used_by(id).await?;
        if used_by.is_empty() && error.kind == ErrorKind::Rejected {
            return Err(error);
        }
        let message = if used_by.is_empty() { error.message } else { format!("assigned to {}", some_of(&used_by)) };
        Err(UpstreamError { kind: ErrorKind::InUse, message, ..error })
    }

    async fn used_by(&self, id: &str) -> Result<Vec<String>> {
        let mut used_by: Vec<String> =
            self.0.used_by(id).await?.iter().map(|holder| holder.shown(self.0.redactor())).collect();
        used_by.sort();
        Ok(used_by)
    }
}

impl Policies {
    fn shown(&self, verdict: &RawVerdict, wanted: &PolicyDocument) -> Verdict {
        let mut shown = verdict.shown(self.0.redactor());
        verdict::place(&mut shown.details, wanted);
        shown
    }

    /// A refusal in the form of an error is a verdict, too.
    fn refused_outright(&self, said: ErrorBody, wanted: &PolicyDocument) -> Verdict {
        let redactor = self.0.redactor();
        let mut details = vec![ValidationDetail {
            kind: "ERROR".to_owned(),
            code: redactor.clean(&said.code.unwrap_or_default()),
            message: redactor.clean(&said.message),
            ..ValidationDetail::default()
        }];
        verdict::place(&mut details, wanted);
        Verdict { success: false, details }
    }

    /// Makes the tags those of the spec and the stamp.
    async fn write_tags(&self, id: &str, wanted: &PolicyDocument, owner_tag: &OwnerTag) -> Result<()> {
        let have = self.tags_to_write(id).await?;
        let want = wanted.tags_with(owner_tag);
        for (key, value) in have.iter().filter(|(key, value)| want.get(*key) != Some(value)) {
            self.0.remove_tag(id, key, value).await?;
        }
        for (key, value) in want.iter().filter(|(key, value)| have.get(*key) != Some(value)) {
            self.0.add_tag(id, key, value).await?;
        }
        Ok(())
    }

    async fn tags_to_write(&self, id: &str) -> Result<Tags> {
        let unreadable = "the upstream does not show the policy's tags, so that they cannot be changed";
        let error = || UpstreamError::new(ErrorKind::Unsupported, "get tags", unreadable);
        self.0.tags(id).await?.ok_or_else(error)
    }
}

fn observed(detail: Detail, tags: Option<Tags>) -> Observed<PolicyDocument> {
    let found_tag = tags.as_ref().map_or(FoundTag::NotShown, |tags| tags.get(OWNER).cloned().into());
    let document = PolicyDocument::observed(&detail, tags);
    let details = Details { nrn: detail.nrn.filter(|nrn| !nrn.is_empty()), ..Details::default() };
    Observed { id: detail.policy_id, document, found_tag, details }
}

/// What a list shows: neither permissions nor tags.
fn listed(summary: Summary) -> Observed<PolicyDocument> {
    let document = PolicyDocument::listed(&summary);
    Observed { id: summary.policy_id, document, found_tag: FoundTag::NotShown, details: Details::default() }
}

fn lost(answer: &Response, purpose: Purpose) -> UpstreamError {
    let why = "the upstream answered success and named no policy".to_owned();
    answer.error(ErrorKind::OutcomeUnknown, purpose, why)
}

fn some_of(used_by: &[String]) -> String {
    let shown = used_by.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    match used_by.len() {
        0..=5 => shown,
        more => format!("{shown} and {} more", more - 5),
    }
}

/// The body of a request, without what the user did not set.
fn body(fields: &[(&str, Value)]) -> Value {
    let set = fields.iter().filter(|(_, value)| !value.is_null());
    set.fold(json!({}), |mut body, (key, value)| {
        body[*key] = value.clone();
        body
    })
}
