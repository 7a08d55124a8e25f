//! The repository from which the policies of an account are read.

use super::client::{Fields, Request, Spaceone};
use super::errors::names_repository;
use super::resource::{ResourceApi, Scope, Verb};
use super::wire::ResultPage;
use crate::engine::{ErrorKind, Result, UpstreamError};
use serde_json::{Value, json};

/// Repositories.
pub(super) const REPOSITORY: &ResourceApi = &ResourceApi {
    system: "spaceone/repository",
    service: "repository",
    singular: "repository",
    plural: "repositories",
    rest_get: "repositories",
    rest_change: "repository",
    console_delete: "delete",
    id_field: "repository_id",
    operations: &[(Verb::List, "find repository")],
    absence_code: None,
    offered_by: None,
    scope: Scope::Server,
    queries_with_lists: true,
    always_has_stat: false,
};

impl Spaceone {
    /// Returns the id of the configured repository, or else of the local one, which is read once.
    pub(super) async fn repository(&self) -> Result<String> {
        if let Some(id) = &self.configured_repository {
            return Ok(id.clone());
        }
        let mut local = self.local_repository.lock().await;
        if let Some(id) = &*local {
            return Ok(id.clone());
        }
        let id = self.find_repository().await?;
        Ok(local.insert(id).clone())
    }

    /// Forgets the local repository if the server says that it does not exist: another one was registered in its
    /// place. Returns whether the call may be repeated with that one.
    pub(super) async fn forget_lost_repository(&self, error: &UpstreamError, used: &str) -> bool {
        if self.configured_repository.is_some() || !names_repository(error) {
            return false;
        }
        // Another call may have read the new one meanwhile.
        self.local_repository.lock().await.take_if(|known| known == used);
        true
    }

    async fn find_repository(&self) -> Result<String> {
        let fields = Fields::from_iter([("repository_type".to_owned(), json!("local"))]);
        let purpose = REPOSITORY.purpose(Verb::List);
        let response = self.call(Request { resource: REPOSITORY, verb: Verb::List, id: "", fields }).await?;
        let page: ResultPage<Fields> = response.read(purpose)?;
        let unclear = |message: &str| Err(response.error(ErrorKind::InvalidReference, purpose, message.to_owned()));
        match page.results.as_slice() {
            [one] => one
                .get("repository_id")
                .and_then(Value::as_str)
                .map(str::to_owned)
                .ok_or_else(|| response.unreadable(purpose)),
            [] => unclear("the domain has no local repository: register one, or set repositoryId"),
            _ => unclear("the domain has several local repositories: set repositoryId"),
        }
    }
}
