//! `net.cidr_contains` as OPA answers it: by Go's rules, an IPv4 address that is written as IPv6
//! (`::ffff:10.1.2.3`) is that IPv4 address, and a network of such addresses an IPv4 network.

use std::net::IpAddr;

use regorus::Value;

use super::strings;

/// The addresses that agree with `first` in the first `prefix` bits.
#[derive(Clone, Copy)]
struct Network {
    first: Address,
    prefix: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Address {
    V4(u32),
    V6(u128),
}

/// `net.cidr_contains(cidr, address_or_cidr)`
pub(super) fn cidr_contains(arguments: &[Value]) -> Value {
    let answer = strings(arguments).and_then(|[cidr, other]| {
        let network = network(cidr)?;
        if let Some(address) = address(other) {
            return Some(network.contains(address));
        }
        let other = self::network(other)?;
        Some(network.contains(other.first) && network.contains(other.last()))
    });
    answer.map_or(Value::Undefined, Value::from)
}

/// `net.cidr_is_valid(cidr)`; what is no string is no network, not an error.
pub(super) fn cidr_is_valid(arguments: &[Value]) -> Value {
    let network = strings(arguments).and_then(|[cidr]| network(cidr));
    Value::from(network.is_some())
}

fn address(text: &str) -> Option<Address> {
    Some(match text.parse().ok()? {
        IpAddr::V4(address) => Address::V4(address.to_bits()),
        IpAddr::V6(address) => address
            .to_ipv4_mapped()
            .map_or(Address::V6(address.to_bits()), |mapped| {
                Address::V4(mapped.to_bits())
            }),
    })
}

fn network(text: &str) -> Option<Network> {
    let (address, prefix) = text.split_once('/')?;
    if prefix.is_empty() || !prefix.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let prefix: u32 = prefix.parse().ok()?;
    match address.parse().ok()? {
        IpAddr::V4(address) => (prefix <= u32::BITS).then(|| Network {
            first: Address::V4(address.to_bits() & mask(prefix)),
            prefix,
        }),
        IpAddr::V6(address) => {
            if prefix > u128::BITS {
                return None;
            }
            let first = std::net::Ipv6Addr::from_bits(address.to_bits() & wide_mask(prefix));
            Some(match first.to_ipv4_mapped() {
                Some(mapped) => Network {
                    first: Address::V4(mapped.to_bits()),
                    prefix: prefix - (u128::BITS - u32::BITS),
                },
                None => Network {
                    first: Address::V6(first.to_bits()),
                    prefix,
                },
            })
        }
    }
}

impl Network {
    fn contains(self, address: Address) -> bool {
        match (self.first, address) {
            (Address::V4(first), Address::V4(address)) => address & mask(self.prefix) == first,
            (Address::V6(first), Address::V6(address)) => address & wide_mask(self.prefix) == first,
            _ => false,
        }
    }

    fn last(self) -> Address {
        match self.first {
            Address::V4(first) => Address::V4(first | !mask(self.prefix)),
            Address::V6(first) => Address::V6(first | !wide_mask(self.prefix)),
        }
    }
}

fn mask(prefix: u32) -> u32 {
    u32::MAX.checked_shl(u32::BITS - prefix).unwrap_or(0)
}

fn wide_mask(prefix: u32) -> u128 {
    u128::MAX.checked_shl(u128::BITS - prefix).unwrap_or(0)
}
