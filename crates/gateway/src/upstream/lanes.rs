//! Connections to providers, pooled. Of HTTP/2 there is one connection for each lane and origin, and a lane that carries as many
//! streams as providers allow is passed over: a request never queues behind others without our knowing.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use super::SplicedBody;
use super::Trust;
use super::connector::{JudgedConnector, Within};

type HttpClient = Client<Within<HttpsConnector<JudgedConnector>>, SplicedBody>;

#[derive(Clone)]
pub struct Lanes(Arc<[Lane]>);

struct Lane {
    client: HttpClient,
    in_flight: Arc<AtomicU32>,
}

const LANES: usize = 16;
/// Providers allow a hundred streams on a connection, or more.
const STREAMS_PER_LANE: u32 = 80;

impl Lanes {
    pub fn new(connector: JudgedConnector, trust: Trust, connect_max: Duration) -> Self {
        let tls = trust.client_config();
        let lane = || Lane {
            client: client(connector.clone(), tls.clone(), connect_max),
            in_flight: Arc::default(),
        };
        Self(std::iter::repeat_with(lane).take(LANES).collect())
    }

    /// Redirects are answers like any other.
    pub async fn request(
        &self,
        request: Request<SplicedBody>,
    ) -> Result<Response<UpstreamBody>, Error> {
        // The first with room, so that few lanes carry little traffic and connections are used again.
        let busy = |lane: &&Lane| lane.in_flight.load(Ordering::Relaxed);
        let free = self.0.iter().find(|lane| busy(lane) < STREAMS_PER_LANE);
        let lane = free.or_else(|| self.0.iter().min_by_key(busy));
        // There are always some.
        let Some(lane) = lane.or_else(|| self.0.first()) else { std::future::pending().await };
        let place = Place::take(&lane.in_flight);
        let response = lane.client.request(request).await?;
        Ok(response.map(|body| UpstreamBody { body, _place: place }))
    }
}

/// A place in a lane, until the answer was read or dropped.
struct Place(Arc<AtomicU32>);

impl Place {
    fn take(in_flight: &Arc<AtomicU32>) -> Self {
        in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(in_flight))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of a provider's answer.
pub struct UpstreamBody {
    body: Incoming,
    _place: Place,
}

impl http_body::Body for UpstreamBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the way out everybody else is given")]
fn client(connector: JudgedConnector, tls: ClientConfig, connect_max: Duration) -> HttpClient {
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(connector);
    Client::builder(TokioExecutor::new())
        .retry_canceled_requests(false)
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_CONNECTION_MAX)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST_MAX)
        .http2_adaptive_window(true)
        // A connection that died without a word is found out before the next request waits on it.
        .http2_keep_alive_interval(KEEP_ALIVE_EVERY)
        .http2_keep_alive_timeout(KEEP_ALIVE_MAX)
        .build(Within::new(https, connect_max))
}

const IDLE_CONNECTION_MAX: Duration = Duration::from_secs(60);
const IDLE_CONNECTIONS_PER_HOST_MAX: usize = 256;
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(20);
const KEEP_ALIVE_MAX: Duration = Duration::from_secs(10);
