//! Parses and prints addresses and networks as Python's `ipaddress` does.

use std::net::{IpAddr, Ipv4Addr};

/// Returns `str(ipaddress.ip_address(text))`.
pub(crate) fn address(text: &str) -> Option<String> {
    // Python allows a scope id on IPv6; Rust's parser does not, and networks never have one.
    text.parse::<IpAddr>().ok().map(printed)
}

/// Returns `str(ipaddress.ip_network(text))`. Host bits are an error; an address alone is a network of one.
pub(crate) fn network(text: &str) -> Option<String> {
    let (address, mask) = text.split_once('/').map_or((text, None), |(address, mask)| (address, Some(mask)));
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match (mask, address) {
        (None, _) => width,
        (Some(mask), IpAddr::V4(_)) => prefix_length(mask, width).or_else(|| masked(mask))?,
        (Some(mask), IpAddr::V6(_)) => prefix_length(mask, width)?,
    };
    has_no_host_bits(address, prefix).then(|| format!("{}/{prefix}", printed(address)))
}

/// Parses a prefix length: only decimal digits, at most `width`.
fn prefix_length(mask: &str, width: u32) -> Option<u32> {
    let digits = !mask.is_empty() && mask.bytes().all(|byte| byte.is_ascii_digit());
    mask.parse().ok().filter(|prefix| digits && *prefix <= width)
}

/// Converts a netmask such as `255.0.0.0` or a host mask such as `0.0.0.255` to a prefix length.
fn masked(mask: &str) -> Option<u32> {
    let bits = u32::from(mask.parse::<Ipv4Addr>().ok()?);
    if bits.leading_ones() + bits.trailing_zeros() == 32 {
        return Some(bits.leading_ones());
    }
    (bits.leading_zeros() + bits.trailing_ones() == 32).then(|| bits.leading_zeros())
}

fn has_no_host_bits(address: IpAddr, prefix: u32) -> bool {
    match address {
        IpAddr::V4(address) => u32::from(address).checked_shl(prefix).unwrap_or(0) == 0,
        IpAddr::V6(address) => u128::from(address).checked_shl(prefix).unwrap_or(0) == 0,
    }
}

/// Prints an address. Python before 3.13 prints IPv4-mapped addresses in hexadecimal groups.
fn printed(address: IpAddr) -> String {
    match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
            let [.., high, low] = v6.segments();
            format!("::ffff:{high:x}:{low:x}")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_parser_is_strict_and_prints_short_form() {
        for (text, expected) in [
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("10.0.0.1", Some("10.0.0.1/32")),
            ("10.0.0.1/8", None),
            ("10.0.0.0/33", None),
            ("10.0.0.0/255.0.0.0", Some("10.0.0.0/8")),
            ("10.0.0.0/0.0.0.255", Some("10.0.0.0/24")),
            ("010.0.0.0/8", None),
            ("10.0.0.0/+8", None),
            ("10.0.0/8", None),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("2001:DB8:0:0::/32", Some("2001:db8::/32")),
            ("::/0", Some("::/0")),
            ("::1", Some("::1/128")),
            ("::1/129", None),
            ("::ffff:0.0.0.0/128", Some("::ffff:0:0/128")),
            ("", None),
        ] {
            assert_eq!(network(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn address_parser_is_strict_and_prints_short_form() {
        assert_eq!(address("2001:DB8::0:53").as_deref(), Some("2001:db8::53"));
        assert_eq!(address("8.8.8.8").as_deref(), Some("8.8.8.8"));
        for bad in ["igw-1", "8.8.8", "8.8.8.08", "", "10.0.0.0/8"] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }
}
