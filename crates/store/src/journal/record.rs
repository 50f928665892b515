//! What the journal remembers of an attempt. Knows neither files nor prices.

mod bytes;

use model::{GatewayKeyId, ProjectId, ProviderKeyId, RequestId, Timestamp, Usage, WorkspaceId};
use serde::Deserialize;

/// Records are per attempt: request and attempt number together name one call to a provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum Record {
    #[serde(rename = "c")]
    Checkpoint(Checkpoint),
    #[serde(rename = "e")]
    Settled(Settled),
    #[serde(rename = "s")]
    Started(Started),
}

/// Written before the first upstream byte.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Started {
    pub request: RequestId,
    pub attempt: u32,
    #[serde(with = "unix_ms")]
    pub at: Timestamp,
    pub workspace: WorkspaceId,
    pub project: ProjectId,
    pub gateway_key: GatewayKeyId,
    pub provider_key: Option<ProviderKeyId>,
    pub provider: String,
    pub model: String,
    pub dialect: String,
    pub streamed: bool,
    pub payer: String,
    /// When the money was reserved: the hour that the attempt counts for.
    #[serde(with = "unix_ms")]
    pub held_at: Timestamp,
    /// What was reserved of the caller's caps; absent where there are none.
    #[serde(default)]
    pub hold_pico_usd: Option<u64>,
}

/// What a long stream used so far.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Checkpoint {
    pub request: RequestId,
    pub attempt: u32,
    pub usage: Usage,
    #[serde(default)]
    pub cost_pico_usd: Option<u64>,
}

/// Written before the last client byte.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Settled {
    pub request: RequestId,
    pub attempt: u32,
    #[serde(with = "unix_ms")]
    pub at: Timestamp,
    pub status: Outcome,
    /// The provider's, where it answered.
    pub http_status: Option<u16>,
    pub error_code: Option<String>,
    pub usage: Usage,
    /// Absent where no price is known.
    #[serde(default)]
    pub cost_pico_usd: Option<u64>,
    /// Whose price it is, and of when.
    #[serde(default)]
    pub price: Option<String>,
    /// Dispatched, then silent: the provider may bill what we never saw.
    pub billing_unknown: bool,
    pub latency_ms: u64,
    pub ttft_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The client hung up.
    Aborted,
    Completed,
    /// The provider broke off.
    Cut,
    Failed,
}

impl Outcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aborted => "aborted",
            Self::Completed => "completed",
            Self::Cut => "cut",
            Self::Failed => "failed",
        }
    }
}

impl Record {
    pub const fn request(&self) -> RequestId {
        match self {
            Self::Checkpoint(Checkpoint { request, .. })
            | Self::Settled(Settled { request, .. })
            | Self::Started(Started { request, .. }) => *request,
        }
    }

    pub const fn attempt(&self) -> u32 {
        match self {
            Self::Checkpoint(Checkpoint { attempt, .. })
            | Self::Settled(Settled { attempt, .. })
            | Self::Started(Started { attempt, .. }) => *attempt,
        }
    }

    /// Appends the body. Texts are shortened, so that no client's model name outgrows a record.
    pub(super) fn encode(&mut self, into: &mut Vec<u8>) {
        self.shorten();
        bytes::write(self, into);
    }

    /// The first journals were JSON, and one of them may be there when a new binary starts.
    pub(super) fn decode(body: &[u8]) -> Option<Self> {
        if body.starts_with(b"{") {
            return serde_json::from_slice(body).ok();
        }
        bytes::read(body)
    }

    fn shorten(&mut self) {
        match self {
            Self::Checkpoint(_) => {}
            Self::Settled(settled) => {
                [&mut settled.error_code, &mut settled.price]
                    .into_iter()
                    .flatten()
                    .for_each(shorten);
            }
            Self::Started(started) => {
                shorten(&mut started.provider);
                shorten(&mut started.model);
                shorten(&mut started.dialect);
                shorten(&mut started.payer);
            }
        }
    }
}

fn shorten(text: &mut String) {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    }
}

/// Five such texts stay far below `RECORD_BYTES_MAX`.
const TEXT_BYTES_MAX: usize = 512;

/// In JSON, people read RFC 3339; the journal is read back by us.
mod unix_ms {
    use model::Timestamp;
    use serde::{Deserialize, Deserializer};

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp::from_unix_ms)
    }
}
