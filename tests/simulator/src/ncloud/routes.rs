//! Which method and path is which operation.

use http::Method;

use super::types::HolderType;
use crate::exchange::{Call, Identity};
use crate::journal::{Collection, Operation};

/// A request the API knows.
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
    Attach(HolderType, String),
    Detach(HolderType, String),
}

impl Route {
    /// `None` for what the gateway answers with 404.
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
            (&Method::POST, [holders, holder, "policies"]) => Self::Attach(holder_type(holders)?, id(holder)),
            (&Method::DELETE, [holders, holder, "policies"]) => Self::Detach(holder_type(holders)?, id(holder)),
            _ => return None,
        })
    }

    /// What the journal calls it.
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
            Some(Self::Attach(_, holder)) => (Operation::Attach, Some(holder)),
            Some(Self::Detach(_, holder)) => (Operation::Detach, Some(holder)),
        };
        let collection = if route.is_some() { Collection::Policy } else { Collection::Other };
        Identity { operation, collection, object_id: id.cloned() }
    }
}

fn holder_type(segment: &str) -> Option<HolderType> {
    match segment {
        "sub-accounts" => Some(HolderType::SubAccount),
        "groups" => Some(HolderType::Group),
        "roles" => Some(HolderType::Role),
        _ => None,
    }
}
