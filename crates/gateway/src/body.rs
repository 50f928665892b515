//! Reads a body whole, unless it is larger or slower than it may be. Knows not whose body it is.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::time::Instant;

pub struct Bounds {
    pub bytes_max: usize,
    /// Between two pieces.
    pub idle_max: Duration,
    pub deadline: Instant,
}

pub enum Unread<E> {
    Broken(E),
    TooLarge,
    TooSlow,
}

pub async fn read_whole<B>(mut body: B, bounds: Bounds) -> Result<Bytes, Unread<B::Error>>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let mut read = BytesMut::new();
    loop {
        let patience = bounds.deadline.min(Instant::now() + bounds.idle_max);
        let Ok(frame) = tokio::time::timeout_at(patience, body.frame()).await else {
            return Err(Unread::TooSlow);
        };
        let frame = match frame {
            None => return Ok(read.freeze()),
            Some(Err(error)) => return Err(Unread::Broken(error)),
            Some(Ok(frame)) => frame,
        };
        let Ok(chunk) = frame.into_data() else { continue };
        if read.len().saturating_add(chunk.len()) > bounds.bytes_max {
            return Err(Unread::TooLarge);
        }
        // Most bodies come in one piece: then nothing is copied.
        if read.is_empty() && body.is_end_stream() {
            return Ok(chunk);
        }
        read.extend_from_slice(&chunk);
    }
}
