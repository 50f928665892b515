//! Which addresses may be called, and on whose word. Knows no names and opens no sockets.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use model::BaseUrl;

/// What the operator allows beyond public addresses.
#[derive(Clone, Debug, Default)]
pub struct Egress {
    /// Where the operator moved providers of the catalogue to: exactly these hosts and ports.
    pub overrides: Vec<BaseUrl>,
    /// Where tenants' own endpoints may live inside private ranges.
    pub allow: Vec<EgressRule>,
}

/// `CIDR:port`, for example `10.0.0.0/8:8000` or `[fd00::/8]:443`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressRule {
    network: IpAddr,
    prefix: u8,
    port: u16,
}

/// An address nobody may call, or not on this word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    kind: &'static str,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it leads to {}", self.kind)
    }
}

impl std::error::Error for Forbidden {}

/// One client's judge. Public addresses pass, metadata services never, private ones on the operator's word.
#[derive(Clone)]
pub struct Judge(Arc<Word>);

enum Word {
    /// Hosts the operator named: whatever they resolve to.
    Hosts(HashSet<(String, u16)>),
    /// Networks the operator opened: whatever name leads there.
    Networks(Vec<EgressRule>),
}

impl Judge {
    pub fn for_catalogue(egress: &Egress) -> Self {
        let hosts = egress.overrides.iter().map(|url| (url.host().to_owned(), url.port()));
        Self(Arc::new(Word::Hosts(hosts.collect())))
    }

    pub fn for_tenants(egress: &Egress) -> Self {
        Self(Arc::new(Word::Networks(egress.allow.clone())))
    }

    /// `host` as the URL has it; `address` as it is about to be dialled.
    pub fn judge(&self, host: &str, address: SocketAddr) -> Result<(), Forbidden> {
        let ip = embedded(address.ip());
        if is_metadata(ip) {
            return Err(Forbidden { kind: "a metadata service" });
        }
        let Some(kind) = not_public(ip) else { return Ok(()) };
        let allowed = match &*self.0 {
            Word::Hosts(hosts) => hosts.contains(&(host.to_owned(), address.port())),
            Word::Networks(rules) => rules.iter().any(|rule| rule.covers(ip, address.port())),
        };
        if allowed { Ok(()) } else { Err(Forbidden { kind }) }
    }
}

impl EgressRule {
    fn covers(&self, ip: IpAddr, port: u16) -> bool {
        self.port == port
            && match (self.network, ip) {
                (IpAddr::V4(network), IpAddr::V4(ip)) => {
                    let shift = 32_u32.saturating_sub(u32::from(self.prefix));
                    let high = |ip: Ipv4Addr| u32::from(ip).checked_shr(shift).unwrap_or(0);
                    high(network) == high(ip)
                }
                (IpAddr::V6(network), IpAddr::V6(ip)) => {
                    let shift = 128_u32.saturating_sub(u32::from(self.prefix));
                    let high = |ip: Ipv6Addr| u128::from(ip).checked_shr(shift).unwrap_or(0);
                    high(network) == high(ip)
                }
                _ => false,
            }
    }
}

impl fmt::Display for EgressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network {
            IpAddr::V4(network) => write!(f, "{network}/{}:{}", self.prefix, self.port),
            IpAddr::V6(network) => write!(f, "[{network}/{}]:{}", self.prefix, self.port),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not CIDR:port, as in 10.0.0.0/8:8000 or [fd00::/8]:443")]
pub struct InvalidRule(String);

impl FromStr for EgressRule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let invalid = || InvalidRule(text.to_owned());
        let (network, port) = text.trim().rsplit_once(':').ok_or_else(invalid)?;
        let bracketed = network.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let (address, prefix) = bracketed.unwrap_or(network).split_once('/').ok_or_else(invalid)?;
        let network: IpAddr = address.parse().map_err(|_| invalid())?;
        // Without brackets the last group of an IPv6 network would pass for a port.
        if network.is_ipv6() != bracketed.is_some() {
            return Err(invalid());
        }
        let prefix: u8 = prefix.parse().map_err(|_| invalid())?;
        let longest = if network.is_ipv4() { 32 } else { 128 };
        let port = port.parse().map_err(|_| invalid())?;
        if prefix > longest {
            return Err(invalid());
        }
        Ok(Self { network, prefix, port })
    }
}

/// The IPv4 address that an IPv6 one stands for, so that no notation hides it.
fn embedded(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let [_, _, _, _, _, _, g, h] = v6.segments();
    let low = Ipv4Addr::from((u32::from(g) << 16) | u32::from(h));
    if let Some(v4) = v6.to_ipv4_mapped() {
        return IpAddr::V4(v4);
    }
    // 64:ff9b::/96, and the deprecated ::a.b.c.d
    if v6.segments().starts_with(&[0x64, 0xff9b, 0, 0, 0, 0]) {
        return IpAddr::V4(low);
    }
    if v6.segments().starts_with(&[0; 6]) && !v6.is_loopback() && !v6.is_unspecified() {
        return IpAddr::V4(low);
    }
    ip
}

const METADATA_V4: [Ipv4Addr; 4] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

fn is_metadata(ip: IpAddr) -> bool {
    match ip {
        // The whole link-local block: other clouds put theirs beside the well-known one.
        IpAddr::V4(ip) => METADATA_V4.contains(&ip) || ip.is_link_local(),
        IpAddr::V6(ip) => METADATA_V6.contains(&ip),
    }
}

/// What kind of address it is, unless it is a public one.
fn not_public(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(ip) => not_public_v4(ip),
        IpAddr::V6(ip) => not_public_v6(ip),
    }
}

fn not_public_v4(ip: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        (0, ..) => Some("this host"),
        (127, ..) => Some("the loopback range"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Some("a private range"),
        (100, 64..=127, _) => Some("a carrier's private range"),
        (192, 0, 0) | (192, 88, 99) | (198, 18..=19, _) => Some("a special-purpose range"),
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => Some("a documentation range"),
        (224..=239, ..) => Some("a multicast range"),
        (240..=255, ..) => Some("a reserved range"),
        _ => None,
    }
}

fn not_public_v6(ip: Ipv6Addr) -> Option<&'static str> {
    let [a, b, ..] = ip.segments();
    match (a, b) {
        _ if ip.is_loopback() => Some("the loopback address"),
        _ if ip.is_unspecified() => Some("this host"),
        (0xfc00..=0xfdff, _) => Some("a private range"),
        (0xfe80..=0xfebf, _) => Some("a link-local range"),
        (0xff00..=0xffff, _) => Some("a multicast range"),
        // Teredo and 6to4, whatever they lead to.
        (0x2001, 0) | (0x2002, _) => Some("a tunnel"),
        (0x2001, 0xdb8) | (0x3fff, 0..=0x0fff) => Some("a documentation range"),
        // Global unicast is 2000::/3; all else is reserved, translated or local.
        (0x2000..=0x3fff, _) => None,
        _ => Some("a reserved range"),
    }
}

#[cfg(test)]
mod tests;
