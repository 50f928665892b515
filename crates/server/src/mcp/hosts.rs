//! Under which names we are called, and by whose pages: the public URL, and this machine. Anything else may be a page that
//! had its own name resolve to us.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::StatusCode;
use http::header::{HOST, HeaderValue, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use model::{BaseUrl, Code, Refusal};

pub struct Hosts {
    /// As in a URL.
    names: Vec<String>,
    /// With scheme and port.
    origins: Vec<String>,
}

impl Hosts {
    pub fn new(public_url: &BaseUrl, listen: SocketAddr) -> Self {
        let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
        let here = loopback.into_iter().chain([listen.ip()]).map(in_url);
        let mut names: Vec<String> = here.chain(["localhost".to_owned()]).collect();
        let port = listen.port();
        let mut origins: Vec<String> =
            names.iter().map(|name| format!("http://{name}:{port}")).collect();
        names.push(public_url.host().to_owned());
        origins.push(public_url.origin().to_string());
        Self { names, origins }
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub fn origins(&self) -> &[String] {
        &self.origins
    }

    /// Every name that the request gives for us must be ours, and every page it comes from.
    pub fn judge(&self, parts: &Parts) -> Result<(), Refusal> {
        let mut hosts: Vec<Option<Authority>> =
            parts.headers.get_all(HOST).iter().map(authority).collect();
        // HTTP/2 names the host here, and so may HTTP/1.
        hosts.extend(parts.uri.authority().cloned().map(Some));
        let is_ours = |host: &Option<Authority>| host.as_ref().is_some_and(|it| self.is_ours(it));
        if hosts.is_empty() || !hosts.iter().all(is_ours) {
            return Err(forbidden("Host"));
        }
        let mut origins = parts.headers.get_all(ORIGIN).iter();
        if origins.all(|origin| self.is_our_page(origin)) {
            Ok(())
        } else {
            Err(forbidden("Origin"))
        }
    }

    /// On any port: somebody may forward one of theirs to ours, and a name that was taken over is not ours on any.
    fn is_ours(&self, host: &Authority) -> bool {
        let url = BaseUrl::parse(&format!("http://{host}"));
        url.is_ok_and(|url| self.names.iter().any(|name| name == url.host()))
    }

    fn is_our_page(&self, origin: &HeaderValue) -> bool {
        let url = origin.to_str().ok().and_then(|text| BaseUrl::parse(text).ok());
        url.is_some_and(|url| self.origins.iter().any(|ours| ours == url.origin().as_str()))
    }
}

fn authority(value: &HeaderValue) -> Option<Authority> {
    Authority::try_from(value.as_bytes()).ok()
}

fn in_url(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

pub fn forbidden(header: &str) -> Refusal {
    let public = format!(
        "the {header} header names neither this machine nor the public URL: the operator sets that \
         with KEYSTILE_PUBLIC_URL"
    );
    let refusal = Refusal::new(Code::InvalidRequest, public);
    Refusal { status: Some(StatusCode::FORBIDDEN.as_u16()), ..refusal }
}
