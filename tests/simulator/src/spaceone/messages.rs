//! The request messages of the calls that are simulated.

use super::schema::Kind::{Any, Flag, Integer, List, Message as One, Messages as Many, Struct, Text, Texts};
use super::schema::Message;

macro_rules! message {
    ($(#[$doc:meta])* $id:ident = $name:literal { $($field:literal: $kind:expr),* $(,)? }) => {
        $(#[$doc])*
        pub(crate) static $id: Message = Message { name: $name, fields: &[$(($field, $kind)),*] };
    };
}

message!(FILTER = "Filter" { "k": Text, "v": Any, "o": Text, "key": Text, "value": Any, "operator": Text });
message!(SORT_KEY = "SortKey" { "key": Text, "desc": Flag });
message!(SORT = "Sort" { "key": Text, "desc": Flag, "keys": Many(&SORT_KEY) });
message!(PAGE = "Page" { "start": Integer, "limit": Integer });
message!(QUERY = "Query" {
    "sort": One(&SORT), "page": One(&PAGE), "only": Texts, "filter": Many(&FILTER),
    "filter_or": Many(&FILTER), "minimal": Flag, "count_only": Flag, "keyword": Text,
});
message!(ROUTING_TABLE = "RoutingTable" { "cidr": Text, "destination": Text, "interface": Text });
message!(REFERENCE = "NetworkPolicyReference" { "resource_id": Text, "external_link": Text });

message!(CREATE_NETWORK_POLICY = "CreateNetworkPolicyRequest" {
    "name": Text, "routing_tables": Many(&ROUTING_TABLE), "dns": Texts, "data": Struct, "metadata": Struct,
    "reference": One(&REFERENCE), "tags": Struct, "zone_id": Text, "domain_id": Text,
});
message!(UPDATE_NETWORK_POLICY = "UpdateNetworkPolicyRequest" {
    "network_policy_id": Text, "name": Text, "routing_tables": Many(&ROUTING_TABLE), "dns": Texts,
    "data": Struct, "metadata": Struct, "reference": One(&REFERENCE), "tags": Struct, "domain_id": Text,
});
message!(PIN_NETWORK_POLICY = "PinNetworkPolicyDataRequest" {
    "network_policy_id": Text, "keys": Texts, "domain_id": Text,
});
message!(NETWORK_POLICY = "NetworkPolicyRequest" { "network_policy_id": Text, "domain_id": Text });
message!(GET_NETWORK_POLICY = "GetNetworkPolicyRequest" {
    "network_policy_id": Text, "domain_id": Text, "only": Texts,
});
message!(NETWORK_POLICY_QUERY = "NetworkPolicyQuery" {
    "query": One(&QUERY), "network_policy_id": Text, "name": Text, "zone_id": Text, "region_id": Text,
    "domain_id": Text,
});

message!(STAT_KEY = "StatisticsGroupKey" { "key": Text, "name": Text, "k": Text, "n": Text });
message!(STAT_FIELD = "StatisticsGroupField" {
    "key": Text, "name": Text, "operator": Text, "k": Text, "n": Text, "o": Text,
});
message!(STAT_GROUP = "StatisticsGroup" { "keys": Many(&STAT_KEY), "fields": Many(&STAT_FIELD) });
message!(STAT_UNWIND = "StatisticsUnwind" { "path": Text });
message!(STAT_COUNT = "StatisticsCount" { "name": Text });
message!(STAT_AGGREGATE = "StatisticsAggregate" {
    "unwind": Many(&STAT_UNWIND), "group": One(&STAT_GROUP), "count": One(&STAT_COUNT),
});
message!(STAT_SORT = "StatisticsSort" { "name": Text, "desc": Flag });
message!(STATISTICS_QUERY = "StatisticsQuery" {
    "aggregate": One(&STAT_AGGREGATE), "distinct": Text, "filter": Many(&FILTER), "filter_or": Many(&FILTER),
    "sort": One(&STAT_SORT), "page": One(&PAGE), "limit": Integer,
});
message!(NETWORK_POLICY_STAT = "NetworkPolicyStatQuery" { "query": One(&STATISTICS_QUERY), "domain_id": Text });

message!(STAGE = "StatisticsAggregate" {
    "unwind": One(&STAT_UNWIND), "group": One(&STAT_GROUP), "count": One(&STAT_COUNT), "sort": One(&SORT),
    "limit": Integer, "skip": Integer, "project": Any,
});
message!(STAGED_STATISTICS_QUERY = "StatisticsQuery" {
    "aggregate": Many(&STAGE), "distinct": Text, "filter": Many(&FILTER), "filter_or": Many(&FILTER),
    "page": One(&PAGE),
});

message!(CREATE_POLICY = "CreatePolicyRequest" {
    "policy_id": Text, "name": Text, "permissions": Texts, "labels": List, "tags": Struct,
    "project_id": Text, "domain_id": Text,
});
message!(UPDATE_POLICY = "UpdatePolicyRequest" {
    "policy_id": Text, "name": Text, "permissions": Texts, "labels": List, "tags": Struct, "domain_id": Text,
});
message!(POLICY = "PolicyRequest" { "policy_id": Text, "domain_id": Text });
message!(GET_POLICY = "GetRepositoryPolicyRequest" {
    "policy_id": Text, "domain_id": Text, "repository_id": Text, "only": Texts,
});
message!(POLICY_QUERY = "PolicyQuery" {
    "query": One(&QUERY), "repository_id": Text, "policy_id": Text, "name": Text, "state": Text,
    "project_id": Text, "domain_id": Text,
});
message!(POLICY_STAT = "PolicyStatQuery" {
    "query": One(&STAGED_STATISTICS_QUERY), "repository_id": Text, "domain_id": Text,
});
message!(REPOSITORY_QUERY = "RepositoryQuery" {
    "query": One(&QUERY), "repository_id": Text, "name": Text, "repository_type": Text,
});
message!(ZONE_QUERY = "ZoneQuery" {
    "query": One(&QUERY), "zone_id": Text, "name": Text, "region_id": Text, "domain_id": Text,
});
message!(GET_ZONE = "GetZoneRequest" { "zone_id": Text, "domain_id": Text, "only": Texts });
message!(REGION_QUERY = "RegionQuery" {
    "query": One(&QUERY), "region_id": Text, "name": Text, "domain_id": Text,
});
message!(GET_REGION = "GetRegionRequest" { "region_id": Text, "domain_id": Text, "only": Texts });
