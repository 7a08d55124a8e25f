//! Inventory network policies of the server of June 2020.

use serde_json::{Map, Value, json};

use super::errors::{ApiError, Grpc};
use super::fields::{Check, list, object, object_or_empty, require, text, texts};
use super::history::{collection_info, new_history, pinnable, record_changes, without_pinned};
use super::installation::Installation;
use super::inventory::crash_on_partial;
use super::ipaddress::{address, network};
use super::options::Era;
use super::query::{Field, Rules, flag, resolve, select, with_filters};
use super::stat;
use super::store::{Reference, RoutingTable, StoredNetworkPolicy, micros, millis};
use crate::exchange::{Answer, Reply};

type Fields = Map<String, Value>;

static FIELDS: &[Field] = &[
    Field::Leaf("network_policy_id"),
    Field::Leaf("name"),
    Field::Each("routing_tables", &["cidr", "destination", "interface"]),
    Field::Leaf("dns"),
    Field::Free("data"),
    Field::Free("metadata"),
    Field::Of("reference", &["resource_id", "external_link"]),
    Field::Free("tags"),
    Field::Of("zone", &["zone_id", "name", "state", "tags", "domain_id", "created_at"]),
    Field::Of("region", &["region_id", "name", "state", "tags", "domain_id", "created_at"]),
    Field::Leaf("zone_id"),
    Field::Leaf("region_id"),
    Field::Leaf("domain_id"),
    Field::Free("collection_info"),
    Field::Leaf("created_at"),
];

impl Installation {
    pub(crate) fn create_network_policy(&mut self, params: &Fields) -> Result<Answer, ApiError> {
        require(params, &["name", "domain_id"])?;
        let now = self.options.clock.now();
        let update_history = new_history(params, now.as_second())?;
        self.check_zone(params)?;
        let dns = texts(params, "dns").iter().map(|dns| valid_dns(dns)).collect::<Result<_, _>>()?;
        let routing_tables = valid_routes(params)?;
        check(Check::new_document("NetworkPolicy", Era::Rest), params, &routing_tables)?;
        let policy = StoredNetworkPolicy {
            network_policy_id: self.store.ids.prefixed("npolicy"),
            name: text(params, "name"),
            routing_tables,
            dns,
            data: object_or_empty(params, "data"),
            metadata: object_or_empty(params, "metadata"),
            reference: reference(params),
            tags: object_or_empty(params, "tags"),
            zone_id: text(params, "zone_id"),
            domain_id: text(params, "domain_id"),
            update_history,
            pinned_keys: Vec::new(),
            created_at: now,
        };
        let mut info = self.network_policy_info(&policy, &[]);
        // The answer has microseconds; the store rounds to milliseconds.
        info["created_at"] = json!(micros(now));
        let id = policy.network_policy_id.clone();
        self.store.network_policies.push(policy);
        Ok(Answer::wrote(Reply::json(200, &info)).creating(id))
    }

    pub(crate) fn update_network_policy(&mut self, params: &Fields) -> Result<Answer, ApiError> {
        require(params, &["network_policy_id", "domain_id"])?;
        let at = self.find_network_policy(params)?;
        let mut policy = self.store.network_policies[at].clone();
        let params = without_pinned(params.clone(), &policy.pinned_keys);
        record_changes(&params, &mut policy, self.options.clock.now().as_second())?;
        let routes = valid_routes(&params)?;
        // An update checks the addresses and stores them as sent. Only a create normalises them.
        texts(&params, "dns").iter().try_for_each(|dns| valid_dns(dns).map(|_| ()))?;
        check(Check::change("NetworkPolicy", Era::Rest), &params, &routes)?;
        apply(&params, routes, &mut policy);
        let info = self.network_policy_info(&policy, &[]);
        self.store.network_policies[at] = policy;
        Ok(Answer::wrote(Reply::json(200, &info)))
    }

    pub(crate) fn pin_network_policy(&mut self, params: &Fields) -> Result<Answer, ApiError> {
        require(params, &["network_policy_id", "keys", "domain_id"])?;
        let at = self.find_network_policy(params)?;
        let policy = &mut self.store.network_policies[at];
        policy.pinned_keys = pinnable(texts(params, "keys"), policy)?;
        let info = self.network_policy_info(&self.store.network_policies[at], &[]);
        Ok(Answer::wrote(Reply::json(200, &info)))
    }

    pub(crate) fn delete_network_policy(&mut self, params: &Fields) -> Result<Answer, ApiError> {
        require(params, &["network_policy_id", "domain_id"])?;
        let at = self.find_network_policy(params)?;
        let id = text(params, "network_policy_id");
        if let Some(subnet) = self.subnets.get(&id) {
            let message = format!("Subnet \"{subnet}\" is exist in network policy ({id}).");
            return Err(ApiError::new("ERROR_EXIST_SUBNET_IN_NETWORK_POLICY", Grpc::Internal, message));
        }
        self.store.network_policies.remove(at);
        Ok(Answer::wrote(Reply::json(200, &json!({}))))
    }

    pub(crate) fn get_network_policy(&self, params: &Fields) -> Result<Answer, ApiError> {
        require(params, &["network_policy_id", "domain_id"])?;
        let at = self.find_network_policy(params)?;
        let only = texts(params, "only");
        crash_on_partial(&only, &["zone", "region"], "NetworkPolicyInfo")?;
        Ok(Answer::read(Reply::json(200, &self.network_policy_info(&self.store.network_policies[at], &only))))
    }

    pub(crate) fn list_network_policies(&self, params: &Fields) -> Result<Answer, ApiError> {
        require(params, &["domain_id"])?;
        let fields = ["network_policy_id", "name", "zone_id", "region_id", "domain_id"];
        let query = with_filters(params, &fields);
        let (found, total) = select(&self.network_policy_documents(), &query, &self.network_policy_rules())?;
        let (only, minimal) = (texts(&query, "only"), flag(&query, "minimal"));
        only.iter().try_for_each(|field| resolve(FIELDS, field))?;
        if !found.is_empty() && !minimal {
            crash_on_partial(&only, &["zone", "region"], "NetworkPoliciesInfo")?;
        }
        let info = |at: usize| {
            let policy = &self.store.network_policies[at];
            if minimal { self.minimal_info(policy) } else { self.network_policy_info(policy, &only) }
        };
        let results: Vec<Value> = found.into_iter().map(info).collect();
        Ok(Answer::read(Reply::json(200, &self.page_of(&results, total))))
    }

    pub(crate) fn stat_network_policies(&self, params: &Fields) -> Result<Answer, ApiError> {
        require(params, &["query", "domain_id"])?;
        let query = with_filters(params, &["domain_id"]);
        let answer = stat::single(&self.network_policy_documents(), &query, &self.network_policy_rules())?;
        Ok(Answer::read(Reply::json(200, &answer)))
    }

    /// Returns the network policy as the server prints it. With `only`, the other fields print as if unset.
    fn network_policy_info(&self, policy: &StoredNetworkPolicy, only: &[String]) -> Value {
        let unset = StoredNetworkPolicy::default();
        let of = |field: &str| {
            let wanted = only.is_empty() || only.iter().any(|name| name == field);
            if wanted { policy } else { &unset }
        };
        let created_at =
            Some(millis(policy.created_at)).filter(|_| only.is_empty() || only.iter().any(|f| f == "created_at"));
        let mut info = json!({
            "network_policy_id": of("network_policy_id").network_policy_id,
            "name": of("name").name,
            "routing_tables": of("routing_tables").routing_tables,
            "dns": of("dns").dns,
            "data": of("data").data,
            "metadata": of("metadata").metadata,
            "reference": of("reference").reference,
            "tags": of("tags").tags,
            "collection_info": collection_info(of("collection_info")),
            "region_info": self.store.region_info(false),
            "zone_info": self.store.zone_info(&policy.zone_id),
            "domain_id": of("domain_id").domain_id,
            "created_at": created_at,
        });
        self.drop_defaults(&mut info);
        info
    }

    fn minimal_info(&self, policy: &StoredNetworkPolicy) -> Value {
        let mut info = json!({
            "network_policy_id": policy.network_policy_id, "name": policy.name, "reference": policy.reference,
        });
        self.drop_defaults(&mut info);
        info
    }

    fn network_policy_documents(&self) -> Vec<Value> {
        let document = |policy: &StoredNetworkPolicy| {
            let mut document = json!(policy);
            document["region_id"] = json!(self.store.region_id);
            document["region"] = self.store.region_info(false);
            document["zone"] = self.store.zone_info(&policy.zone_id);
            document["created_at"] = json!(millis(policy.created_at));
            document["collection_info"] = collection_info(policy);
            document
        };
        self.store.network_policies.iter().map(document).collect()
    }

    fn network_policy_rules(&self) -> Rules {
        Rules {
            fold_case: true,
            exact: &["network_policy_id", "collection_info.state"],
            fields: FIELDS,
            keywords: &["network_policy_id", "name", "reference.resource_id"],
            now: self.options.clock.now(),
            largest_page: self.options.switches.largest_page,
        }
    }

    fn find_network_policy(&self, params: &Fields) -> Result<usize, ApiError> {
        let (id, domain) = (text(params, "network_policy_id"), text(params, "domain_id"));
        let fits = |policy: &StoredNetworkPolicy| policy.network_policy_id == id && policy.domain_id == domain;
        self.store.network_policies.iter().position(fits).ok_or_else(|| {
            ApiError::not_found(Era::Rest, &[("network_policy_id", Some(&id)), ("domain_id", Some(&domain))])
        })
    }

    fn check_zone(&self, params: &Fields) -> Result<(), ApiError> {
        let (zone, domain) = (params.get("zone_id").and_then(Value::as_str), text(params, "domain_id"));
        let known = zone.is_some_and(|zone| self.store.zones.iter().any(|known| known.zone_id == zone));
        if known && domain == self.store.domain_id {
            return Ok(());
        }
        Err(ApiError::not_found(Era::Rest, &[("zone_id", zone), ("domain_id", Some(&domain))]))
    }
}

/// Applies an update: `data` merges at its first level, other fields are replaced.
fn apply(params: &Fields, routes: Vec<RoutingTable>, policy: &mut StoredNetworkPolicy) {
    if params.contains_key("name") {
        policy.name = text(params, "name");
    }
    if params.contains_key("routing_tables") {
        policy.routing_tables = routes;
    }
    if params.contains_key("dns") {
        policy.dns = texts(params, "dns");
    }
    policy.data.extend(object_or_empty(params, "data"));
    if let Some(metadata) = object(params, "metadata") {
        policy.metadata = metadata;
    }
    if params.contains_key("reference") {
        policy.reference = reference(params);
    }
    if let Some(tags) = object(params, "tags") {
        policy.tags = tags;
    }
}

fn valid_routes(params: &Fields) -> Result<Vec<RoutingTable>, ApiError> {
    let routes = list(params, "routing_tables");
    routes.iter().filter_map(Value::as_object).map(valid_route).collect()
}

fn valid_route(route: &Fields) -> Result<RoutingTable, ApiError> {
    let given = |field: &str| route.get(field).and_then(Value::as_str).unwrap_or("None");
    let cidr = network(given("cidr")).ok_or_else(|| {
        let message = format!("Network \"{}\" is invalid format.", given("cidr"));
        ApiError::new("ERROR_INVALID_NETWORK", Grpc::Internal, message)
    })?;
    let destination = address(given("destination")).ok_or_else(|| invalid_address(given("destination")))?;
    Ok(RoutingTable { cidr, destination, interface: text(route, "interface") })
}

/// Checks a DNS address. The server's error contains the result of the check instead of the address.
fn valid_dns(dns: &str) -> Result<String, ApiError> {
    address(dns).ok_or_else(|| invalid_address("False"))
}

fn invalid_address(shown: &str) -> ApiError {
    let message = format!("IP address \"{shown}\" is invalid format.");
    ApiError::new("ERROR_INVALID_IP_ADDRESS", Grpc::Internal, message)
}

fn reference(params: &Fields) -> Reference {
    let reference = object_or_empty(params, "reference");
    Reference { resource_id: text(&reference, "resource_id"), external_link: text(&reference, "external_link") }
}

fn check(check: Check, params: &Fields, routes: &[RoutingTable]) -> Result<(), ApiError> {
    check.length("name", &text(params, "name"), 255)?;
    check.interfaces(routes.iter().map(|route| route.interface.as_str()))?;
    ["data", "metadata", "tags"].iter().try_for_each(|field| check.keys(field, &object_or_empty(params, field)))
}
