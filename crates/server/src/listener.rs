//! Accepts connections and serves them until told to stop; then lets the ones that run finish.

mod patience;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown, Watcher};
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use patience::Patient;

use crate::ask::Peer;
use crate::router::Routes;

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
    pub fn start(socket: TcpListener, routes: Routes, connections_max: usize) -> Self {
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
    routes: Routes,
    connections_max: usize,
    mut stopped: oneshot::Receiver<Duration>,
) -> bool {
    let graceful = GracefulShutdown::new();
    let mut tasks = JoinSet::new();
    let (tracked, mut all_ended) = mpsc::channel(1);
    let (stopping, _) = watch::channel(false);
    let places = Arc::new(Semaphore::new(connections_max));
    let drain_max = loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            Some((socket.accept().await, place))
        };
        let (stream, peer, place) = tokio::select! {
            drain_max = &mut stopped => break drain_max.unwrap_or_default(),
            accepted = accepted => match accepted {
                Some((Ok((stream, peer)), place)) => (stream, Peer(peer), place),
                Some((Err(error), _)) => {
                    tracing::warn!(error = %error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
                None => break Duration::ZERO,
            },
        };
        let opening =
            Opening { peer, watcher: graceful.watcher(), stopping: stopping.subscribe(), place };
        tasks.spawn(serve_one(stream, routes.clone(), Tracked(tracked.clone()), opening));
        while tasks.try_join_next().is_some() {}
    };
    drop(socket);
    stopping.send_replace(true);
    let all_finished = tokio::time::timeout(drain_max, graceful.shutdown()).await.is_ok();
    // What is left is cut here, while its records can still be written. HTTP/2's streams are tasks of the library's
    // own, which end by themselves once their connection is gone.
    tasks.shutdown().await;
    drop(tracked);
    if tokio::time::timeout(STREAMS_END_MAX, all_ended.recv()).await.is_err() {
        tracing::warn!("some streams did not end with their connections");
    }
    all_finished
}

const STREAMS_END_MAX: Duration = Duration::from_secs(5);

/// Spawns what the HTTP library wants spawned, and lets `serve` know when the last of it is gone.
#[derive(Clone)]
struct Tracked(mpsc::Sender<()>);

impl<F> Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        let tracked = self.0.clone();
        tokio::spawn(async move {
            future.await;
            drop(tracked);
        });
    }
}

/// What a connection needs before it is served.
struct Opening {
    peer: Peer,
    watcher: Watcher,
    stopping: watch::Receiver<bool>,
    place: OwnedSemaphorePermit,
}

async fn serve_one(stream: TcpStream, routes: Routes, tracked: Tracked, opening: Opening) {
    let Opening { peer, watcher, mut stopping, place } = opening;
    // Answers are small and immediate: waiting to fill a packet costs 40 ms.
    let prepared = stream.set_nodelay(true);
    let spoke = tokio::select! {
        spoke = tokio::time::timeout(HEADER_READ_MAX, first_words(&stream)) => spoke,
        _ = stopping.wait_for(|stopping| *stopping) => return,
    };
    if let (Ok(()), Ok(Ok(()))) = (prepared, spoke)
        && let Err(error) = watcher.watch(connection(stream, peer, routes, tracked)).await
    {
        tracing::debug!(error = %error, "a connection ended badly");
    }
    drop(place);
}

/// Waits until it is clear which HTTP is spoken. The library looks for that without a time limit of its own, so that
/// silent connections would keep their places for ever.
async fn first_words(stream: &TcpStream) -> std::io::Result<()> {
    let mut words = [0; H2_PREFACE.len()];
    loop {
        // A client that has said all it will say has decided.
        if stream.ready(Interest::READABLE).await?.is_read_closed() {
            return Ok(());
        }
        let seen = stream.peek(&mut words).await?;
        if seen == H2_PREFACE.len()
            || !words.get(..seen).is_some_and(|words| H2_PREFACE.starts_with(words))
        {
            return Ok(());
        }
        // A peek does not consume: what was seen would be seen again at once.
        tokio::time::sleep(PREFACE_PAUSE).await;
    }
}

const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const PREFACE_PAUSE: Duration = Duration::from_millis(10);

fn connection(
    stream: TcpStream,
    peer: Peer,
    routes: Routes,
    tracked: Tracked,
) -> impl GracefulConnection<Error = Box<dyn std::error::Error + Send + Sync>> {
    let mut builder = Builder::new(tracked);
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
        routes.answer(request, peer).map(Ok::<_, Infallible>)
    });
    builder.serve_connection(TokioIo::new(Patient::new(stream)), service).into_owned()
}
