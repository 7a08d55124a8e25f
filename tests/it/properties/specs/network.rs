//! `SpaceONE` network policies that the upstream accepts.

use super::{block, json as free, sometimes, text};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Generates the block `spec.spaceone` of a `NetworkPolicy` in one of these zones.
pub fn policy(zones: &[String]) -> impl Strategy<Value = Value> + use<> {
    let routes = prop_oneof![20 => prop::collection::vec(route(), 0..4), 1 => prop::collection::vec(route(), 200)];
    let dns = prop_oneof![9 => prop::collection::vec(address(), 0..4), 1 => prop::collection::vec(address(), 20)];
    let fields = (
        text::free(1..=255),
        prop::sample::select(zones.to_vec()),
        sometimes(routes),
        sometimes(dns),
        sometimes(free::object()),
        sometimes(free::metadata()),
        sometimes(reference()),
        sometimes(free::object()),
        sometimes(prop::collection::vec(any::<prop::sample::Index>(), 0..4)),
    );
    fields.prop_map(|(name, zone, routes, dns, data, metadata, reference, tags, pins)| {
        let mut block = block(vec![
            ("name", Some(json!(name))),
            ("zoneId", Some(json!(zone))),
            ("routingTables", routes.map(Value::Array)),
            ("dns", dns.map(|dns| json!(dns))),
            ("data", data),
            ("metadata", metadata),
            ("reference", reference),
            ("tags", tags),
        ]);
        if let Some(pins) = pins {
            let can = pinnable(&block);
            let mut pinned: Vec<&String> = pins.iter().map(|index| index.get(&can)).collect();
            pinned.sort();
            pinned.dedup();
            block["pinnedKeys"] = json!(pinned);
        }
        block
    })
}

/// Returns the keys that the upstream can pin: the fields that were ever set. An empty list or reference does not
/// set a field.
fn pinnable(block: &Value) -> Vec<String> {
    let filled = |field: &str| block[field].as_array().is_some_and(|list| !list.is_empty());
    let mut keys = vec!["name".to_owned(), "zone_id".to_owned(), "tags".to_owned()];
    keys.extend(filled("dns").then(|| "dns".to_owned()));
    keys.extend(filled("routingTables").then(|| "routing_tables".to_owned()));
    keys.extend(
        block["reference"].as_object().is_some_and(|members| !members.is_empty()).then(|| "reference".to_owned()),
    );
    keys.extend(block["data"].as_object().into_iter().flatten().map(|(key, _)| format!("data.{key}")));
    keys
}

fn route() -> impl Strategy<Value = Value> {
    (network(), address(), sometimes(text::visible(40))).prop_map(|(cidr, destination, interface)| {
        block(vec![
            ("cidr", Some(json!(cidr))),
            ("destination", Some(json!(destination))),
            ("interface", interface.map(|text| json!(text))),
        ])
    })
}

fn reference() -> impl Strategy<Value = Value> {
    (sometimes(text::visible(255)), sometimes(text::visible(255))).prop_map(|(id, link)| {
        block(vec![("resourceId", id.map(|text| json!(text))), ("externalLink", link.map(|text| json!(text)))])
    })
}

/// Generates an address in any spelling, except IPv4 addresses mapped into IPv6, which the API server refuses.
pub fn address() -> impl Strategy<Value = String> {
    let v6 = prop_oneof![any::<u128>(), (0u128..1 << 20), any::<u16>().prop_map(|n| u128::from(n) << 112)];
    prop_oneof![
        any::<u32>().prop_map(|bits| Ipv4Addr::from(bits).to_string()),
        (v6.prop_filter("not a mapped address", |bits| Ipv6Addr::from(*bits).to_ipv4_mapped().is_none()), 0usize..4)
            .prop_map(|(bits, spelling)| spelled(Ipv6Addr::from(bits), spelling)),
    ]
}

/// Generates a network without host bits, or a single address.
pub fn network() -> impl Strategy<Value = String> {
    let v4 = (any::<u32>(), 0u32..=32).prop_map(|(bits, prefix)| {
        let kept = bits & u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
        format!("{}/{prefix}", Ipv4Addr::from(kept))
    });
    let v6 = (any::<u128>(), 0u32..=128, 0usize..4).prop_map(|(bits, prefix, spelling)| {
        // Outside the block of mapped addresses, whatever the prefix is.
        let kept = (bits | 1 << 127) & u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
        format!("{}/{prefix}", spelled(Ipv6Addr::from(kept), spelling))
    });
    prop_oneof![3 => v4, 2 => v6, 1 => address()]
}

/// Formats an address in one of its spellings.
pub fn spelled(address: Ipv6Addr, spelling: usize) -> String {
    let groups = |format: fn(u16) -> String| address.segments().map(format).join(":");
    match spelling {
        0 => address.to_string(),
        1 => address.to_string().to_uppercase(),
        2 => groups(|group| format!("{group:04x}")),
        _ => groups(|group| format!("{group:X}")),
    }
}

/// Formats the same address or network in another spelling.
pub fn respelled(text: &str, spelling: usize) -> String {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let (written, width) = match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => (spelled(address, spelling), "128"),
        _ => (address.to_owned(), "32"),
    };
    match prefix {
        // A network with one address may be written as the address.
        Some(prefix) if prefix == width && spelling.is_multiple_of(2) => written,
        Some(prefix) => format!("{written}/{prefix}"),
        None => written,
    }
}
