//! The judge against the corpus of addresses that must never be dialled.

use super::*;

fn nobody() -> Judge {
    Judge::for_tenants(&Egress::default())
}

fn at(ip: &str, port: u16) -> SocketAddr {
    SocketAddr::new(ip.parse().expect(ip), port)
}

#[test]
fn every_private_range_is_refused_at_its_first_and_last_address() {
    let ranges = [
        ("0.0.0.0", "0.255.255.255"),
        ("10.0.0.0", "10.255.255.255"),
        ("100.64.0.0", "100.127.255.255"),
        ("127.0.0.0", "127.255.255.255"),
        ("169.254.0.0", "169.254.255.255"),
        ("172.16.0.0", "172.31.255.255"),
        ("192.0.0.0", "192.0.0.255"),
        ("192.168.0.0", "192.168.255.255"),
        ("198.18.0.0", "198.19.255.255"),
        ("224.0.0.0", "239.255.255.255"),
        ("240.0.0.0", "255.255.255.255"),
        ("::", "::1"),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ];

    for (first, last) in ranges {
        for ip in [first, last] {
            assert!(nobody().judge("host", at(ip, 443)).is_err(), "{ip}");
        }
    }
}

#[test]
fn every_ipv6_notation_of_a_private_ipv4_address_is_seen_through() {
    let private =
        ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "172.16.9.9", "0.0.0.0"];

    for ip in private {
        let v4: Ipv4Addr = ip.parse().expect(ip);
        let number = u32::from(v4);
        let (high, low) = (number >> 16, number & 0xffff);
        for form in [
            format!("::ffff:{ip}"),
            format!("64:ff9b::{high:x}:{low:x}"),
            format!("2002:{high:x}:{low:x}::1"),
            format!("::{high:x}:{low:x}"),
            format!("2001:0:{high:x}:{low:x}::"),
        ] {
            assert!(nobody().judge("host", at(&form, 443)).is_err(), "{form}");
        }
    }
}

#[test]
fn public_addresses_pass() {
    for ip in [
        "1.1.1.1",
        "8.8.8.8",
        "104.18.7.192",
        "172.32.0.1",
        "2606:4700::6812:7c0",
        "2a00:1450:4001:82a::200a",
        "64:ff9b::101:101",
    ] {
        assert_eq!(nobody().judge("host", at(ip, 443)), Ok(()), "{ip}");
    }
}

#[test]
fn a_rule_opens_its_network_and_its_port_and_nothing_else() {
    let allow =
        vec!["10.1.0.0/16:8000".parse().expect("rule"), "[fd00::/8]:443".parse().expect("rule")];
    let judge = Judge::for_tenants(&Egress { allow, ..Egress::default() });

    assert_eq!(judge.judge("vllm", at("10.1.255.255", 8000)), Ok(()));
    assert_eq!(judge.judge("vllm", at("fd12::1", 443)), Ok(()));
    for (ip, port) in [
        ("10.1.0.1", 8001),
        ("10.2.0.1", 8000),
        ("127.0.0.1", 8000),
        ("fd12::1", 80),
        ("fe80::1", 443),
    ] {
        assert!(judge.judge("vllm", at(ip, port)).is_err(), "{ip} {port}");
    }
}

#[test]
fn metadata_services_stay_closed_whatever_is_allowed() {
    let allow = ["0.0.0.0/0:80", "[::/0]:80"].map(|rule| rule.parse().expect(rule)).to_vec();
    let overrides = vec![BaseUrl::parse("http://metadata:80").expect("url")];
    let egress = Egress { overrides, allow };

    for ip in [
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "169.254.170.2",
    ] {
        assert!(Judge::for_tenants(&egress).judge("metadata", at(ip, 80)).is_err(), "{ip}");
        assert!(Judge::for_catalogue(&egress).judge("metadata", at(ip, 80)).is_err(), "{ip}");
    }
}

#[test]
fn an_override_opens_its_host_and_port_for_the_catalogue_only() {
    let overrides = vec![BaseUrl::parse("http://127.0.0.1:9000/v1").expect("url")];
    let egress = Egress { overrides, ..Egress::default() };
    let catalogue = Judge::for_catalogue(&egress);

    assert_eq!(catalogue.judge("127.0.0.1", at("127.0.0.1", 9000)), Ok(()));
    assert!(catalogue.judge("127.0.0.1", at("127.0.0.1", 9001)).is_err());
    assert!(catalogue.judge("localhost", at("127.0.0.1", 9000)).is_err());
    assert!(Judge::for_tenants(&egress).judge("127.0.0.1", at("127.0.0.1", 9000)).is_err());
}

#[test]
fn a_rule_that_is_not_cidr_and_port_is_refused() {
    for text in [
        "10.0.0.0/8",
        "10.0.0.0:80",
        "10.0.0.0/33:80",
        "fd00::/8:443",
        "[10.0.0.0/8]:80",
        "host/8:80",
        "",
        "10.0.0.0/8:99999",
    ] {
        assert!(text.parse::<EgressRule>().is_err(), "{text}");
    }
}
