//! Accepts connections and serves them until told to stop; then lets the ones that run finish.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use futures_util::FutureExt as _;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

/// How long a client may take to send its head.
const HEADER_READ_MAX: Duration = Duration::from_secs(10);
const H2_STREAMS_MAX: u32 = 128;
const H2_KEEP_ALIVE: Duration = Duration::from_secs(30);
const HEADERS_MAX: usize = 128;
/// After an accept failed, typically for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub struct Listener {
    stop: oneshot::Sender<Duration>,
    task: JoinHandle<bool>,
}

impl Listener {
    pub fn start(socket: TcpListener, routes: Router, connections_max: usize) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(socket, routes, connections_max, stopped));
        Self { stop, task }
    }

    /// `false`: the patience ran out and connections were cut.
    pub async fn stop(self, drain_max: Duration) -> bool {
        // The task is gone only if it failed, which the join reports.
        self.stop.send(drain_max).ok();
        self.task.await.unwrap_or(false)
    }
}

async fn serve(
    socket: TcpListener,
    routes: Router,
    connections_max: usize,
    mut stopped: oneshot::Receiver<Duration>,
) -> bool {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(connections_max));
    let drain_max = loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            Some((socket.accept().await, place))
        };
        let (stream, place) = tokio::select! {
            drain_max = &mut stopped => break drain_max.unwrap_or_default(),
            accepted = accepted => match accepted {
                Some((Ok((stream, _peer)), place)) => (stream, place),
                Some((Err(error), _)) => {
                    tracing::warn!(error = %error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
                None => break Duration::ZERO,
            },
        };
        let connection = connection(stream, routes.clone());
        let Some(connection) = connection else { continue };
        let watched = graceful.watch(connection);
        // Owned by `graceful`, which waits for all of them below.
        tokio::spawn(watched.map(move |ended| {
            drop(place);
            if let Err(error) = ended {
                tracing::debug!(error = %error, "a connection ended badly");
            }
        }));
    };
    drop(socket);
    tokio::time::timeout(drain_max, graceful.shutdown()).await.is_ok()
}

fn connection(
    stream: TcpStream,
    routes: Router,
) -> Option<
    impl hyper_util::server::graceful::GracefulConnection<
        Error = Box<dyn std::error::Error + Send + Sync>,
    >,
> {
    // Answers are small and immediate: waiting to fill a packet costs 40 ms.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = %error, "a connection ended before it was served");
        return None;
    }
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_MAX)
        .max_headers(HEADERS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS_MAX)
        .keep_alive_interval(H2_KEEP_ALIVE);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut routes = routes.clone();
        let request: Request = request.map(axum::body::Body::new);
        async move { Ok::<_, Infallible>(call(&mut routes, request).await) }
    });
    Some(builder.serve_connection(TokioIo::new(stream), service).into_owned())
}

async fn call(routes: &mut Router, request: Request) -> axum::response::Response {
    use axum::routing::future::RouteFuture;
    // A router is always ready; its `call` is all of `Service` that is needed here.
    let answer: RouteFuture<Infallible> = tower_service::Service::call(routes, request);
    match answer.await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}
