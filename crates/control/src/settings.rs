//! The settings of a workspace and of its projects: what may be said of each, what makes no sense, and what is kept.

mod check;
mod schema;
mod webhook;

use model::settings::Patch;
use model::{ProjectId, Refusal, Settings, WorkspaceId};
use serde_json::{Value, json};

use crate::notices::webhook_secret_name;
use crate::patch::{apply, take};
use crate::sealing::hold_active;
use crate::unit::Unit;
use crate::{Control, fields};

pub use schema::{ProjectFields, WorkspaceFields, WorkspaceSettings};
pub use webhook::WebhookFields;

use webhook::NewSecret;

/// Whose settings they are.
#[derive(Clone, Copy)]
pub(crate) enum Of {
    Project(WorkspaceId, ProjectId),
    Workspace(WorkspaceId),
}

/// What a request wants changed, judged; nothing is written yet.
pub(crate) struct Change {
    of: Of,
    patch: Patch,
    name: Option<String>,
    secret: NewSecret,
    fields: Vec<String>,
}

/// Means nothing to a workspace.
const PROJECTS_ONLY: &str = "use_workspace_keys";

impl Of {
    const fn workspace(self) -> WorkspaceId {
        match self {
            Self::Project(workspace, _) | Self::Workspace(workspace) => workspace,
        }
    }

    /// Where the secret of the webhook is sealed.
    pub(crate) fn secret_name(self) -> String {
        match self {
            Self::Project(_, project) => webhook_secret_name(Some(project)),
            Self::Workspace(_) => webhook_secret_name(None),
        }
    }

    fn knows(self, field: &str) -> bool {
        match self {
            Self::Project(..) => true,
            Self::Workspace(_) => field != PROJECTS_ONLY,
        }
    }
}

impl Change {
    pub const fn name(&self) -> Option<&String> {
        self.name.as_ref()
    }

    /// Comes before any row is locked, as wherever something sealed is written: so nobody waits in a circle.
    pub async fn hold(&self, unit: &mut Unit) -> Result<(), Refusal> {
        match self.secret.key_version() {
            Some(version) => hold_active(unit.write(), version).await,
            None => Ok(()),
        }
    }

    /// What the audit keeps: which fields, never to what.
    pub fn detail(&self) -> Value {
        json!({ "fields": self.fields })
    }
}

impl Control {
    /// Before anything is locked: what it costs to seal a secret is nobody's wait.
    pub(crate) async fn change(&self, of: Of, mut patch: Patch) -> Result<Change, Refusal> {
        refuse_unknown(of, &patch)?;
        let fields = patch.keys().cloned().collect();
        let name = take::<String>(&mut patch, "name")?;
        let name = name.map(|name| fields::name("name", &name)).transpose()?;
        let secret = self.take_webhook(of, &mut patch).await?;
        Ok(Change { of, patch, name, secret, fields })
    }

    /// The settings as they become, with the secret written into the same unit.
    pub(crate) async fn changed(
        &self,
        unit: &mut Unit,
        current: &Settings,
        change: Change,
    ) -> Result<Settings, Refusal> {
        let Change { of, patch, secret, .. } = change;
        let mut settings = apply(current, patch)?;
        let had_secret = current.webhook.as_ref().is_some_and(|webhook| webhook.has_secret);
        let has_secret = self.write_secret(unit, of, secret, had_secret, &settings).await?;
        if let Some(webhook) = &mut settings.webhook {
            webhook.has_secret = has_secret;
        }
        self.check_settings(&settings)?;
        Ok(settings)
    }
}

/// A field is named if it looks like the name of one: it may be a key that was pasted into the wrong place.
fn refuse_unknown(of: Of, patch: &Patch) -> Result<(), Refusal> {
    let known = known(of);
    let Some(unknown) = patch.keys().find(|field| !known.contains(*field)) else { return Ok(()) };
    let is_name = unknown.len() <= NAME_BYTES_MAX
        && unknown.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let shown = if is_name { unknown.as_str() } else { "..." };
    let public = format!("unknown field \"{shown}\"; fields are {}", known.join(", "));
    Err(Refusal::new(model::Code::InvalidRequest, public))
}

const NAME_BYTES_MAX: usize = 32;

fn known(of: Of) -> Vec<String> {
    let settings = match serde_json::to_value(Settings::default()) {
        Ok(Value::Object(settings)) => settings,
        _ => Patch::new(),
    };
    let settings = settings.into_iter().map(|(field, _)| field).filter(|field| of.knows(field));
    std::iter::once("name".to_owned()).chain(settings).collect()
}
