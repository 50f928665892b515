//! One-time pages: whoever may keep a secret can leave the pasting of its value to somebody with a browser, so that it passes
//! through no transcript. The link is all the visitor has; the right stays that of whoever asked for the page.

use std::net::IpAddr;
use std::time::Duration;

use model::{Code, Refusal, SecretCategory, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::workspace::UploadRow;
use utoipa::ToSchema;
use vault::{OneTimePurpose, OneTimeToken};

use crate::unit::page_id;
use crate::{Control, CreateSecret, Expected, UpdateSecret, Writer};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UploadAction {
    Create,
    /// Another value for a secret that is there.
    Rotate,
}

/// A secret without its value, which the page is to bring.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadRequest {
    pub action: UploadAction,
    pub name: String,
    #[serde(default)]
    pub category: Option<SecretCategory>,
    #[serde(default)]
    pub description: Option<String>,
}

/// Shown once.
#[derive(Serialize, ToSchema)]
pub struct UploadLink {
    pub token: String,
    /// Below the public URL.
    pub path: String,
    pub expires_at: Timestamp,
}

/// What a visitor may know before pasting a value.
#[derive(Serialize, ToSchema)]
pub struct UploadPage {
    pub action: UploadAction,
    pub name: String,
    pub description: Option<String>,
    /// Its name.
    pub workspace: String,
    pub expires_at: Timestamp,
}

/// A page that can be used, with the right it stands for.
struct OpenPage {
    writer: Writer,
    request: UploadRequest,
    expires_at: Timestamp,
}

const OPEN_FOR: Duration = Duration::from_secs(15 * 60);

/// How many pages of one workspace may be open together.
const OPEN_MAX: u64 = 100;

impl Control {
    pub async fn ask_upload(
        &self,
        writer: &Writer,
        request: UploadRequest,
    ) -> Result<UploadLink, Refusal> {
        let UploadRequest { action, name, category, description } = &request;
        let new = self.new_secret(writer, name, *category, description.as_deref()).await?;
        match action {
            UploadAction::Create => self.must_be_free(writer, &new).await?,
            UploadAction::Rotate => self.secret(writer, name).await.map(drop)?,
        }
        let token = OneTimeToken::generate(OneTimePurpose::Upload, &*self.random);
        let mut unit = self.unit(writer).await?;
        let now = unit.now();
        if unit.rows().open_uploads(now).await? >= OPEN_MAX {
            let public = format!("at most {OPEN_MAX} upload pages may be open together");
            return Err(Refusal::new(Code::RateLimited, public).retry_after(OPEN_FOR.as_secs()));
        }
        let hash = token.hash(&self.pepper);
        let row = UploadRow {
            token_hash: hash.as_bytes().to_vec(),
            asked_by: writer.doer().actor,
            request: serde_json::to_string(&request).map_err(Refusal::internal)?,
            created_at: now,
            expires_at: now.plus(OPEN_FOR),
        };
        unit.rows().insert_upload(&row).await?;
        let detail = json!({ "action": action, "name": name });
        unit.commit("upload.asked", page_id(&hash), detail).await?;
        let token = token.expose().to_owned();
        let path = format!("/upload/{token}");
        Ok(UploadLink { token, path, expires_at: row.expires_at })
    }

    /// Used, lapsed, unknown, and asked for by somebody who may no longer: all look the same.
    pub async fn upload(&self, token: &str) -> Result<UploadPage, Refusal> {
        let OpenPage { writer, request, expires_at } = self.open_page(token, None).await?;
        let row = self.store.workspace(writer.workspace()).row().await?;
        Ok(UploadPage {
            action: request.action,
            name: request.name,
            description: request.description,
            workspace: row.ok_or_else(Refusal::not_found)?.name,
            expires_at,
        })
    }

    /// Does what the page was asked for. The page is used up if that succeeds, and only then.
    pub async fn fulfil_upload(
        &self,
        token: &str,
        value: String,
        from: Option<IpAddr>,
    ) -> Result<(), Refusal> {
        let OpenPage { writer, request, .. } = self.open_page(token, from).await?;
        let UploadRequest { action, name, category, description } = request;
        match action {
            UploadAction::Create => {
                let input = CreateSecret { name, value, category, description };
                self.create_secret(&writer, input, None).await.map(drop)
            }
            UploadAction::Rotate => {
                let input = UpdateSecret {
                    value: Some(value),
                    category: category.map(Some),
                    // Blank says nothing.
                    description: description.filter(|it| !it.trim().is_empty()).map(Some),
                    ..UpdateSecret::default()
                };
                self.update_secret(&writer, &name, input, Expected(None)).await.map(drop)
            }
        }
    }

    async fn open_page(&self, token: &str, from: Option<IpAddr>) -> Result<OpenPage, Refusal> {
        let token = OneTimeToken::parse(OneTimePurpose::Upload, token);
        let hash = token.ok_or_else(Refusal::not_found)?.hash(&self.pepper);
        let found = self.store.system().upload(hash.as_bytes(), self.clock.now()).await?;
        let (workspace, row) = found.ok_or_else(Refusal::not_found)?;
        let request: UploadRequest =
            serde_json::from_str(&row.request).map_err(Refusal::internal)?;
        let writer = self.right_of_page(hash, row.asked_by, workspace, from).await;
        let writer = writer.and_then(|writer| {
            crate::secrets::may_change(&writer, &request.name)?;
            Ok(writer)
        });
        Ok(OpenPage { writer: writer.map_err(hidden)?, request, expires_at: row.expires_at })
    }
}

/// A right that was lost is not the visitor's business.
fn hidden(refusal: Refusal) -> Refusal {
    match refusal.status() {
        403 => Refusal::not_found().because(refusal),
        _ => refusal,
    }
}
