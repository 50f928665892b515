//! Dials providers: a name is resolved once, every address it gave is judged, and the judged address is the one dialled.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::judge::Judge;
use crate::BoxError;

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Where addresses come from: the system, or a test's name server that changes its mind.
pub trait Resolve: Send + Sync + 'static {
    fn resolve(&self, host: String, port: u16) -> Found;
}

pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: String, port: u16) -> Found {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}

#[derive(Clone)]
pub struct JudgedConnector {
    judge: Judge,
    resolver: Arc<dyn Resolve>,
}

impl JudgedConnector {
    pub fn new(judge: Judge, resolver: Arc<dyn Resolve>) -> Self {
        Self { judge, resolver }
    }

    async fn dial(self, uri: Uri) -> io::Result<TokioIo<TcpStream>> {
        let host = uri.host().ok_or_else(|| io::Error::other("a URL without a host"))?;
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let addresses = match literal(host) {
            Some(ip) => vec![SocketAddr::new(ip, port)],
            None => self.resolver.resolve(host.to_owned(), port).await?,
        };
        // One forbidden answer taints the name: an honest provider has none.
        for address in &addresses {
            self.judge.judge(host, *address).map_err(io::Error::other)?;
        }
        let mut refused = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(TokioIo::new(stream));
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

impl tower_service::Service<Uri> for JudgedConnector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().dial(uri))
    }
}

/// A connector with an end to its patience: name, connection and TLS handshake together.
#[derive(Clone)]
pub struct Within<C> {
    connector: C,
    connect_max: Duration,
}

impl<C> Within<C> {
    pub fn new(connector: C, connect_max: Duration) -> Self {
        Self { connector, connect_max }
    }
}

impl<C> tower_service::Service<Uri> for Within<C>
where
    C: tower_service::Service<Uri, Error = BoxError>,
    C::Response: 'static,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connected = self.connector.call(uri);
        let within = self.connect_max;
        Box::pin(async move {
            let late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
            tokio::time::timeout(within, connected).await.unwrap_or_else(late)
        })
    }
}
