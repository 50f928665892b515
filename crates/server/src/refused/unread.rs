//! Whether a request's body was read to its end. Where it was not, an HTTP/1 connection cannot be used again, and the client
//! must be told: one that keeps it in its pool would lose its next request.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response, Version};
use http_body::{Body, Frame, SizeHint};

/// A body that tells when it has been read.
pub struct Watched<B> {
    body: B,
    is_read: Arc<AtomicBool>,
}

/// What is known of it once the request was answered.
pub struct Reading {
    is_read: Arc<AtomicBool>,
    version: Version,
}

pub fn watch<B: Body>(request: Request<B>) -> (Request<Watched<B>>, Reading) {
    let (parts, body) = request.into_parts();
    let is_read = Arc::new(AtomicBool::new(body.is_end_stream()));
    let reading = Reading { is_read: Arc::clone(&is_read), version: parts.version };
    (Request::from_parts(parts, Watched { body, is_read }), reading)
}

impl Reading {
    /// Says in the answer that the connection ends with it, where that is so.
    pub fn end<B>(&self, response: &mut Response<B>) {
        if self.version < Version::HTTP_2 && !self.is_read.load(Ordering::Relaxed) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.is_read.store(true, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
