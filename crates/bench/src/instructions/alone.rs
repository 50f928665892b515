//! Steps that need no gateway around them: bytes in, bytes out, and the journal's file.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use model::random::OsRandom;
use model::{
    BaseUrl, Dialect, GatewayKeyId, InstanceId, KeyVersion, ProjectId, ProviderKeyId, RequestId,
    Usage, WorkspaceId,
};
use store::journal::{Journal, Options, Outcome, Record, Settled, Started};
use testkit::clock::ManualClock;
use vault::{MasterKeys, Place, ProviderKey, Scrubber, Suite, Vault, WorkspaceSalt};
use wire::hub::{Ask, Echo};
use wire::translate::StreamTranslator;
use wire::{Meter, Request, Shape, Splice};

use super::{ANSWERS, volley};
use crate::clock::now_ms;

pub fn splice(times: u64) -> anyhow::Result<()> {
    let body = Bytes::from(volley(false).body());
    let shape = Shape { model: true, stream: true, stream_options: true };
    let splice =
        Splice { model: "bench", include_usage: true, keep_openrouter: false, output_limit: None };
    for _ in 0..times {
        let request = Request::parse(black_box(&body).clone(), shape)?;
        black_box(request.splice(&splice));
    }
    Ok(())
}

pub fn open_key(times: u64) -> anyhow::Result<()> {
    let (clock, random) = (ManualClock::at(now_ms()), OsRandom);
    let keys = MasterKeys::generate(&random);
    let (active, instance) = (KeyVersion(1), InstanceId::new(&clock, &random));
    let vault = Vault::new(keys, active, Suite::Aes256Gcm, instance, Arc::new(OsRandom))?;
    let (workspace, salt) = (WorkspaceId::new(&clock, &random), WorkspaceSalt::generate(&random));
    let url = BaseUrl::parse("https://api.openai.com/v1")?;
    let secret_id = ProviderKeyId::new(&clock, &random).to_string();
    let place = Place {
        workspace,
        salt: &salt,
        secret_id: &secret_id,
        field: store::workspace::PROVIDER_KEY_FIELD,
        sealed_version: 1,
        origin: url.origin(),
    };
    let key = ProviderKey::parse(format!("sk-proj-{}", "a1B2c3D4".repeat(6)))?;
    let sealed = vault.seal_provider_key(&key, &place)?;
    let derived = vault.workspace_key(active, workspace, &salt)?;
    let answer = ANSWERS.plain();
    for _ in 0..times {
        let key = vault.open_provider_key_with(&derived, black_box(&sealed), &place)?;
        let scrubber = Scrubber::new(&key);
        black_box(scrubber.scrub(black_box(answer.as_bytes())));
    }
    Ok(())
}

pub fn meter(times: u64) {
    let event = ANSWERS.content();
    let mut meter = Meter::new(Dialect::Chat);
    for _ in 0..times {
        black_box(meter.see(black_box(event.as_bytes())));
    }
}

/// From a provider like OpenAI to a caller like Claude Code.
pub fn translate(times: u64) {
    let event = ANSWERS.content();
    let ask = Ask { model: "bench".to_owned(), stream: true, ..Ask::default() };
    let echo = Echo { ask: &ask, request_id: "req_1", now: 1_795_262_400 };
    let mut translator = StreamTranslator::new(Dialect::Chat, Dialect::Anthropic, &echo);
    let mut told = Vec::new();
    for _ in 0..times {
        translator.push(black_box(event.as_bytes()), &mut told);
        black_box(&told);
        told.clear();
    }
}

pub async fn journal(times: u64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (journal, writer) = Journal::open(folder.path(), Options::default())?;
    let (started, settled) = records();
    for _ in 0..times {
        let room = journal.reserve(2).context("the journal has no room")?;
        room.append_acked(Record::Started(started.clone())).await?;
        room.append_acked(Record::Settled(settled.clone())).await?;
    }
    drop(journal);
    writer.close().await?;
    Ok(())
}

fn records() -> (Started, Settled) {
    let (clock, random) = (ManualClock::at(now_ms()), OsRandom);
    let (request, at) = (RequestId::new(&clock, &random), model::Clock::now(&clock));
    let started = Started {
        request,
        attempt: 1,
        at,
        workspace: WorkspaceId::new(&clock, &random),
        project: ProjectId::new(&clock, &random),
        gateway_key: GatewayKeyId::new(&clock, &random),
        provider_key: Some(ProviderKeyId::new(&clock, &random)),
        provider: "openai".to_owned(),
        model: "bench".to_owned(),
        dialect: "chat_completions".to_owned(),
        streamed: false,
        payer: "byok".to_owned(),
        held_at: at,
        hold_pico_usd: Some(2_860_000_000),
    };
    let usage = Usage { input_tokens: Some(120), output_tokens: Some(180), ..Usage::default() };
    let settled = Settled {
        request,
        attempt: 1,
        at,
        status: Outcome::Completed,
        http_status: Some(200),
        error_code: None,
        usage,
        cost_pico_usd: Some(2_100_000_000),
        price: Some("override".to_owned()),
        billing_unknown: false,
        latency_ms: 800,
        ttft_ms: None,
    };
    (started, settled)
}
