//! Providers that speak HTTP/2 over TLS, as most do: streams that are refused or reset, and connections that are lost with
//! all that runs on them.

use std::time::Duration;

use bytes::Bytes;
use http::Version;
use server::config::Layer;
use testkit::fake::{Authority, FakeProvider, Identity, Reply, Step, Tls};

use super::fault::Expected::Broken;
use super::fault::{Fault, GARBLED, refused};
use super::pair::Pair;
use super::site::Site;

pub async fn survives_http2(pair: Pair) {
    let site = Secure::open(pair, &["h2", "http/1.1"]).await;
    site.survives(&streams(pair)).await;
    let seen = site.fake.requests();
    assert!(seen.iter().all(|request| request.version == Version::HTTP_2), "all of it over HTTP/2");

    let site = Secure::open(pair, &["h2"]).await;
    site.survives_singly(&losses(pair)).await;
}

/// A site whose provider is known by a certificate. The authority's file lives as long.
pub struct Secure {
    site: Site,
    _authority: Authority,
}

impl std::ops::Deref for Secure {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Secure {
    pub async fn open(pair: Pair, protocols: &[&str]) -> Self {
        let authority = Authority::new();
        let fake = FakeProvider::start_tls(Tls::new(&authority, Identity::Good, protocols)).await;
        let file = Some(authority.file().to_owned());
        let layer = Layer { upstream_ca_file: file, ..Layer::default() };
        Self { site: Site::before(pair, fake, layer).await, _authority: authority }
    }
}

/// So that what was written before has left: a reset drops what waits.
const MOMENT: Duration = Duration::from_millis(200);

/// RST_STREAM: one call breaks, and no other on its connection.
pub fn streams(pair: Pair) -> Vec<Fault> {
    let refuses = Reply::refused_stream();
    let refused = refused(503, "upstream_unavailable").twice();
    let mut faults = broken(pair, "stream that is reset", &Step::Cut);
    faults.extend([
        // Nothing was done, so that it is asked for once more.
        Fault::same("a stream that is refused", refuses.clone(), refused),
        Fault::once("a stream that is refused once", refuses),
    ]);
    faults
}

/// The connection is gone, without a word.
pub fn losses(pair: Pair) -> Vec<Fault> {
    broken(pair, "HTTP/2 connection that is lost", &Step::Reset)
}

fn broken(pair: Pair, what: &str, how: &Step) -> Vec<Fault> {
    let (json, upstream) = (pair.upstream.json(), pair.upstream);
    let before = match how {
        Step::Reset => Reply::reset_before_headers(),
        _ => Reply::cut_before_headers(),
    };
    let after = |bytes: Bytes| vec![Step::Bytes(bytes), Step::Pause(MOMENT), how.clone()];
    let name = |when: &str| format!("a {what} {when}");
    let broken = Broken("upstream_error");
    vec![
        Fault::same(name("before an answer"), before, GARBLED),
        Fault::each(
            name("behind a head"),
            (Reply::json_steps(after(Bytes::new())), GARBLED),
            (Reply::stream(after(Bytes::new())), GARBLED),
        ),
        Fault::each(
            name("before the first word"),
            (Reply::json_steps(after(json.slice(..1))), GARBLED),
            (Reply::stream(after(upstream.preamble())), GARBLED),
        ),
        Fault::each(
            name("in the answer"),
            (Reply::json_steps(after(json.slice(..json.len() / 2))), GARBLED),
            (Reply::stream(after(upstream.begun())), broken),
        ),
        Fault::each(
            name("in the last event"),
            (Reply::json_steps(after(json.slice(..json.len() - 2))), GARBLED),
            (Reply::stream(after(upstream.half_ended())), broken),
        ),
        Fault::each(
            name("behind the answer"),
            (Reply::json_steps(after(json)), GARBLED),
            (Reply::stream(after(upstream.stream())), pair.ended_or(broken)),
        ),
    ]
}
