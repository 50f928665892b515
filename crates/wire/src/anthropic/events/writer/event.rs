//! The events of this dialect, as they are said.

use bytes::Bytes;
use serde::Serialize;

use crate::anthropic::usage::UsageBlock;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Said<'a> {
    ContentBlockDelta { index: usize, delta: Delta<'a> },
    ContentBlockStart { index: usize, content_block: Block<'a> },
    ContentBlockStop { index: usize },
    Error { error: ErrorBody<'a> },
    MessageDelta { delta: End<'a>, usage: UsageBlock },
    MessageStart { message: Message<'a> },
    MessageStop,
    Ping,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    RedactedThinking { data: &'a str },
    Text { text: &'a str },
    Thinking { thinking: &'a str, signature: &'a str },
    ToolUse { id: &'a str, name: &'a str, input: Empty },
}

#[derive(Serialize)]
#[serde(tag = "type")]
pub(super) enum Delta<'a> {
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
}

#[derive(Serialize)]
pub(super) struct Empty {}

#[derive(Serialize)]
pub(super) struct ErrorBody<'a> {
    pub r#type: &'a str,
    pub message: &'a str,
}

#[derive(Serialize)]
pub(super) struct End<'a> {
    pub stop_reason: &'a str,
    pub stop_sequence: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub id: &'a str,
    pub r#type: &'a str,
    pub role: &'a str,
    pub model: &'a str,
    pub content: [(); 0],
    pub stop_reason: Option<&'a str>,
    pub stop_sequence: Option<&'a str>,
    pub usage: UsageBlock,
}

impl<'a> Block<'a> {
    pub fn tool_use(id: &'a str, name: &'a str) -> Self {
        Self::ToolUse { id, name, input: Empty {} }
    }
}

impl Said<'_> {
    const fn name(&self) -> &'static str {
        match self {
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::Error { .. } => "error",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStart { .. } => "message_start",
            Self::MessageStop => "message_stop",
            Self::Ping => "ping",
        }
    }

    /// The whole event, with its blank line. JSON has no line ends of its own.
    pub fn frame(&self) -> Bytes {
        // Texts and numbers always serialise.
        let data = serde_json::to_vec(self).unwrap_or_default();
        let name = self.name().as_bytes();
        [b"event: ", name, b"\ndata: ", data.as_slice(), b"\n\n"].concat().into()
    }
}
