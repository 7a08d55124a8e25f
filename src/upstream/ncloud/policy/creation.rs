//! The create call, and what its response tells.

use super::Policies;
use super::calls::write;
use super::document::PolicyDocument;
use super::verdict;
use super::wire::RawVerdict;
use crate::engine::{ErrorKind, Observed, OwnerTag, Result, UpstreamError, Written};
use crate::upstream::http::{Purpose, Response};
use crate::upstream::ncloud::errors::ErrorBody;

impl Policies {
    /// Sends the create call. An account that refuses tags there gets them afterwards: the refusal has no finding
    /// about a field. It may have taken effect all the same, also if the second call is not sent.
    pub(super) async fn send_create(&self, wanted: &PolicyDocument, owner_tag: &OwnerTag) -> Result<Response> {
        let response = self.calls.create(wanted.create_body(owner_tag)).await?;
        let refused = matches!(response.status, 400 | 422) && RawVerdict::of(&response.body).is_none();
        let named = ErrorBody::of(&response.body).is_some_and(|error| !error.fields.is_empty());
        if !refused || named {
            return Ok(response);
        }
        let again = self.calls.create(wanted.validate_body()).await;
        again.map_err(UpstreamError::sent)
    }

    /// Reads the response to a create.
    pub(super) async fn created(
        &self,
        response: &Response,
        wanted: &PolicyDocument,
        owner_tag: &OwnerTag,
    ) -> Result<Written<Observed<PolicyDocument>>> {
        let purpose = write("create policy");
        let stored = match self.calls.stored(response, purpose) {
            Err(error) if error.kind == ErrorKind::AlreadyExists => return Err(self.name_taken(error, wanted).await?),
            stored => stored?,
        };
        let verdict =
            stored.validation_result.as_ref().map(|verdict| verdict::shown(verdict, wanted, self.calls.redactor()));
        let refused = verdict.as_ref().is_some_and(|verdict| !verdict.success);
        let id = stored.policy_id.clone().filter(|id| !id.is_empty());
        if let Some(id) = &id {
            self.learn_tags(id, &stored, owner_tag);
        }
        match (id, verdict) {
            (None, Some(verdict)) if refused => Ok(Written::Refused(verdict)),
            (None, _) => Err(without_id(response, purpose)),
            // Refused, but with an id: only a get shows whether the policy exists.
            (Some(id), Some(verdict)) if refused && self.calls.get(&id).await?.is_none() => {
                Ok(Written::Refused(verdict))
            }
            (Some(id), verdict) => Ok(Written::Accepted { id, verdict, shown: None }),
        }
    }

    /// Returns the error for a name that is taken. A policy that [`External::find`] does not find, such as one of
    /// NAVER Cloud itself, is named: waiting does not help.
    async fn name_taken(&self, error: UpstreamError, wanted: &PolicyDocument) -> Result<UpstreamError> {
        let name = &wanted.0.policy_name;
        let similar = self.calls.with_name(name).await?;
        let hidden = similar.iter().find(|holder| holder.is_system() || holder.policy_name != *name);
        Ok(hidden.map_or(error.clone(), |holder| {
            let kind = if holder.is_system() { "the system policy" } else { "the policy" };
            let shown = format!("the name is held by {kind} {} ({})", holder.policy_name, holder.policy_id);
            UpstreamError { kind: ErrorKind::NameReserved, message: self.calls.redactor().clean(&shown), ..error }
        }))
    }
}

fn without_id(response: &Response, purpose: Purpose) -> UpstreamError {
    let message = "the upstream reported success without the id of the policy".to_owned();
    response.error(ErrorKind::OutcomeUnknown, purpose, message)
}
