//! One HTTP/1.1 connection of a client that asks one thing after the other. Knows not what the right answer is.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::message::{Head, content, ends_in_last_chunk};

/// A connection, and the answer that is being read from it.
pub struct Line {
    socket: TcpStream,
    heard: Vec<u8>,
}

pub struct Answer<'a> {
    pub status: u16,
    pub content: Cow<'a, [u8]>,
    /// Nothing more can be asked on this connection.
    pub is_last: bool,
}

impl Line {
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let socket = TcpStream::connect(address).await.with_context(|| address.to_string())?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, heard: Vec::with_capacity(BUFFER_BYTES) })
    }

    /// Returns when the first byte has come.
    pub async fn ask(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.heard.clear();
        self.socket.write_all(request).await?;
        self.more().await
    }

    pub async fn read_whole(&mut self) -> anyhow::Result<()> {
        let head = loop {
            match Head::read(&self.heard) {
                Some(head) => break head,
                None => self.more().await?,
            }
        };
        if head.is_chunked {
            while !ends_in_last_chunk(&self.heard) {
                self.more().await?;
            }
            return Ok(());
        }
        let length = head.content_length.context("an answer without a length")?;
        let end = head.bytes.saturating_add(length);
        while self.heard.len() < end {
            self.more().await?;
        }
        ensure!(self.heard.len() == end, "more than the answer");
        Ok(())
    }

    /// What was read, once that is all of it.
    pub fn answer(&self) -> anyhow::Result<Answer<'_>> {
        let head = Head::read(&self.heard).context("no head")?;
        let body = self.heard.get(head.bytes..).unwrap_or_default();
        let content = match head.is_chunked {
            true => Cow::Owned(content(body).context("chunks that do not add up")?),
            false => Cow::Borrowed(body),
        };
        Ok(Answer { status: head.status, content, is_last: head.is_last })
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        if self.socket.read_buf(&mut self.heard).await? == 0 {
            bail!("closed after {} bytes", self.heard.len());
        }
        Ok(())
    }
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, String::from_utf8_lossy(&self.content))
    }
}

const BUFFER_BYTES: usize = 32 * 1024;
