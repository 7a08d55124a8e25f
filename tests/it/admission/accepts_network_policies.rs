//! Accepted `NetworkPolicy` objects.

use super::cases::accepts;

accepts! {
    admission_accepts_network_policy: NETWORK;
    admission_accepts_network_policy_of_a_name_and_a_zone: NETWORK, "spec.spaceone" = {"name": "n", "zoneId": "zone-1"};
    admission_accepts_name_of_255_characters: NETWORK, "spec.spaceone.name" = ("이".repeat(255));
    admission_accepts_ipv6_route: NETWORK,
        "spec.spaceone.routingTables" = [{"cidr": "2001:db8::/32", "destination": "2001:db8::1"}];
    admission_accepts_ipv6_network_written_in_full: NETWORK,
        "spec.spaceone.routingTables[0].cidr" = "2001:0DB8:0000:0000:0000:0000:0000:0000/32";
    admission_accepts_single_address_as_network: NETWORK, "spec.spaceone.routingTables[0].cidr" = "10.0.0.1";
    admission_accepts_default_route: NETWORK, "spec.spaceone.routingTables[0].cidr" = "0.0.0.0/0";
    admission_accepts_route_without_an_interface: NETWORK, "spec.spaceone.routingTables[0].interface" = null;
    admission_accepts_two_routes_to_one_network: NETWORK, "spec.spaceone.routingTables" = [
        {"cidr": "10.0.0.0/8", "destination": "10.0.0.1"}, {"cidr": "10.0.0.0/8", "destination": "10.0.0.2"},
    ];
    admission_accepts_200_routes: NETWORK, "spec.spaceone.routingTables" = (vec![serde_json::json!({"cidr": "10.0.0.0/8", "destination": "10.0.0.1"}); 200]);
    admission_accepts_empty_lists: NETWORK, "spec.spaceone.routingTables" = [], "spec.spaceone.dns" = [], "spec.spaceone.pinnedKeys" = [];
    admission_accepts_name_servers_of_both_families: NETWORK, "spec.spaceone.dns" = ["10.0.0.2", "2001:db8::53", "10.0.0.2"];
    admission_accepts_data_and_metadata_of_any_json: NETWORK,
        "spec.spaceone.data" = {"vpc": {"id": "vpc-1", "cidrs": ["10.0.0.0/16"]}, "n": 1},
        "spec.spaceone.metadata" = {"view": {"table": {"layout": null}}};
    admission_accepts_reference: NETWORK, "spec.spaceone.reference" = {"resourceId": "vpc-1", "externalLink": "https://console.example.com/vpc-1"};
    admission_accepts_empty_reference: NETWORK, "spec.spaceone.reference" = {};
    admission_accepts_tags: NETWORK, "spec.spaceone.tags" = {"team": "net", "level": 2};
    admission_accepts_every_pinned_key: NETWORK,
        "spec.spaceone.pinnedKeys" = ["name", "dns", "routing_tables", "tags", "reference", "zone_id", "data.vpc"];
    admission_accepts_recreation_when_required: NETWORK, "spec.recreatePolicy" = "WhenRequired";
    admission_accepts_adoption_of_a_network_policy: NETWORK, "spec.externalId" = "npolicy-0123456789ab", "spec.adoptionPolicy" = "Always";
}
