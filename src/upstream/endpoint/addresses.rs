//! Classifies addresses by the ranges of the address registries.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The network to which an address belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// The public internet.
    Public,
    /// This host or a private network.
    Inside,
    /// A metadata service, a multicast group or an unused range: no upstream has such an address.
    Never,
}

pub(super) fn reach(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(ip) => reach_v4(ip),
        IpAddr::V6(ip) => reach_v6(ip),
    }
}

fn reach_v4(ip: Ipv4Addr) -> Reach {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        // This network, link-local (metadata services), protocol assignments (one more metadata
        // service), the relays of 6to4, multicast and reserved, and a metadata service inside the
        // shared address space.
        (0 | 224..=255, _, _) | (169, 254, _) | (192, 0, 0) | (192, 88, 99) | (100, 100, 100) => Reach::Never,
        // Private, shared address space (RFC 6598), loopback and benchmarking.
        (10 | 127, _, _) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) | (198, 18..=19, _) => Reach::Inside,
        _ => Reach::Public,
    }
}

fn reach_v6(ip: Ipv6Addr) -> Reach {
    if let Some(v4) = ip.to_ipv4_mapped() {
        return reach_v4(v4);
    }
    if ip == Ipv6Addr::LOCALHOST {
        return Reach::Inside;
    }
    let segments = ip.segments();
    let [first, second, third, .., last_but_one, last] = segments;
    match (first, second) {
        // The metadata service of one cloud has a unique local address.
        (0xfd00, 0x0ec2) if segments[2..] == [0, 0, 0, 0, 0, 0x0254] => Reach::Never,
        (0xfc00..=0xfdff, _) => Reach::Inside,
        // 6to4 and NAT64 contain the IPv4 address to which a gateway connects.
        (0x2002, _) => reach_v4(v4_of(second, third)),
        (0x0064, 0xff9b) => {
            let local = if third == 1 { Reach::Inside } else { Reach::Public };
            reach_v4(v4_of(last_but_one, last)).max(local)
        }
        // Unspecified and IPv4-compatible, Teredo, discard-only, link-local, site-local, multicast.
        (0x0000 | 0x0100 | 0xfe80..=0xfeff | 0xff00..=0xffff, _) | (0x2001, 0) => Reach::Never,
        _ => Reach::Public,
    }
}

fn v4_of(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(reach_of: Reach, addresses: &[&str]) {
        for ip in addresses {
            assert_eq!(reach(ip.parse().unwrap()), reach_of, "{ip}");
        }
    }

    #[test]
    fn public_addresses_are_public() {
        lead(Reach::Public, &["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2606:4700::1"]);
        lead(Reach::Public, &["64:ff9b::808:808", "2002:808:808::"]);
    }

    #[test]
    fn private_addresses_are_inside_in_every_form() {
        lead(Reach::Inside, &["127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1"]);
        lead(Reach::Inside, &["100.64.0.1", "198.18.0.1", "::1", "fd12::1", "fc00::1"]);
        lead(Reach::Inside, &["::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::"]);
        lead(Reach::Inside, &["64:ff9b:1::808:808"]);
    }

    #[test]
    fn metadata_and_reserved_addresses_are_never_allowed() {
        lead(Reach::Never, &["169.254.169.254", "169.254.1.1", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"]);
        lead(
            Reach::Never,
            &["0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::", "fe80::1", "fec0::1", "ff02::1"],
        );
        lead(Reach::Never, &["::169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"]);
        lead(Reach::Never, &["2001::1"]);
    }
}
