//! One connection: hyper reads and answers, and where HTTP has no words for a fault, the socket
//! is taken back from it.

mod http2;

use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::body::Scripted;
use super::reply::{Answer, Reply, Step};
use super::seen::SeenRequest;
use super::socket::{Socket, Tapped};
use super::state::{State, Underway};
use super::tls::Tls;
use super::wire::{Flushes, Wire};

/// What happens to the socket once hyper let go of it early.
pub(super) enum Ending {
    Close,
    Raw(Vec<Step>, Underway),
    Reset,
}

#[derive(Clone, Default)]
pub(super) struct EndingSlot(Arc<Slot>);

#[derive(Default)]
struct Slot {
    ending: Mutex<Option<Ending>>,
    was_set: Notify,
}

/// The script says that this exchange breaks off here; it makes hyper let go of the socket.
#[derive(Debug, Default)]
pub(super) struct Gone {
    /// What HTTP/2 tells of it; absent, that something went wrong.
    told: Option<h2::Error>,
}

/// Ends, with every connection, when its task is dropped.
pub(super) async fn accept(listener: TcpListener, tls: Option<Tls>, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (socket, _) = accepted.expect("accept on loopback");
                let number = state.connected();
                connections.spawn(welcome(socket, tls.clone(), number, state.clone()));
            }
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    eprintln!("fake provider: {error}");
                }
            }
        }
    }
}

async fn welcome(socket: TcpStream, tls: Option<Tls>, number: usize, state: Arc<State>) {
    socket.set_nodelay(true).expect("TCP_NODELAY");
    let Some(tls) = tls else { return serve(Socket::Bare(socket), number, state).await };
    let tapped = Tapped { socket, state: state.clone() };
    let Ok(stream) = tls.0.accept(tapped).await else { return state.handshake_failed() };
    let socket = Socket::Tls(Box::new(stream));
    match socket.speaks_http2() {
        true => http2::serve(socket, number, state).await,
        false => serve(socket, number, state).await,
    }
}

async fn serve(socket: Socket, number: usize, state: Arc<State>) {
    let wire = Wire::new(socket);
    let flushes = wire.flushes();
    let ending = EndingSlot::default();

    let given = ending.clone();
    let service = service_fn(move |request| {
        Box::pin(answer(request, number, state.clone(), flushes.clone(), given.clone()))
    });
    let mut connection = http1::Builder::new()
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(wire), service);
    // An error here is a client that hung up or our own script; both are counted elsewhere.
    let _ = (&mut connection).await;
    let socket = connection.into_parts().io.into_inner().socket;

    match ending.take() {
        None | Some(Ending::Close) => {}
        Some(Ending::Raw(steps, underway)) => play(socket, steps, underway).await,
        Some(Ending::Reset) => socket.reset(),
    }
}

async fn answer(
    request: Request<Incoming>,
    connection: usize,
    state: Arc<State>,
    flushes: Flushes,
    ending: EndingSlot,
) -> Result<Response<Scripted>, Gone> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Gone::default())?.to_bytes();
    let seen = SeenRequest {
        method: head.method,
        version: head.version,
        path_and_query: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers: head.headers,
        body,
        connection,
    };

    let reply = state.reply_to(&seen);
    let mut underway = Underway::begin(&state, seen.clone());
    let broken = match &reply.before_headers {
        None | Some(Step::Bytes(_) | Step::Drip(..)) => None,
        Some(Step::Pause(length)) => {
            tokio::time::sleep(*length).await;
            None
        }
        Some(Step::Cut) => Some(Ending::Close),
        Some(Step::Reset) => Some(Ending::Reset),
        Some(Step::Refuse) => {
            underway.finish();
            return Err(Gone { told: Some(h2::Reason::REFUSED_STREAM.into()) });
        }
        Some(Step::Stall) => pending().await,
        Some(Step::Wait(gate)) => {
            gate.wait().await;
            None
        }
    };
    if let Some(broken) = broken {
        underway.finish();
        ending.set(broken);
        return Err(Gone::default());
    }
    if let Answer::Raw(steps) = reply.answer {
        ending.set(Ending::Raw(steps, underway));
        return Err(Gone::default());
    }
    Ok(respond(reply, &seen, flushes, ending, underway))
}

fn respond(
    reply: Reply,
    request: &SeenRequest,
    flushes: Flushes,
    ending: EndingSlot,
    underway: Underway,
) -> Response<Scripted> {
    let rendered = reply.render(request);
    let body = Scripted::new(rendered.steps, rendered.streamed, flushes, ending, underway);
    let mut response = Response::new(body);
    *response.status_mut() = rendered.status;
    *response.headers_mut() = rendered.headers;
    response
}

/// Plays the steps on the bare socket, then closes it.
async fn play(mut socket: Socket, steps: Vec<Step>, mut underway: Underway) {
    for step in steps {
        let played = match step {
            Step::Bytes(bytes) => write(&mut socket, &bytes).await,
            Step::Cut | Step::Refuse => break,
            Step::Drip(bytes, every) => {
                let Err(Left) = drip(&mut socket, &bytes, every).await;
                Err(Left)
            }
            Step::Pause(length) => {
                tokio::time::sleep(length).await;
                Ok(())
            }
            Step::Reset => {
                underway.finish();
                return socket.reset();
            }
            Step::Stall => {
                let Err(Left) = until_left(&mut socket).await;
                Err(Left)
            }
            Step::Wait(gate) => tokio::select! {
                () = gate.wait() => Ok(()),
                Err(Left) = until_left(&mut socket) => Err(Left),
            },
        };
        if played.is_err() {
            return;
        }
    }
    underway.finish();
    // The client may be gone already, and then there is nobody to tell.
    let _ = socket.shutdown().await;
}

/// The client closed its side.
struct Left;

async fn write(socket: &mut Socket, bytes: &Bytes) -> Result<(), Left> {
    socket.write_all(bytes).await.map_err(|_| Left)
}

async fn drip(socket: &mut Socket, bytes: &Bytes, every: Duration) -> Result<Infallible, Left> {
    loop {
        write(socket, bytes).await?;
        tokio::time::sleep(every).await;
    }
}

async fn until_left(socket: &mut Socket) -> Result<Infallible, Left> {
    let mut ignored = [0; 1024];
    loop {
        match socket.read(&mut ignored).await {
            Ok(0) | Err(_) => return Err(Left),
            Ok(_) => {}
        }
    }
}

impl EndingSlot {
    pub fn set(&self, ending: Ending) {
        *self.ending() = Some(ending);
        self.0.was_set.notify_one();
    }

    fn take(&self) -> Option<Ending> {
        self.ending().take()
    }

    /// When the script ends more than one exchange.
    async fn lost(&self) {
        loop {
            self.0.was_set.notified().await;
            if matches!(*self.ending(), Some(Ending::Raw(..) | Ending::Reset)) {
                return;
            }
        }
    }

    fn ending(&self) -> MutexGuard<'_, Option<Ending>> {
        self.0.ending.lock().expect("nobody panics with it")
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the script breaks the exchange off here")
    }
}

impl std::error::Error for Gone {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.told.as_ref().map(|told| told as _)
    }
}
