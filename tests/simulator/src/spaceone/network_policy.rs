//! Inventory network policies, as the server of June 2020 keeps them.

use serde_json::{Map, Value, json};

use super::Installation;
use super::errors::{ApiError, Grpc};
use super::fields::{check_keys, check_length, list, object, object_or_empty, require, text, texts};
use super::ipaddress::{address, network};
use super::options::Era;
use super::policy::with_filters;
use super::query::{Rules, flag, select};
use super::stat;
use super::store::{Reference, RoutingTable, StoredNetworkPolicy, Update, micros, millis};
use crate::exchange::{Answer, Reply};

type Params = Map<String, Value>;

/// Fields whose setting is remembered, in the order the request message declares them.
const TRACKED: &[&str] = &["name", "routing_tables", "dns", "data", "reference", "tags", "zone_id"];

impl Installation {
    pub(crate) fn create_network_policy(&mut self, params: &Params) -> Result<Answer, ApiError> {
        require(params, &["name", "domain_id"])?;
        self.check_zone(params)?;
        let dns = texts(params, "dns").iter().map(|dns| valid_dns(dns)).collect::<Result<_, _>>()?;
        let now = self.options.clock.now();
        let policy = StoredNetworkPolicy {
            network_policy_id: self.store.ids.prefixed("npolicy"),
            name: text(params, "name"),
            routing_tables: valid_routes(params)?,
            dns,
            data: object_or_empty(params, "data"),
            metadata: object_or_empty(params, "metadata"),
            reference: reference(params),
            tags: object_or_empty(params, "tags"),
            zone_id: text(params, "zone_id"),
            domain_id: text(params, "domain_id"),
            update_history: set_fields(params).map(|key| Update { key, updated_at: now.as_second() }).collect(),
            pinned_keys: Vec::new(),
            created_at: now,
        };
        check_network_policy(&policy, "None")?;
        let mut info = self.network_policy_info(&policy);
        info["created_at"] = json!(micros(now));
        let id = policy.network_policy_id.clone();
        self.store.network_policies.push(policy);
        Ok(Answer::wrote(Reply::json(200, &info)).creating(id))
    }

    pub(crate) fn update_network_policy(&mut self, params: &Params) -> Result<Answer, ApiError> {
        require(params, &["network_policy_id", "domain_id"])?;
        let at = self.find_network_policy(params)?;
        let mut policy = self.store.network_policies[at].clone();
        let params = without_pinned(params.clone(), &policy.pinned_keys);
        iterate_metadata(&policy.metadata)?;
        self.remember(&params, &mut policy);
        let routes = valid_routes(&params)?;
        for dns in texts(&params, "dns") {
            valid_dns(&dns)?;
        }
        if params.contains_key("name") {
            policy.name = text(&params, "name");
        }
        if params.contains_key("routing_tables") {
            policy.routing_tables = routes;
        }
        if params.contains_key("dns") {
            policy.dns = texts(&params, "dns");
        }
        policy.data.extend(object_or_empty(&params, "data"));
        if let Some(metadata) = object(&params, "metadata") {
            policy.metadata = metadata;
        }
        if params.contains_key("reference") {
            policy.reference = reference(&params);
        }
        if let Some(tags) = object(&params, "tags") {
            policy.tags = tags;
        }
        check_network_policy(&policy, &policy.network_policy_id)?;
        let info = self.network_policy_info(&policy);
        self.store.network_policies[at] = policy;
        Ok(Answer::wrote(Reply::json(200, &info)))
    }

    pub(crate) fn pin_network_policy(&mut self, params: &Params) -> Result<Answer, ApiError> {
        require(params, &["network_policy_id", "keys", "domain_id"])?;
        let at = self.find_network_policy(params)?;
        let keys = texts(params, "keys");
        let policy = &mut self.store.network_policies[at];
        let settable = |key: &String| policy.update_history.iter().any(|update| update.key == *key);
        if let Some(key) = keys.iter().find(|key| !settable(key)) {
            let message = format!("Pinning keys not allowed. (key={key})");
            return Err(ApiError::new("ERROR_NOT_ALLOW_PINNING_KEYS", Grpc::InvalidArgument, message));
        }
        policy.pinned_keys = keys;
        let info = self.network_policy_info(&self.store.network_policies[at]);
        Ok(Answer::wrote(Reply::json(200, &info)))
    }

    pub(crate) fn delete_network_policy(&mut self, params: &Params) -> Result<Answer, ApiError> {
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

    pub(crate) fn get_network_policy(&mut self, params: &Params) -> Result<Answer, ApiError> {
        require(params, &["network_policy_id", "domain_id"])?;
        let at = self.find_network_policy(params)?;
        crash_on_partial(params, "NetworkPolicyInfo")?;
        Ok(Answer::read(Reply::json(200, &self.network_policy_info(&self.store.network_policies[at]))))
    }

    pub(crate) fn list_network_policies(&mut self, params: &Params) -> Result<Answer, ApiError> {
        require(params, &["domain_id"])?;
        let fields = ["network_policy_id", "name", "zone_id", "region_id", "domain_id"];
        let query = with_filters(params, &fields);
        let (found, total) = select(&self.network_policy_documents(), &query, &self.network_policy_rules())?;
        if !found.is_empty() && !flag(&query, "minimal") {
            crash_on_partial(&query, "NetworkPoliciesInfo")?;
        }
        let info = |at: usize| {
            let policy = &self.store.network_policies[at];
            if flag(&query, "minimal") { self.minimal_info(policy) } else { self.network_policy_info(policy) }
        };
        let results: Vec<Value> = found.into_iter().map(info).collect();
        Ok(Answer::read(Reply::json(200, &self.page_of(results, total))))
    }

    pub(crate) fn stat_network_policies(&mut self, params: &Params) -> Result<Answer, ApiError> {
        require(params, &["query", "domain_id"])?;
        let query = with_filters(params, &["domain_id"]);
        let answer = stat::single(&self.network_policy_documents(), &query, &self.network_policy_rules())?;
        Ok(Answer::read(Reply::json(200, &answer)))
    }

    pub(crate) fn network_policy_info(&self, policy: &StoredNetworkPolicy) -> Value {
        let mut info = json!({
            "network_policy_id": policy.network_policy_id,
            "name": policy.name,
            "routing_tables": policy.routing_tables,
            "dns": policy.dns,
            "data": policy.data,
            "metadata": policy.metadata,
            "reference": policy.reference,
            "tags": policy.tags,
            "collection_info": collection_info(policy),
            "region_info": self.store.region_info(false),
            "zone_info": self.store.zone_info(&policy.zone_id),
            "domain_id": policy.domain_id,
            "created_at": millis(policy.created_at),
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
            keywords: &["network_policy_id", "name", "reference.resource_id"],
            now: self.options.clock.now(),
        }
    }

    fn find_network_policy(&self, params: &Params) -> Result<usize, ApiError> {
        let (id, domain) = (text(params, "network_policy_id"), text(params, "domain_id"));
        let fits = |policy: &StoredNetworkPolicy| policy.network_policy_id == id && policy.domain_id == domain;
        self.store.network_policies.iter().position(fits).ok_or_else(|| {
            let pairs = [("network_policy_id", format!("'{id}'")), ("domain_id", format!("'{domain}'"))];
            ApiError::not_found(Era::Rest, &pairs)
        })
    }

    fn check_zone(&self, params: &Params) -> Result<(), ApiError> {
        let (zone, domain) = (params.get("zone_id").and_then(Value::as_str), text(params, "domain_id"));
        let known = zone.is_some_and(|zone| self.store.zones.iter().any(|known| known.zone_id == zone));
        if known && domain == self.store.domain_id {
            return Ok(());
        }
        let zone = zone.map_or_else(|| "None".to_owned(), |zone| format!("'{zone}'"));
        Err(ApiError::not_found(Era::Rest, &[("zone_id", zone), ("domain_id", format!("'{domain}'"))]))
    }

    /// Notes the fields whose value changes: they can be pinned from then on.
    fn remember(&self, params: &Params, policy: &mut StoredNetworkPolicy) {
        let now = self.options.clock.now().as_second();
        let before = json!(policy);
        for key in set_fields(params) {
            let path = format!("/{}", key.replacen('.', "/", 1));
            let value = match key.strip_prefix("data.") {
                Some(key) => params.get("data").and_then(|data| data.get(key)),
                None => params.get(&key),
            };
            if before.pointer(&path) == value {
                continue;
            }
            match policy.update_history.iter_mut().find(|update| update.key == key) {
                Some(update) => update.updated_at = now,
                None => policy.update_history.push(Update { key, updated_at: now }),
            }
        }
    }
}

fn collection_info(policy: &StoredNetworkPolicy) -> Value {
    let history: Vec<Value> = policy
        .update_history
        .iter()
        .map(|update| {
            json!({
                "key": update.key, "updated_by": "MANUAL", "updated_at": as_double(update.updated_at),
                "service_account_id": null, "secret_id": null,
            })
        })
        .collect();
    json!({
        "state": "MANUAL", "collectors": [], "service_accounts": [], "secrets": [],
        "update_history": history, "pinned_keys": policy.pinned_keys,
    })
}

/// Seconds since 1970 fit a double exactly.
#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
fn as_double(seconds: i64) -> f64 {
    seconds as f64
}

/// The fields that a request sets; `data` counts key by key.
fn set_fields(params: &Params) -> impl Iterator<Item = String> + '_ {
    TRACKED.iter().filter(|field| params.contains_key(**field)).flat_map(|field| match (*field, params.get(*field)) {
        ("data", Some(Value::Object(data))) => data.keys().map(|key| format!("data.{key}")).collect(),
        (field, _) => vec![field.to_owned()],
    })
}

/// Pinned fields vanish from an update without a word.
fn without_pinned(mut params: Params, pinned: &[String]) -> Params {
    for key in pinned {
        match key.strip_prefix("data.") {
            Some(rest) => {
                // The server looks at the second part of the key only.
                let key = rest.split('.').next().unwrap_or_default();
                if let Some(data) = params.get_mut("data").and_then(Value::as_object_mut) {
                    data.remove(key);
                }
            }
            None => {
                params.remove(key);
            }
        }
    }
    params
}

/// The server walks every value of the stored metadata and crashes on those it cannot walk: an object
/// whose metadata holds a number or a boolean can never be updated again.
fn iterate_metadata(metadata: &Params) -> Result<(), ApiError> {
    for value in metadata.values() {
        let kind = match value {
            Value::Null => "NoneType",
            Value::Bool(_) => "bool",
            Value::Number(_) => "float",
            Value::String(_) | Value::Array(_) | Value::Object(_) => continue,
        };
        return Err(ApiError::unknown(format!("'{kind}' object is not iterable")));
    }
    Ok(())
}

fn valid_routes(params: &Params) -> Result<Vec<RoutingTable>, ApiError> {
    let shown = |text: &str| if text.is_empty() { "None".to_owned() } else { text.to_owned() };
    list(params, "routing_tables")
        .iter()
        .filter_map(Value::as_object)
        .map(|route| {
            let (cidr, destination) = (text(route, "cidr"), text(route, "destination"));
            let message = format!("Network \"{}\" is invalid format.", shown(&cidr));
            let cidr = network(&cidr).ok_or(ApiError::new("ERROR_INVALID_NETWORK", Grpc::Internal, message))?;
            let destination = address(&destination).ok_or_else(|| invalid_address(&shown(&destination)))?;
            Ok(RoutingTable { cidr, destination, interface: text(route, "interface") })
        })
        .collect()
}

/// The server prints the outcome of its check instead of the address.
fn valid_dns(dns: &str) -> Result<String, ApiError> {
    address(dns).ok_or_else(|| invalid_address("False"))
}

fn invalid_address(shown: &str) -> ApiError {
    let message = format!("IP address \"{shown}\" is invalid format.");
    ApiError::new("ERROR_INVALID_IP_ADDRESS", Grpc::Internal, message)
}

fn reference(params: &Params) -> Reference {
    let reference = object_or_empty(params, "reference");
    Reference { resource_id: text(&reference, "resource_id"), external_link: text(&reference, "external_link") }
}

/// `only` without both zone and region makes the server stumble over their absence.
fn crash_on_partial(query: &Params, printer: &str) -> Result<(), ApiError> {
    let only = texts(query, "only");
    let missing = |field: &str| !only.iter().any(|name| name == field);
    if only.is_empty() || !(missing("zone") || missing("region")) {
        return Ok(());
    }
    let attribute = if missing("zone") { "zone_id" } else { "region_id" };
    let message = format!("'{printer}' load failed. (reason = 'NoneType' object has no attribute '{attribute}')");
    Err(ApiError::new("ERROR_LOCATOR", Grpc::Internal, message))
}

fn check_network_policy(policy: &StoredNetworkPolicy, shown: &str) -> Result<(), ApiError> {
    let model = "NetworkPolicy";
    check_length(model, shown, "name", &policy.name, 255)?;
    for route in &policy.routing_tables {
        check_length(model, shown, "routing_tables", &route.interface, 40)?;
    }
    for (field, values) in [("data", &policy.data), ("metadata", &policy.metadata), ("tags", &policy.tags)] {
        check_keys(model, shown, field, values)?;
    }
    Ok(())
}
