//! The routes to a call in its three spellings: REST, verb (`/repository/v1/policy/create`) and
//! console (`/repository/policy/create`).

use http::Method;

use super::messages as m;
use super::options::Era;
use super::schema::Message;
use crate::exchange::{Call, Identity};
use crate::journal::{Collection, Operation};

/// A collection of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    Policy,
    NetworkPolicy,
    Repository,
    Role,
    Zone,
    Region,
}

/// The operation of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Create,
    Update,
    PinData,
    Delete,
    Get,
    List,
    Stat,
}

/// A call of the servers, with the request field that its path contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rpc {
    pub(crate) resource: Resource,
    pub(crate) verb: Verb,
    pub(crate) path_field: Option<(&'static str, String)>,
}

/// The reason why a request has no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RouteError {
    /// The path does not exist.
    Path,
    /// The path exists only for other methods.
    Method,
}

impl Rpc {
    /// Finds the call of a method and path as the transcoder does. Literal paths win over templates.
    pub(crate) fn of(call: &Call, era: Era) -> Result<Self, RouteError> {
        let segments: Vec<&str> = call.path().split('/').skip(1).collect();
        let Some((resource, verb)) = verb_path(&segments).filter(|(resource, verb)| exists(*resource, *verb, era))
        else {
            return Self::restful(&call.method, &segments, era);
        };
        if call.method == Method::POST {
            return Ok(Self { resource, verb, path_field: None });
        }
        Self::restful(&call.method, &segments, era).map_err(|_| RouteError::Method)
    }

    fn restful(method: &Method, segments: &[&str], era: Era) -> Result<Self, RouteError> {
        if segments.iter().any(|segment| segment.is_empty()) {
            return Err(RouteError::Path);
        }
        let [service, "v1", rest @ ..] = segments else { return Err(RouteError::Path) };
        let routes = restful_routes(service, rest);
        let served = |verb: &Verb, resource: Resource| era == Era::Rest && exists(resource, *verb, era);
        let mut error = RouteError::Path;
        for (allowed, resource, verb, id) in routes {
            if !served(&verb, resource) {
                continue;
            }
            if allowed == method {
                let path_field = id.map(|id| (id_field(resource), decoded(id)));
                return Ok(Self { resource, verb, path_field });
            }
            error = RouteError::Method;
        }
        Err(error)
    }

    /// Returns the call's identity for the journal. `id` is the object's id in the request.
    pub(crate) fn identity(&self, id: Option<String>) -> Identity {
        let operation = match self.verb {
            Verb::Create => Operation::Create,
            Verb::Update => Operation::Update,
            Verb::PinData => Operation::PinData,
            Verb::Delete => Operation::Delete,
            Verb::Get => Operation::Get,
            Verb::List => Operation::List,
            Verb::Stat => Operation::Stat,
        };
        let collection = match self.resource {
            Resource::Policy => Collection::Policy,
            Resource::NetworkPolicy => Collection::NetworkPolicy,
            Resource::Repository | Resource::Role | Resource::Zone | Resource::Region => Collection::Other,
        };
        Identity { operation, collection, object_id: id }
    }

    /// Returns the message type of the request.
    pub(crate) fn request(&self) -> &'static Message {
        match (self.resource, self.verb) {
            (Resource::Policy, Verb::Create) => &m::CREATE_POLICY,
            (Resource::Policy, Verb::Update) => &m::UPDATE_POLICY,
            (Resource::Policy, Verb::Get) => &m::GET_POLICY,
            (Resource::Policy, Verb::List) => &m::POLICY_QUERY,
            (Resource::Policy, Verb::Stat) => &m::POLICY_STAT,
            (Resource::Policy, _) => &m::POLICY,
            (Resource::NetworkPolicy, Verb::Create) => &m::CREATE_NETWORK_POLICY,
            (Resource::NetworkPolicy, Verb::Update) => &m::UPDATE_NETWORK_POLICY,
            (Resource::NetworkPolicy, Verb::PinData) => &m::PIN_NETWORK_POLICY,
            (Resource::NetworkPolicy, Verb::Get) => &m::GET_NETWORK_POLICY,
            (Resource::NetworkPolicy, Verb::List) => &m::NETWORK_POLICY_QUERY,
            (Resource::NetworkPolicy, Verb::Stat) => &m::NETWORK_POLICY_STAT,
            (Resource::NetworkPolicy, Verb::Delete) => &m::NETWORK_POLICY,
            (Resource::Repository, _) => &m::REPOSITORY_QUERY,
            (Resource::Role, _) => &m::ROLE_QUERY,
            (Resource::Zone, Verb::Get) => &m::GET_ZONE,
            (Resource::Zone, _) => &m::ZONE_QUERY,
            (Resource::Region, Verb::Get) => &m::GET_REGION,
            (Resource::Region, _) => &m::REGION_QUERY,
        }
    }
}

/// Finds the call of a console path: three segments without a version.
pub(crate) fn console(call: &Call, era: Era) -> Option<Rpc> {
    let segments: Vec<&str> = call.path().split('/').skip(1).collect();
    let (resource, verb) = verb_path(&segments).filter(|_| segments.len() == 3)?;
    exists(resource, verb, era).then_some(Rpc { resource, verb, path_field: None })
}

/// Returns the request field with the object's id.
pub(crate) fn id_field(resource: Resource) -> &'static str {
    match resource {
        Resource::Policy => "policy_id",
        Resource::NetworkPolicy => "network_policy_id",
        Resource::Repository => "repository_id",
        Resource::Role => "role_id",
        Resource::Zone => "zone_id",
        Resource::Region => "region_id",
    }
}

/// Returns true if the servers of this era have the call.
fn exists(resource: Resource, verb: Verb, era: Era) -> bool {
    match resource {
        Resource::Policy => verb != Verb::PinData,
        Resource::NetworkPolicy => era == Era::Rest,
        Resource::Repository | Resource::Role => verb == Verb::List,
        Resource::Zone | Resource::Region => era == Era::Rest && matches!(verb, Verb::Get | Verb::List),
    }
}

fn verb_path(segments: &[&str]) -> Option<(Resource, Verb)> {
    let (resource, verb) = match segments {
        [service, "v1", resource, verb] => (resource_of(service, resource)?, *verb),
        [service, resource, verb] => {
            let resource = resource_of(service, resource)?;
            (resource, console_verb(resource, verb)?)
        }
        _ => return None,
    };
    let verb = match verb {
        "create" => Verb::Create,
        "update" => Verb::Update,
        "pin-data" => Verb::PinData,
        "delete" => Verb::Delete,
        "get" => Verb::Get,
        "list" => Verb::List,
        "stat" => Verb::Stat,
        _ => return None,
    };
    Some((resource, verb))
}

/// Maps the console's verbs. The console deletes one network policy by `delete-single`. Its `delete` takes
/// many and is not simulated.
fn console_verb(resource: Resource, verb: &str) -> Option<&str> {
    match (resource, verb) {
        (Resource::NetworkPolicy, "delete-single") => Some("delete"),
        (Resource::NetworkPolicy, "delete") => None,
        (_, verb) => Some(verb),
    }
}

fn resource_of(service: &str, resource: &str) -> Option<Resource> {
    match (service, resource) {
        ("repository", "policy") => Some(Resource::Policy),
        ("repository", "repository") => Some(Resource::Repository),
        ("identity", "role") => Some(Resource::Role),
        ("inventory", "network-policy") => Some(Resource::NetworkPolicy),
        ("inventory", "zone") => Some(Resource::Zone),
        ("inventory", "region") => Some(Resource::Region),
        _ => None,
    }
}

type Restful<'a> = (Method, Resource, Verb, Option<&'a str>);

/// Returns the REST calls on this path with any method.
fn restful_routes<'a>(service: &str, rest: &[&'a str]) -> Vec<Restful<'a>> {
    match service {
        "repository" => repository_routes(rest),
        "inventory" => inventory_routes(rest),
        "identity" => identity_routes(rest),
        _ => Vec::new(),
    }
}

/// Returns the routes of the repository. Reads of a policy use the plural path, changes the singular one.
fn repository_routes<'a>(rest: &[&'a str]) -> Vec<Restful<'a>> {
    use Resource::{Policy, Repository};
    match rest {
        ["policies"] => vec![list(Policy), post(Policy, Verb::Create)],
        ["policies", "search"] => vec![post(Policy, Verb::List), read(Policy, "search")],
        ["policies", "stat"] => vec![post(Policy, Verb::Stat), read(Policy, "stat")],
        ["policies", id] => vec![read(Policy, id)],
        ["policy", id] => vec![put(Policy, Verb::Update, id), delete(Policy, id)],
        ["repositories"] => vec![list(Repository)],
        ["repositories", "search"] => vec![post(Repository, Verb::List)],
        _ => Vec::new(),
    }
}

fn inventory_routes<'a>(rest: &[&'a str]) -> Vec<Restful<'a>> {
    use Resource::{NetworkPolicy, Region, Zone};
    match rest {
        ["network-policies"] => vec![list(NetworkPolicy), post(NetworkPolicy, Verb::Create)],
        ["network-policies", "search"] => vec![post(NetworkPolicy, Verb::List)],
        ["network-policies", "stat"] => vec![post(NetworkPolicy, Verb::Stat)],
        ["network-policy", id] => {
            vec![read(NetworkPolicy, id), put(NetworkPolicy, Verb::Update, id), delete(NetworkPolicy, id)]
        }
        ["network-policy", id, "pin-data"] => vec![put(NetworkPolicy, Verb::PinData, id)],
        ["zones"] => vec![list(Zone)],
        ["zones", "search"] => vec![post(Zone, Verb::List)],
        ["zone", id] => vec![read(Zone, id)],
        ["regions"] => vec![list(Region)],
        ["regions", "search"] => vec![post(Region, Verb::List)],
        ["region", id] => vec![read(Region, id)],
        _ => Vec::new(),
    }
}

fn identity_routes<'a>(rest: &[&'a str]) -> Vec<Restful<'a>> {
    match rest {
        ["roles"] => vec![list(Resource::Role)],
        ["roles", "search"] => vec![post(Resource::Role, Verb::List)],
        _ => Vec::new(),
    }
}

fn list(resource: Resource) -> Restful<'static> {
    (Method::GET, resource, Verb::List, None)
}

fn post(resource: Resource, verb: Verb) -> Restful<'static> {
    (Method::POST, resource, verb, None)
}

fn read(resource: Resource, id: &str) -> Restful<'_> {
    (Method::GET, resource, Verb::Get, Some(id))
}

fn put(resource: Resource, verb: Verb, id: &str) -> Restful<'_> {
    (Method::PUT, resource, verb, Some(id))
}

fn delete(resource: Resource, id: &str) -> Restful<'_> {
    (Method::DELETE, resource, Verb::Delete, Some(id))
}

/// Decodes the percent-encoding of a path segment. `+` stays `+`.
fn decoded(segment: &str) -> String {
    let escaped = segment.replace('+', "%2B");
    url::form_urlencoded::parse(escaped.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}
