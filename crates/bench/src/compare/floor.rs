//! The least that can stand between an application and a provider: hyper in, the gateway's HTTP client out, every byte passed
//! on. No keys, no rules, no records. What the gateway costs beyond this is what it does.

use std::net::Ipv4Addr;
use std::time::Duration;

use clap::Args;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode, Uri, header};
use http_body_util::{Either, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tempfile::TempDir;
use testkit::process::{Program, Running};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, block_in_place};

use crate::fast_provider::{announce, listening};

#[derive(Args)]
pub struct Arguments {
    /// Where it passes everything on to: `127.0.0.1:PORT`
    #[arg(long)]
    to: Authority,
}

/// The process.
pub struct Floor {
    running: Running,
    pub url: String,
}

impl Floor {
    pub fn start(folder: &TempDir, provider_url: &str) -> anyhow::Result<Self> {
        let to = provider_url.trim_start_matches("http://");
        let program = Program::new(std::env::current_exe()?, folder.path());
        let running = program.args(["serve-floor", "--to", to]).start();
        let url = block_in_place(|| listening(&running));
        Ok(Self { running, url })
    }

    pub fn process_id(&self) -> u32 {
        self.running.id()
    }
}

type Pool = Client<HttpConnector, Incoming>;

/// `bench serve-floor`: until it is killed.
pub async fn serve(arguments: Arguments) -> anyhow::Result<bool> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    announce(&listener)?;
    let pool = pool();
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await?;
        connections.spawn(serve_one(socket, pool.clone(), arguments.to.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// As the gateway sets its own.
#[expect(
    clippy::disallowed_methods,
    reason = "the floor is measured against the gateway's way out"
)]
fn pool() -> Pool {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .retry_canceled_requests(false)
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(60))
        .pool_max_idle_per_host(256)
        .build(connector)
}

async fn serve_one(socket: TcpStream, pool: Pool, to: Authority) {
    // A socket that is gone already needs no options.
    drop(socket.set_nodelay(true));
    let service = service_fn(move |request| pass_on(pool.clone(), to.clone(), request));
    // An error is a client that left.
    drop(http1::Builder::new().serve_connection(TokioIo::new(socket), service).await);
}

async fn pass_on(
    pool: Pool,
    to: Authority,
    mut request: Request<Incoming>,
) -> Result<Response<Either<Incoming, Empty<Bytes>>>, http::Error> {
    let mut uri = std::mem::take(request.uri_mut()).into_parts();
    (uri.scheme, uri.authority) = (Some(Scheme::HTTP), Some(to));
    *request.uri_mut() = Uri::from_parts(uri)?;
    remove_own(request.headers_mut());
    match pool.request(request).await {
        Ok(mut response) => {
            remove_own(response.headers_mut());
            Ok(response.map(Either::Left))
        }
        Err(_) => {
            let nothing = Either::Right(Empty::new());
            Response::builder().status(StatusCode::BAD_GATEWAY).body(nothing)
        }
    }
}

/// What belongs to one connection and not to the next.
fn remove_own(headers: &mut HeaderMap) {
    for name in OWN {
        headers.remove(name);
    }
}

const OWN: [HeaderName; 4] =
    [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE];
