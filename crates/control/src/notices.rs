//! News for people: posted to the webhook of a project or its workspace, signed. Kept in memory until delivered: a process
//! that stops loses what was still waiting, and what it was about can be read in the API.

use std::future::Future;
use std::pin::Pin;

use model::settings::{CapMode, CapPeriod, Webhook, WebhookEvent};
use model::{NodeId, Origin, ProjectId, ProviderKeyId, Refusal, RequestId, Timestamp, WorkspaceId};
use serde::Serialize;
use store::workspace::{Health, ProviderKeyRow, SECRET_FIELD};
use tokio::sync::mpsc;
use vault::webhook_signature;

use crate::Control;
use crate::sealing::Slot;

/// Something happened that people may want to hear of.
#[derive(Clone, Debug)]
pub struct Notice {
    pub workspace: WorkspaceId,
    pub project: Option<ProjectId>,
    pub at: Timestamp,
    pub news: News,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum News {
    CapShareReached(CapShareReached),
    HealthChanged(HealthChanged),
    RequestsUnsettled(RequestsUnsettled),
}

#[derive(Clone, Debug, Serialize)]
pub struct HealthChanged {
    pub provider_key_id: ProviderKeyId,
    pub provider: String,
    pub label: Option<String>,
    pub key_prefix: String,
    pub from: &'static str,
    pub to: &'static str,
    pub error: Option<String>,
}

/// Of what is capped, so much is spent.
#[derive(Clone, Debug, Serialize)]
pub struct CapShareReached {
    /// `gateway_key`, `project` or `workspace`.
    pub scope: &'static str,
    pub id: String,
    /// In percent.
    pub share: u8,
    pub cap_micro_usd: i64,
    pub spent_micro_usd: i64,
    pub cap_period: CapPeriod,
    pub cap_mode: CapMode,
    pub period_start: Timestamp,
    /// Null where it never ends.
    pub period_end: Option<Timestamp>,
}

/// What a node left behind when it died.
#[derive(Clone, Debug, Serialize)]
pub struct RequestsUnsettled {
    pub node: NodeId,
    pub attempts: usize,
    /// The first hundred of them.
    pub request_ids: Vec<RequestId>,
    /// What they are charged, as far as it has a price.
    pub cost_micro_usd: i64,
}

/// Where operations leave notices. Bounded: when nobody fetches them, the newest are lost and the log says so.
#[derive(Clone)]
pub struct Notices(mpsc::Sender<Notice>);

const WAITING_MAX: usize = 1000;

impl Notices {
    pub fn new() -> (Self, mpsc::Receiver<Notice>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Self(sender), receiver)
    }

    pub(crate) fn leave(&self, notice: Notice) {
        if self.0.try_send(notice).is_err() {
            tracing::warn!("a notice was dropped: too many are waiting");
        }
    }
}

/// A request that is ready to be posted.
pub struct Letter {
    pub url: String,
    /// `webhook-id`, `webhook-timestamp` and, with a secret, `webhook-signature`.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

pub type Posting<'a> = Pin<Box<dyn Future<Output = Result<u16, String>> + Send + 'a>>;

/// The way out, wired to the data plane's client at boot.
pub trait Messenger: Send + Sync + 'static {
    /// The status, or why there is none.
    fn post<'a>(&'a self, letter: &'a Letter) -> Posting<'a>;
}

#[derive(Serialize)]
struct Envelope<'a> {
    r#type: WebhookEvent,
    timestamp: Timestamp,
    workspace_id: WorkspaceId,
    project_id: Option<ProjectId>,
    data: &'a News,
}

impl News {
    pub const fn event(&self) -> WebhookEvent {
        match self {
            Self::CapShareReached(_) => WebhookEvent::CapShareReached,
            Self::HealthChanged(_) => WebhookEvent::HealthChanged,
            Self::RequestsUnsettled(_) => WebhookEvent::RequestUnsettled,
        }
    }
}

impl Control {
    pub(crate) fn notice_health(
        &self,
        workspace: WorkspaceId,
        before: Health,
        row: &ProviderKeyRow,
    ) {
        if row.health == before {
            return;
        }
        let news = News::HealthChanged(HealthChanged {
            provider_key_id: row.id,
            provider: row.provider.clone(),
            label: row.label.clone(),
            key_prefix: row.key_prefix.clone(),
            from: before.as_str(),
            to: row.health.as_str(),
            error: row.last_health_error.clone(),
        });
        let at = self.clock.now();
        self.notices.leave(Notice { workspace, project: row.project, at, news });
    }

    /// Tells repeated deliveries of one notice apart from another notice.
    pub fn notice_id(&self) -> String {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes);
        format!("msg_{}", model::hex(&bytes))
    }

    /// `None` where nobody asked to hear of it. `id` is the notice's.
    pub async fn letter(&self, notice: &Notice, id: &str) -> Result<Option<Letter>, Refusal> {
        let webhook = self.webhook(notice.workspace, notice.project).await?;
        let Some((webhook, secret_name)) = webhook else { return Ok(None) };
        let event = notice.news.event();
        if !webhook.events.is_empty() && !webhook.events.contains(&event) {
            return Ok(None);
        }
        let envelope = Envelope {
            r#type: event,
            timestamp: notice.at,
            workspace_id: notice.workspace,
            project_id: notice.project,
            data: &notice.news,
        };
        let body = serde_json::to_vec(&envelope).map_err(Refusal::internal)?;
        let now = self.clock.now().unix_seconds();
        let mut headers =
            vec![("webhook-id", id.to_owned()), ("webhook-timestamp", now.to_string())];
        if let Some(signature) = self.sign(notice.workspace, &secret_name, id, now, &body).await? {
            headers.push(("webhook-signature", signature));
        }
        Ok(Some(Letter { url: webhook.url, headers, body }))
    }

    /// At which shares of a cap people want to be told.
    pub(crate) async fn cap_shares(
        &self,
        workspace: WorkspaceId,
        project: Option<ProjectId>,
    ) -> Result<Vec<u8>, Refusal> {
        let webhook = self.webhook(workspace, project).await?;
        Ok(webhook.map(|(webhook, _)| webhook.cap_shares).unwrap_or_default())
    }

    /// The project's own, else the workspace's; and the name of its secret.
    async fn webhook(
        &self,
        workspace: WorkspaceId,
        project: Option<ProjectId>,
    ) -> Result<Option<(Webhook, String)>, Refusal> {
        let workspace = self.store.workspace(workspace);
        if let Some(id) = project
            && let Some(project) = workspace.project(id).await?
            && let Some(webhook) = project.settings.webhook
        {
            return Ok(Some((webhook, webhook_secret_name(Some(id)))));
        }
        let row = workspace.row().await?;
        let webhook = row.and_then(|row| row.settings.webhook);
        Ok(webhook.map(|webhook| (webhook, webhook_secret_name(None))))
    }

    async fn sign(
        &self,
        workspace: WorkspaceId,
        name: &str,
        id: &str,
        now: i64,
        body: &[u8],
    ) -> Result<Option<String>, Refusal> {
        let Some(row) = self.store.workspace(workspace).secret(name).await? else {
            return Ok(None);
        };
        let slot = Slot {
            workspace,
            id: &row.id.to_string(),
            field: SECRET_FIELD,
            sealed_version: row.sealed_version,
            origin: &Origin::nowhere(),
        };
        let secret = self.open(slot, &row.sealed).await?.map_err(Refusal::internal)?;
        Ok(webhook_signature(&secret, id, now, body))
    }
}

/// Reserved: no name with a colon is anybody's.
pub(crate) fn webhook_secret_name(project: Option<ProjectId>) -> String {
    match project {
        Some(id) => format!("keystile:webhook:{id}"),
        None => "keystile:webhook".to_owned(),
    }
}
