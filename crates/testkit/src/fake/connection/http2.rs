//! One connection that speaks HTTP/2: as many calls at once as a provider allows, until the script or the test ends it.
//! `Cut` ends a call with RST_STREAM; `Reset` and raw bytes lose the connection and every call on it.

use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::super::socket::Socket;
use super::super::state::State;
use super::super::wire::Flushes;
use super::{EndingSlot, answer};

/// What providers allow, and h2's servers by default.
const STREAMS_MAX: u32 = 100;

pub async fn serve(socket: Socket, number: usize, state: Arc<State>) {
    let ending = EndingSlot::default();
    let mut partings = state.partings();
    let given = ending.clone();
    let service = service_fn(move |request| {
        Box::pin(answer(request, number, state.clone(), Flushes::unseen(), given.clone()))
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.max_concurrent_streams(STREAMS_MAX);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(socket), service));
    loop {
        tokio::select! {
            // An error here is a client that hung up or our own script; both are counted elsewhere.
            _ = connection.as_mut() => return,
            () = ending.lost() => return,
            Ok(()) = partings.changed() => connection.as_mut().graceful_shutdown(),
        }
    }
}
