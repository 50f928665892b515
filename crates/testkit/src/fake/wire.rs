//! The socket under hyper, telling when everything written so far has left for the kernel.
//! So a scripted piece goes out on its own, and nothing written before a cut is lost with it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

use super::socket::Socket;

pub(super) struct Wire {
    pub socket: Socket,
    flushes: watch::Sender<()>,
}

#[derive(Clone)]
pub(super) struct Flushes(Option<watch::Sender<()>>);

impl Wire {
    pub fn new(socket: Socket) -> Self {
        Self { socket, flushes: watch::Sender::default() }
    }

    pub fn flushes(&self) -> Flushes {
        Flushes(Some(self.flushes.clone()))
    }
}

impl Flushes {
    /// Of a connection whose calls share one buffer: only a gate keeps their pieces apart.
    pub fn unseen() -> Self {
        Self(None)
    }

    /// The next flush. hyper flushes whenever the body it polls is not ready, and calls the
    /// socket's flush only after its own buffer is empty.
    pub async fn next(&self) {
        let Some(flushes) = &self.0 else { return };
        let mut flushes = flushes.subscribe();
        let flushed = flushes.changed().await;
        flushed.expect("we hold a sender ourselves");
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
        self.flushes.send_replace(());
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
