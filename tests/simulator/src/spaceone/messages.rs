//! The request messages of the simulated calls.

use super::schema::Kind::{Any, Flag, Integer, List, Message as One, Messages as Many, Struct, Text, Texts};
use super::schema::Message;

macro_rules! messages {
    ($($id:ident = $name:literal { $($field:literal: $kind:expr),* $(,)? })*) => {
        $(pub(crate) static $id: Message = Message { name: $name, fields: &[$(($field, $kind)),*] };)*
    };
}

messages! {
    FILTER = "Filter" { "key": Text, "k": Text, "value": Any, "v": Any, "operator": Text, "o": Text }
    SORT_KEY = "SortKey" { "key": Text, "desc": Flag }
    SORT = "Sort" { "key": Text, "desc": Flag, "keys": Many(&SORT_KEY) }
    SORT_2020 = "Sort" { "key": Text, "desc": Flag }
    PAGE = "Page" { "start": Integer, "limit": Integer }
    QUERY = "Query" {
        "filter": Many(&FILTER), "filter_or": Many(&FILTER), "sort": One(&SORT), "page": One(&PAGE),
        "minimal": Flag, "count_only": Flag, "only": Texts, "keyword": Text,
    }
    QUERY_2020 = "Query" {
        "filter": Many(&FILTER), "filter_or": Many(&FILTER), "sort": One(&SORT_2020), "page": One(&PAGE),
        "minimal": Flag, "count_only": Flag, "only": Texts, "keyword": Text,
    }

    ROUTING_TABLE = "RoutingTable" { "cidr": Text, "destination": Text, "interface": Text }
    REFERENCE = "NetworkPolicyReference" { "resource_id": Text, "external_link": Text }
    CREATE_NETWORK_POLICY = "CreateNetworkPolicyRequest" {
        "name": Text, "routing_tables": Many(&ROUTING_TABLE), "dns": Texts, "data": Struct,
        "metadata": Struct, "reference": One(&REFERENCE), "tags": Struct, "zone_id": Text,
        "domain_id": Text,
    }
    UPDATE_NETWORK_POLICY = "UpdateNetworkPolicyRequest" {
        "network_policy_id": Text, "name": Text, "routing_tables": Many(&ROUTING_TABLE), "dns": Texts,
        "data": Struct, "metadata": Struct, "reference": One(&REFERENCE), "tags": Struct,
        "domain_id": Text,
    }
    PIN_NETWORK_POLICY = "PinNetworkPolicyDataRequest" {
        "network_policy_id": Text, "keys": Texts, "domain_id": Text,
    }
    NETWORK_POLICY = "NetworkPolicyRequest" { "network_policy_id": Text, "domain_id": Text }
    GET_NETWORK_POLICY = "GetNetworkPolicyRequest" {
        "network_policy_id": Text, "domain_id": Text, "only": Texts,
    }
    NETWORK_POLICY_QUERY = "NetworkPolicyQuery" {
        "query": One(&QUERY_2020), "network_policy_id": Text, "name": Text, "zone_id": Text,
        "region_id": Text, "domain_id": Text,
    }
    NETWORK_POLICY_STAT = "NetworkPolicyStatQuery" { "query": One(&STATISTICS_2020), "domain_id": Text }
    ZONE_QUERY = "ZoneQuery" {
        "zone_id": Text, "region_id": Text, "query": One(&QUERY_2020), "name": Text, "domain_id": Text,
    }
    GET_ZONE = "GetZoneRequest" { "zone_id": Text, "domain_id": Text, "only": Texts }
    REGION_QUERY = "RegionQuery" {
        "query": One(&QUERY_2020), "region_id": Text, "name": Text, "domain_id": Text,
    }
    GET_REGION = "GetRegionRequest" { "region_id": Text, "domain_id": Text, "only": Texts }

    GROUP_KEY = "AggregateGroupKey" { "key": Text, "k": Text, "name": Text, "n": Text }
    GROUP_FIELD = "AggregateGroupField" {
        "key": Text, "k": Text, "name": Text, "n": Text, "operator": Text, "o": Text,
    }
    GROUP = "AggregateGroup" { "keys": Many(&GROUP_KEY), "fields": Many(&GROUP_FIELD) }
    UNWIND = "AggregateUnwind" { "path": Text }
    COUNT = "AggregateCount" { "name": Text }
    AGGREGATE_2020 = "StatisticsAggregate" {
        "unwind": Many(&UNWIND), "group": One(&GROUP), "count": One(&COUNT),
    }
    STATISTICS_SORT = "StatisticsSort" { "name": Text, "desc": Flag }
    STATISTICS_2020 = "StatisticsQuery" {
        "filter": Many(&FILTER), "filter_or": Many(&FILTER), "aggregate": One(&AGGREGATE_2020),
        "sort": One(&STATISTICS_SORT), "page": One(&PAGE), "limit": Integer, "distinct": Text,
    }
    AGGREGATE_SORT = "AggregateSort" { "key": Text, "desc": Flag, "keys": Many(&SORT_KEY) }
    STAGE = "StatisticsAggregate" {
        "unwind": One(&UNWIND), "group": One(&GROUP), "count": One(&COUNT), "sort": One(&AGGREGATE_SORT),
        "project": Any, "limit": Integer, "skip": Integer,
    }
    STATISTICS = "StatisticsQuery" {
        "filter": Many(&FILTER), "filter_or": Many(&FILTER), "aggregate": Many(&STAGE),
        "page": One(&PAGE), "distinct": Text, "keyword": Text,
    }

    CREATE_POLICY = "CreatePolicyRequest" {
        "name": Text, "permissions": Texts, "policy_id": Text, "labels": List, "tags": Struct,
        "project_id": Text, "domain_id": Text,
    }
    UPDATE_POLICY = "UpdatePolicyRequest" {
        "policy_id": Text, "name": Text, "permissions": Texts, "labels": List, "tags": Struct,
        "domain_id": Text,
    }
    POLICY = "PolicyRequest" { "policy_id": Text, "domain_id": Text }
    GET_POLICY = "GetRepositoryPolicyRequest" {
        "policy_id": Text, "domain_id": Text, "repository_id": Text, "only": Texts,
    }
    POLICY_QUERY = "PolicyQuery" {
        "query": One(&QUERY), "policy_id": Text, "name": Text, "project_id": Text,
        "repository_id": Text, "domain_id": Text, "state": Text,
    }
    POLICY_STAT = "PolicyStatQuery" { "query": One(&STATISTICS), "repository_id": Text, "domain_id": Text }
    ROLE_QUERY = "RoleQuery" {
        "query": One(&QUERY), "role_id": Text, "name": Text, "role_type": Text, "policy_id": Text,
        "domain_id": Text,
    }
    REPOSITORY_QUERY = "RepositoryQuery" {
        "query": One(&QUERY), "repository_id": Text, "name": Text, "repository_type": Text,
        "domain_id": Text,
    }
}
