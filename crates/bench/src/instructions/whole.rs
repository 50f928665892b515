//! Steps that need a gateway: it is in this process, and nobody calls it but we. Its provider is a process of its own, so that
//! what it does is not counted.

use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use bytes::Bytes;
use gateway::{Gateway, Raw, Reply};
use http::{HeaderValue, Request, header};
use http_body_util::{BodyExt as _, Full};
use model::random::OsRandom;
use model::{Refusal, RequestId, WorkspaceId};
use tempfile::TempDir;
use testkit::app::{Options, TestApp};

use super::{ANSWERS, volley};
use crate::fast_provider::{FastProvider, MODEL};
use crate::gateway::Owner;
use crate::subject::{PRICE, busy_key};

pub async fn authenticate(times: u64) -> anyhow::Result<()> {
    let place = Here::start().await?;
    for _ in 0..times {
        let refused = gateway::handle(place.gateway(), place.raw(&Bytes::new())?).await;
        ensure!(
            refused.is_err_and(|refusal| refusal.status() == 400),
            "an empty body was not refused"
        );
    }
    place.stop().await
}

pub async fn plan(times: u64) -> anyhow::Result<()> {
    let place = Here::start().await?;
    let body = Bytes::from(volley(false).body());
    for _ in 0..times {
        let plan = gateway::explain_for_workspace(place.gateway(), place.workspace, body.clone());
        let plan = plan.await.map_err(told)?;
        ensure!(plan.candidates.len() == 1, "another plan than the one there is");
    }
    place.stop().await
}

pub async fn requests(times: u64) -> anyhow::Result<()> {
    answered(times, false, ANSWERS.plain().len()).await
}

pub async fn streams(times: u64) -> anyhow::Result<()> {
    answered(times, true, ANSWERS.content().len() * ANSWERS.events).await
}

async fn answered(times: u64, streamed: bool, bytes_min: usize) -> anyhow::Result<()> {
    let place = Here::start().await?;
    let body = Bytes::from(volley(streamed).body());
    for _ in 0..times {
        let answer = gateway::handle(place.gateway(), place.raw(&body)?).await.map_err(told)?;
        let heard = read(answer).await?;
        ensure!(heard >= bytes_min, "an answer of {heard} bytes");
    }
    place.stop().await
}

/// Its bytes are let go as they come.
async fn read(answer: Reply) -> anyhow::Result<usize> {
    let (mut body, mut bytes) = (answer.into_body(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| anyhow!(error))?;
        bytes = bytes.saturating_add(frame.data_ref().map_or(0, Bytes::len));
    }
    Ok(bytes)
}

/// A gateway with everything on that costs something, as `subject.rs` has it.
struct Here {
    app: TestApp,
    workspace: WorkspaceId,
    bearer: HeaderValue,
    _provider: FastProvider,
    _folder: TempDir,
}

impl Here {
    async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let provider = FastProvider::start(&folder, ANSWERS)?;
        let providers = vec![("openai".to_owned(), provider.base_url())];
        let app = TestApp::start_with(Options { providers, ..Options::default() }).await;
        let app = app.context("SQLite is always there")?;
        let owner = Owner::set_up(app.api.clone(), &[MODEL.to_owned()], PRICE).await;
        let (key, _) = owner.gateway_key(&busy_key("bench")).await;
        let bearer = HeaderValue::try_from(format!("Bearer {key}"))?;
        let workspace = owner.workspace.parse()?;
        Ok(Self { app, workspace, bearer, _provider: provider, _folder: folder })
    }

    fn gateway(&self) -> &Gateway {
        self.app.app.gateway()
    }

    fn raw(&self, body: &Bytes) -> anyhow::Result<Raw> {
        let request = Request::post("/v1/chat/completions")
            .header(header::AUTHORIZATION, &self.bearer)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_LENGTH, body.len())
            .body(Full::new(body.clone()).map_err(|never| match never {}).boxed_unsync())?;
        let (parts, body) = request.into_parts();
        Ok(Raw { id: RequestId::new(&self.app.clock, &OsRandom), parts, body })
    }

    /// With all that it owes written down.
    async fn stop(self) -> anyhow::Result<()> {
        ensure!(self.app.app.stop(STOP_MAX).await, "a request was cut");
        Ok(())
    }
}

fn told(refusal: Refusal) -> anyhow::Error {
    anyhow!("{}: {}", refusal.code.as_str(), refusal.public)
}

const STOP_MAX: Duration = Duration::from_secs(60);
