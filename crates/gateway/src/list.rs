//! Google's streams for callers that did not ask for events (`alt=sse`): one JSON list, an element of it for each.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http_body::Frame;
use http_body_util::BodyExt as _;
use model::Operation;
use serde::de::IgnoredAny;
use wire::sse;

use crate::parse::Call;
use crate::upstream::{EVENT_STREAM, JSON};
use crate::{Body, BoxError, Reply};

/// The same reply, where nothing else was asked for.
pub fn listed(reply: Reply, call: &Call<'_>) -> Reply {
    let is_events = reply.headers().get(header::CONTENT_TYPE).is_some_and(|it| it == EVENT_STREAM);
    let is_googles = call.asked.operation == Operation::GenerateContent;
    if !is_events || !is_googles || asks_for_events(call.query.as_deref().unwrap_or_default()) {
        return reply;
    }
    let list = |events| List { events, has_begun: false, is_over: false }.boxed_unsync();
    let mut reply = reply.map(list);
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    reply
}

fn asks_for_events(query: &str) -> bool {
    query.split('&').any(|pair| matches!(pair, "alt=sse" | "$alt=sse" | "%24alt=sse"))
}

struct List {
    events: Body,
    has_begun: bool,
    is_over: bool,
}

impl List {
    /// Nothing for what is no JSON: among elements it would make the whole list none.
    fn element(&mut self, event: &[u8]) -> Option<Bytes> {
        let data = sse::data(event)?;
        serde_json::from_slice::<IgnoredAny>(&data).ok()?;
        let before = if self.has_begun { b",\r\n".as_slice() } else { b"[" };
        self.has_begun = true;
        Some([before, &data].concat().into())
    }

    fn end(&mut self) -> Bytes {
        self.is_over = true;
        Bytes::from_static(if self.has_begun { b"]" } else { b"[]" })
    }
}

impl http_body::Body for List {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        while !self.is_over {
            let bytes = match ready!(http_body::Body::poll_frame(Pin::new(&mut self.events), cx)) {
                None => Some(self.end()),
                Some(Ok(frame)) => frame.into_data().ok().and_then(|event| self.element(&event)),
                // A list that is not closed is seen to be broken.
                Some(Err(error)) => {
                    self.is_over = true;
                    return Poll::Ready(Some(Err(error)));
                }
            };
            if let Some(bytes) = bytes {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_what_is_asked_for_by_their_name() {
        for (query, events) in [
            ("alt=sse", true),
            ("key=x&alt=sse", true),
            ("$alt=sse", true),
            ("", false),
            ("alt=json", false),
            ("alt=sse2", false),
            ("x=alt=sse", false),
        ] {
            assert_eq!(asks_for_events(query), events, "{query}");
        }
    }
}
