//! A record as bytes: a format, a kind, and its fields one after another. Numbers take as many bytes as they need. A field
//! that is added or changed is another format; the former ones stay readable.

use model::usage::{Geo, ServiceTier};
use model::{GatewayKeyId, ProjectId, ProviderKeyId, RequestId, Timestamp, Usage, WorkspaceId};

use super::{Checkpoint, Outcome, Record, Settled, Started};

/// What JSON never begins with, which the first records were.
const FORMAT: u8 = 1;
const CHECKPOINT: u8 = b'c';
const SETTLED: u8 = b'e';
const STARTED: u8 = b's';

pub(super) fn write(record: &Record, into: &mut Vec<u8>) {
    let mut to = Encoder(into);
    to.byte(FORMAT);
    match record {
        Record::Checkpoint(checkpoint) => {
            to.byte(CHECKPOINT);
            to.checkpoint(checkpoint);
        }
        Record::Settled(settled) => {
            to.byte(SETTLED);
            to.settled(settled);
        }
        Record::Started(started) => {
            to.byte(STARTED);
            to.started(started);
        }
    }
}

/// All of the body, or nothing.
pub(super) fn read(body: &[u8]) -> Option<Record> {
    let mut from = Decoder(body);
    if from.byte()? != FORMAT {
        return None;
    }
    let record = match from.byte()? {
        CHECKPOINT => Record::Checkpoint(from.checkpoint()?),
        SETTLED => Record::Settled(from.settled()?),
        STARTED => Record::Started(from.started()?),
        _ => return None,
    };
    from.0.is_empty().then_some(record)
}

struct Encoder<'a>(&'a mut Vec<u8>);

impl Encoder<'_> {
    fn started(&mut self, started: &Started) {
        self.id(started.request.to_bytes());
        self.number(u64::from(started.attempt));
        self.time(started.at);
        self.id(started.workspace.to_bytes());
        self.id(started.project.to_bytes());
        self.id(started.gateway_key.to_bytes());
        self.option(started.provider_key, |to, key| to.id(key.to_bytes()));
        self.text(&started.provider);
        self.text(&started.model);
        self.text(&started.dialect);
        self.byte(u8::from(started.streamed));
        self.text(&started.payer);
        self.time(started.held_at);
        self.option(started.hold_pico_usd, Self::number);
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        self.id(checkpoint.request.to_bytes());
        self.number(u64::from(checkpoint.attempt));
        self.usage(&checkpoint.usage);
        self.option(checkpoint.cost_pico_usd, Self::number);
    }

    fn settled(&mut self, settled: &Settled) {
        self.id(settled.request.to_bytes());
        self.number(u64::from(settled.attempt));
        self.time(settled.at);
        self.byte(match settled.status {
            Outcome::Aborted => 0,
            Outcome::Completed => 1,
            Outcome::Cut => 2,
            Outcome::Failed => 3,
        });
        self.option(settled.http_status, |to, status| to.number(u64::from(status)));
        self.option(settled.error_code.as_deref(), Self::text);
        self.usage(&settled.usage);
        self.option(settled.cost_pico_usd, Self::number);
        self.option(settled.price.as_deref(), Self::text);
        self.byte(u8::from(settled.billing_unknown));
        self.number(settled.latency_ms);
        self.option(settled.ttft_ms, Self::number);
    }

    fn usage(&mut self, usage: &Usage) {
        // Whole, so that a field that is added is not forgotten here.
        let Usage {
            input_tokens,
            cached_tokens,
            cache_write_tokens,
            cache_write_long_tokens,
            audio_input_tokens,
            output_tokens,
            reasoning_tokens,
            searches,
            tier,
            geo,
            reported_pico_usd,
            estimated,
        } = *usage;
        for count in [
            input_tokens,
            cached_tokens,
            cache_write_tokens,
            cache_write_long_tokens,
            audio_input_tokens,
            output_tokens,
            reasoning_tokens,
            searches,
            reported_pico_usd,
        ] {
            self.option(count, Self::number);
        }
        self.option(tier.map(ServiceTier::as_str), Self::text);
        self.byte(match geo {
            None => 0,
            Some(Geo::Us) => 1,
        });
        self.byte(u8::from(estimated));
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn time(&mut self, time: Timestamp) {
        self.0.extend_from_slice(&time.unix_ms().to_le_bytes());
    }

    fn id(&mut self, id: [u8; 16]) {
        self.0.extend_from_slice(&id);
    }

    /// Seven bits a byte, lowest first; the eighth says that more follow.
    fn number(&mut self, mut number: u64) {
        while let rest @ 1.. = number >> 7 {
            self.byte((number & 0x7f) as u8 | 0x80);
            number = rest;
        }
        self.byte(number as u8);
    }

    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }
}

/// What is left to read.
struct Decoder<'a>(&'a [u8]);

impl Decoder<'_> {
    fn started(&mut self) -> Option<Started> {
        Some(Started {
            request: RequestId::from_bytes(self.array()?),
            attempt: self.small()?,
            at: self.time()?,
            workspace: WorkspaceId::from_bytes(self.array()?),
            project: ProjectId::from_bytes(self.array()?),
            gateway_key: GatewayKeyId::from_bytes(self.array()?),
            provider_key: self.option(|from| from.array().map(ProviderKeyId::from_bytes))?,
            provider: self.text()?,
            model: self.text()?,
            dialect: self.text()?,
            streamed: self.flag()?,
            payer: self.text()?,
            held_at: self.time()?,
            hold_pico_usd: self.option(Self::number)?,
        })
    }

    fn checkpoint(&mut self) -> Option<Checkpoint> {
        Some(Checkpoint {
            request: RequestId::from_bytes(self.array()?),
            attempt: self.small()?,
            usage: self.usage()?,
            cost_pico_usd: self.option(Self::number)?,
        })
    }

    fn settled(&mut self) -> Option<Settled> {
        Some(Settled {
            request: RequestId::from_bytes(self.array()?),
            attempt: self.small()?,
            at: self.time()?,
            status: match self.byte()? {
                0 => Outcome::Aborted,
                1 => Outcome::Completed,
                2 => Outcome::Cut,
                3 => Outcome::Failed,
                _ => return None,
            },
            http_status: self.option(Self::small)?,
            error_code: self.option(Self::text)?,
            usage: self.usage()?,
            cost_pico_usd: self.option(Self::number)?,
            price: self.option(Self::text)?,
            billing_unknown: self.flag()?,
            latency_ms: self.number()?,
            ttft_ms: self.option(Self::number)?,
        })
    }

    fn usage(&mut self) -> Option<Usage> {
        Some(Usage {
            input_tokens: self.option(Self::number)?,
            cached_tokens: self.option(Self::number)?,
            cache_write_tokens: self.option(Self::number)?,
            cache_write_long_tokens: self.option(Self::number)?,
            audio_input_tokens: self.option(Self::number)?,
            output_tokens: self.option(Self::number)?,
            reasoning_tokens: self.option(Self::number)?,
            searches: self.option(Self::number)?,
            reported_pico_usd: self.option(Self::number)?,
            tier: self.option(|from| from.text()?.parse().ok())?,
            geo: match self.byte()? {
                0 => None,
                1 => Some(Geo::Us),
                _ => return None,
            },
            estimated: self.flag()?,
        })
    }

    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Some(None) }
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        str::from_utf8(text).ok().map(str::to_owned)
    }

    fn time(&mut self) -> Option<Timestamp> {
        self.array().map(|bytes| Timestamp::from_unix_ms(i64::from_le_bytes(bytes)))
    }

    fn small<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.number()?).ok()
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let placed = bits << shift;
            if placed >> shift != bits {
                return None;
            }
            number |= placed;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }
}

#[cfg(test)]
mod tests;
