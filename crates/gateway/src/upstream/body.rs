//! Bodies on the way out, in slices as spliced, and on the way in, whole.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use model::Code;

use super::{Blame, Retry, UpstreamBody, UpstreamError};
use crate::body::{Bounds, Unread, read_whole};

/// The slices of a request, sent one after the other without being joined.
pub struct SplicedBody {
    slices: VecDeque<Bytes>,
    bytes_left: u64,
}

impl SplicedBody {
    pub fn new(slices: Vec<Bytes>) -> Self {
        let slices: VecDeque<_> = slices.into_iter().filter(|slice| !slice.is_empty()).collect();
        let bytes: usize = slices.iter().map(Bytes::len).sum();
        Self { slices, bytes_left: u64::try_from(bytes).unwrap_or(u64::MAX) }
    }
}

impl http_body::Body for SplicedBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(slice) = self.slices.pop_front() else { return Poll::Ready(None) };
        let sent = u64::try_from(slice.len()).unwrap_or(u64::MAX);
        self.bytes_left = self.bytes_left.saturating_sub(sent);
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.slices.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes_left)
    }
}

/// An answer's body, whole.
pub async fn read_answer(body: UpstreamBody, bounds: Bounds) -> Result<Bytes, UpstreamError> {
    read_whole(body, bounds).await.map_err(|unread| {
        let (code, public) = match unread {
            Unread::Broken(_) => {
                (Code::UpstreamError, "the provider's answer ended before it was complete")
            }
            Unread::TooLarge => {
                (Code::UpstreamError, "the provider's answer is larger than this gateway carries")
            }
            Unread::TooSlow => (Code::UpstreamTimeout, "the provider stopped in its answer"),
        };
        // The provider has worked on it, so that trying again would be paid twice.
        let error = UpstreamError::new(Blame::Provider, Retry::Never, code, public);
        UpstreamError { dispatched: true, ..error }
    })
}
