//! Changing, rotating, blocking and revoking. All take effect on the next request.

use std::time::Duration;

use model::{Refusal, ScopeSet, Timestamp};
use serde::Deserialize;
use serde_json::json;
use store::workspace::{GatewayKeyRow, PreviousToken};
use utoipa::ToSchema;
use vault::GatewayToken;

use super::{GatewayKeyView, NewGatewayKeyView, forget, parse, versioned, view};
use crate::patch::{apply, take};
use crate::unit::Unit;
use crate::{Control, Expected, Patch, Reader, Versioned, fields};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateGatewayKey {
    /// How long the token before goes on working.
    #[serde(default)]
    pub overlap_seconds: u64,
}

const OVERLAP_SECONDS_MAX: u64 = 7 * 24 * 3600;

impl Control {
    pub async fn update_gateway_key(
        &self,
        reader: &Reader,
        id: &str,
        mut patch: Patch,
        expected: Expected,
    ) -> Result<Versioned<GatewayKeyView>, Refusal> {
        let authority = self.authority(reader).await?;
        let (mut unit, mut row) = self.touched(reader, id, expected).await?;
        authority.may_change(&row)?;
        let fields: Vec<String> = patch.keys().cloned().collect();
        if let Some(name) = take::<String>(&mut patch, "name")? {
            row.name = fields::name("name", &name)?;
        }
        if let Some(scopes) = take::<ScopeSet>(&mut patch, "scopes")? {
            row.scopes = scopes;
            authority.may_create(&row.scopes)?;
        }
        let expiry = take::<Option<Timestamp>>(&mut patch, "expires_at")?;
        if let Some(expires_at) = expiry {
            row.expires_at = expires_at;
        }
        row.policy = apply(&row.policy, patch)?;
        self.check_key(&row.scopes, expiry.flatten(), &row.policy)?;
        unit.rows().save_gateway_key(&row).await?;
        forget(&mut unit, &row)?;
        unit.commit("gateway_key.updated", row.id, json!({ "fields": fields })).await?;
        Ok(versioned(row))
    }

    /// A new token for the same key: id, caps and history stay.
    pub async fn rotate_gateway_key(
        &self,
        reader: &Reader,
        id: &str,
        input: RotateGatewayKey,
    ) -> Result<NewGatewayKeyView, Refusal> {
        let overlap = input.overlap_seconds;
        if overlap > OVERLAP_SECONDS_MAX {
            let public = format!("overlap_seconds is at most {OVERLAP_SECONDS_MAX}");
            return Err(Refusal::invalid("overlap_seconds", public));
        }
        let authority = self.authority(reader).await?;
        let (mut unit, mut row) = self.touched(reader, id, Expected(None)).await?;
        authority.may_rotate(&row)?;
        if row.revoked_at.is_some() {
            let public = "this key was revoked, which is for good: make a new one";
            return Err(Refusal::new(model::Code::Conflict, public));
        }
        // The token before the last rotation, if it still lives, dies now.
        forget(&mut unit, &row)?;
        let token = GatewayToken::generate(&*self.random);
        let hash = token.hash(&self.pepper).as_bytes().to_vec();
        let replaced = std::mem::replace(&mut row.token_hash, hash);
        row.previous = (overlap > 0).then(|| PreviousToken {
            hash: replaced,
            until: unit.now().plus(Duration::from_secs(overlap)),
        });
        row.shown = token.shown();
        unit.rows().save_gateway_key(&row).await?;
        forget(&mut unit, &row)?;
        let detail = json!({ "key_prefix": row.shown, "overlap_seconds": overlap });
        unit.commit("gateway_key.rotated", row.id, detail).await?;
        Ok(NewGatewayKeyView { key: token.expose().to_owned(), view: view(row) })
    }

    pub async fn block_gateway_key(
        &self,
        reader: &Reader,
        id: &str,
    ) -> Result<Versioned<GatewayKeyView>, Refusal> {
        let authority = self.authority(reader).await?;
        let (mut unit, mut row) = self.touched(reader, id, Expected(None)).await?;
        authority.may_end(&row)?;
        row.blocked_at.get_or_insert(unit.now());
        unit.rows().save_gateway_key(&row).await?;
        forget(&mut unit, &row)?;
        unit.commit("gateway_key.blocked", row.id, json!({})).await?;
        Ok(versioned(row))
    }

    /// Members may not: perhaps it was not they who blocked it.
    pub async fn unblock_gateway_key(
        &self,
        reader: &Reader,
        id: &str,
    ) -> Result<Versioned<GatewayKeyView>, Refusal> {
        let authority = self.authority(reader).await?;
        let (mut unit, mut row) = self.touched(reader, id, Expected(None)).await?;
        authority.may_change(&row)?;
        row.blocked_at = None;
        unit.rows().save_gateway_key(&row).await?;
        forget(&mut unit, &row)?;
        unit.commit("gateway_key.unblocked", row.id, json!({})).await?;
        Ok(versioned(row))
    }

    /// For good. Revoking twice keeps the first time.
    pub async fn revoke_gateway_key(&self, reader: &Reader, id: &str) -> Result<(), Refusal> {
        let authority = self.authority(reader).await?;
        let (mut unit, mut row) = self.touched(reader, id, Expected(None)).await?;
        authority.may_end(&row)?;
        row.revoked_at.get_or_insert(unit.now());
        unit.rows().save_gateway_key(&row).await?;
        forget(&mut unit, &row)?;
        unit.commit("gateway_key.revoked", row.id, json!({})).await
    }

    /// The key of this workspace or project, locked until the unit's commit.
    async fn touched(
        &self,
        reader: &Reader,
        id: &str,
        expected: Expected,
    ) -> Result<(Unit, GatewayKeyRow), Refusal> {
        let id = parse(id)?;
        let mut unit = self.unit(reader).await?;
        let row = unit.rows().touch_gateway_key(id).await?;
        let row = row.filter(|row| row.project == reader.project());
        let row = row.ok_or_else(Refusal::not_found)?;
        expected.check(row.version)?;
        Ok((unit, row))
    }
}
