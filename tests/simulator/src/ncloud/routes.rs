//! Maps methods and paths to operations.

use http::Method;

use super::types::PrincipalType;
use crate::exchange::{Call, Identity};
use crate::journal::{Collection, Operation};

/// A request of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Create,
    List,
    DeleteMany,
    Get(String),
    Edit(String),
    Delete(String),
    Resources(String),
    TagsGet(String),
    TagsAdd(String),
    TagsRemove(String),
    Validate,
    Attach(PrincipalType, String),
    Detach(PrincipalType, String),
}

impl Route {
    /// Returns the route of a call, or `None` if the gateway answers 404.
    pub(crate) fn of(call: &Call) -> Option<Self> {
        let path = call.path().strip_prefix("/api/v1/")?;
        let segments: Vec<&str> = path.split('/').collect();
        let id = |id: &str| id.to_owned();
        Some(match (&call.method, segments.as_slice()) {
            (&Method::POST, ["policies"]) => Self::Create,
            (&Method::GET, ["policies"]) => Self::List,
            (&Method::DELETE, ["policies"]) => Self::DeleteMany,
            (&Method::GET, ["policies", policy]) => Self::Get(id(policy)),
            (&Method::PUT, ["policies", policy]) => Self::Edit(id(policy)),
            (&Method::DELETE, ["policies", policy]) => Self::Delete(id(policy)),
            (&Method::GET, ["policies", policy, "resources"]) => Self::Resources(id(policy)),
            (&Method::GET, ["policies", policy, "tags"]) => Self::TagsGet(id(policy)),
            (&Method::POST, ["policies", policy, "tags"]) => Self::TagsAdd(id(policy)),
            (&Method::DELETE, ["policies", policy, "tags"]) => Self::TagsRemove(id(policy)),
            (&Method::POST, ["policy", "validation"]) => Self::Validate,
            (&Method::POST, [principals, principal, "policies"]) => {
                Self::Attach(principal_type(principals)?, id(principal))
            }
            (&Method::DELETE, [principals, principal, "policies"]) => {
                Self::Detach(principal_type(principals)?, id(principal))
            }
            _ => return None,
        })
    }

    /// Returns the route's identity for the journal.
    pub(crate) fn identity(route: Option<&Self>) -> Identity {
        let (operation, id) = match route {
            None => (Operation::Other, None),
            Some(Self::Create) => (Operation::Create, None),
            Some(Self::List) => (Operation::List, None),
            Some(Self::DeleteMany) => (Operation::Delete, None),
            Some(Self::Validate) => (Operation::Validate, None),
            Some(Self::Get(id)) => (Operation::Get, Some(id)),
            Some(Self::Edit(id)) => (Operation::Update, Some(id)),
            Some(Self::Delete(id)) => (Operation::Delete, Some(id)),
            Some(Self::Resources(id)) => (Operation::Resources, Some(id)),
            Some(Self::TagsGet(id)) => (Operation::TagsGet, Some(id)),
            Some(Self::TagsAdd(id)) => (Operation::TagsAdd, Some(id)),
            Some(Self::TagsRemove(id)) => (Operation::TagsRemove, Some(id)),
            Some(Self::Attach(_, principal)) => (Operation::Attach, Some(principal)),
            Some(Self::Detach(_, principal)) => (Operation::Detach, Some(principal)),
        };
        let collection = if route.is_some() { Collection::Policy } else { Collection::Other };
        Identity { operation, collection, object_id: id.cloned() }
    }
}

fn principal_type(segment: &str) -> Option<PrincipalType> {
    match segment {
        "sub-accounts" => Some(PrincipalType::SubAccount),
        "groups" => Some(PrincipalType::Group),
        "roles" => Some(PrincipalType::Role),
        _ => None,
    }
}
