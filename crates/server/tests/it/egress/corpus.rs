//! Base URLs that lead where no tenant may: every way in which an address or a name has been spelled to get past a check.

use std::net::Ipv4Addr;

/// Base URLs that lead to this machine, its network or its cloud; those with a port of the wires first of all.
pub fn corpus(port: u16) -> Vec<String> {
    let v4: [[u8; 4]; 14] = [
        [127, 0, 0, 1],
        [127, 1, 2, 3],
        [0, 0, 0, 0],
        [10, 0, 0, 1],
        [172, 16, 0, 1],
        [192, 168, 0, 1],
        [100, 64, 0, 1],
        [169, 254, 169, 254],
        [169, 254, 170, 2],
        [100, 100, 100, 200],
        [168, 63, 129, 16],
        [192, 0, 0, 192],
        [198, 18, 0, 1],
        [255, 255, 255, 255],
    ];
    let mut hosts: Vec<String> = v4.into_iter().flat_map(spellings_v4).collect();
    hosts.extend(v4.into_iter().flat_map(spellings_v6).map(|host| format!("[{host}]")));
    hosts.extend(V6.iter().map(|host| format!("[{host}]")));
    hosts.extend(NAMES.iter().map(|name| (*name).to_owned()));
    let mut urls: Vec<String> =
        hosts.iter().map(|host| format!("http://{host}:{port}/v1")).collect();
    urls.extend(hosts.iter().step_by(3).map(|host| format!("https://{host}:{port}")));
    // Where a URL's parts end is what parsers disagree about.
    let here = format!("127.0.0.1:{port}");
    urls.extend([
        format!("http://user@{here}"),
        format!("http://user:password@{here}"),
        format!("http://api.openai.com@{here}/v1"),
        format!("http://api.openai.com:443@{here}/v1"),
        format!("http://api.openai.com%40{here}/v1"),
        format!("http://{here}@api.openai.com/v1"),
        format!("http://{here}\\@api.openai.com/v1"),
        format!("http://{here}#@api.openai.com/v1"),
        format!("http://{here}?@api.openai.com/v1"),
        format!("http:{here}"),
        format!("http:/{here}"),
        format!("http:///{here}"),
        format!("http:\\\\{here}\\v1"),
        format!("  http://{here}  "),
        format!("ht\ntp://127.0\t.0.1:{port}"),
        format!("HTTP://{here}"),
        format!("http://127.0.0.1:0{port}"),
        format!("http://127.0.0.1:{port}/a/../../v1"),
        format!("http://127.0.0.1:{port}/%2e%2e/"),
        format!("ftp://{here}"),
        format!("ws://{here}"),
        format!("gopher://{here}/_GET"),
        format!("//{here}"),
        here.clone(),
        "file:///etc/passwd".to_owned(),
        "unix:///var/run/docker.sock".to_owned(),
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/".to_owned(),
        "http://".to_owned(),
        "http://:80".to_owned(),
        "http://127.0.0.1:99999".to_owned(),
        "http://127.0.0.1:-1".to_owned(),
        "http://256.0.0.1".to_owned(),
        "http://127.0.0.1.1".to_owned(),
        "http://0x7f.0x0.0x0.0x1ffff".to_owned(),
        String::new(),
    ]);
    urls
}

fn spellings_v4(address: [u8; 4]) -> Vec<String> {
    let [a, b, c, d] = address.map(u32::from);
    let whole = u32::from_be_bytes(address);
    let (low, mid) = (whole & 0xff_ffff, whole & 0xffff);
    let wide = |text: &str, zero: u32| -> String {
        let shift = |c: char| c.to_digit(10).and_then(|digit| char::from_u32(zero + digit));
        text.chars().map(|c| shift(c).unwrap_or(c)).collect()
    };
    let dotted = format!("{a}.{b}.{c}.{d}");
    vec![
        format!("{dotted}."),
        format!("{whole}"),
        format!("{whole}."),
        format!("0x{whole:08x}"),
        format!("0X{whole:X}"),
        format!("0x000000{whole:08x}"),
        format!("0{whole:o}"),
        format!("0000000{whole:o}"),
        format!("{a}.{low}"),
        format!("0x{a:x}.{low}"),
        format!("0{a:o}.0x{low:x}"),
        format!("{a}.{b}.{mid}"),
        format!("{a}.0x{b:x}.0{mid:o}"),
        format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
        format!("0x{a:02X}.0x{b:02X}.0x{c:02X}.0x{d:02X}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("000{a:o}.00{b:o}.0000{c:o}.0{d:o}"),
        format!("{a}.0x{b:x}.0{c:o}.{d}"),
        dotted.replace('.', "。"),
        dotted.replace('.', "．"),
        dotted.replace('.', "｡"),
        dotted.replace('.', "%2e"),
        dotted.bytes().map(|byte| format!("%{byte:02x}")).collect(),
        wide(&dotted, 0xff10),
        wide(&dotted, 0x1d7ce),
        format!("%30x{whole:x}"),
        dotted,
    ]
}

fn spellings_v6(address: [u8; 4]) -> Vec<String> {
    let dotted = Ipv4Addr::from(address);
    let [a, b, c, d] = address;
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    vec![
        format!("::ffff:{dotted}"),
        format!("::ffff:{high:x}:{low:x}"),
        format!("0:0:0:0:0:FFFF:{high:04X}:{low:04X}"),
        format!("0000:0000:0000:0000:0000:ffff:{dotted}"),
        format!("::{dotted}"),
        format!("::ffff:0:{dotted}"),
        format!("64:ff9b::{dotted}"),
        format!("64:ff9b::{high:x}:{low:x}"),
        format!("64:ff9b:1::{dotted}"),
        format!("2002:{high:x}:{low:x}::"),
        format!("2002:{high:x}:{low:x}:0:0:0:0:1"),
        format!("2001:0:{high:x}:{low:x}::"),
        format!("2001::{:x}:{:x}", !high, !low),
        format!("fe80::5efe:{dotted}"),
    ]
}

const V6: [&str; 28] = [
    "::1",
    "0:0:0:0:0:0:0:1",
    "0000:0000:0000:0000:0000:0000:0000:0001",
    "::0001",
    "0::1",
    "::",
    "0:0:0:0:0:0:0:0",
    "fe80::1",
    "FE80::1",
    "fe80::1%25eth0",
    "fe80::1%eth0",
    "fe80::1%251",
    "::1%25lo",
    "febf::1",
    "fec0::1",
    "fc00::1",
    "fd00::1",
    "fd00:ec2::254",
    "FD00:0EC2:0:0:0:0:0:0254",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "4000::1",
    "e000::1",
    "1::1",
];

/// The name server maps all of them to this machine.
const NAMES: [&str; 36] = [
    "localhost",
    "LOCALHOST",
    "LocalHost",
    "localhost.",
    "localhost..",
    "localhost.localdomain",
    "foo.localhost",
    "foo.localhost.",
    "ip6-localhost",
    "ip6-loopback",
    "localtest.me",
    "lvh.me",
    "127.0.0.1.nip.io",
    "127-0-0-1.sslip.io",
    "spoofed.burpcollaborator.example",
    "metadata",
    "metadata.google.internal",
    "metadata.google.internal.",
    "instance-data",
    "kubernetes.default.svc",
    "host.docker.internal",
    "gateway.docker.internal",
    "db.internal",
    "printer.local",
    "router.lan",
    "a",
    "1.0.0.127.in-addr.arpa",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "ｌｏｃａｌｈｏｓｔ",
    "loc%61lhost",
    "local\u{ad}host",
    "xn--localhost",
    "api.openai.com.evil.example",
    "127.0.0.1.evil.example",
    "0x7f.1.evil.example",
    "_metadata._tcp.example",
];
