//! Who may make and change gateway keys: nobody makes a key that may do more than they may.

use model::{Code, KeyPolicy, Refusal, Role, Scope, ScopeSet};
use store::workspace::GatewayKeyRow;

use crate::{Control, Reader, Standing};

/// What a caller may do with gateway keys, read before anything is locked.
pub(super) enum Authority {
    /// An owner, an admin or the operator.
    Full,
    /// A gateway key, within its scopes. One with limits of its own could shed them by making another.
    Key { scopes: ScopeSet, is_limited: bool },
    /// A member, with what is theirs.
    Member { user: model::UserId, may_create: bool },
}

/// What a member's own key may do.
const MEMBERS_SCOPES: [Scope; 2] = [Scope::Inference, Scope::ReadUsage];

impl Control {
    pub(super) async fn authority(&self, reader: &Reader) -> Result<Authority, Refusal> {
        let workspace = self.store.workspace(reader.workspace());
        Ok(match reader.standing() {
            Standing::Key { id, scopes, .. } => {
                let own = workspace.gateway_key(*id).await?.ok_or_else(Refusal::not_found)?;
                Authority::Key { scopes: scopes.clone(), is_limited: is_limited(&own) }
            }
            Standing::Member { role: Role::Member, user } => {
                let may_create = self.members_may_create(reader).await?;
                Authority::Member { user: *user, may_create }
            }
            Standing::Member { .. } | Standing::Operator { .. } => Authority::Full,
        })
    }

    async fn members_may_create(&self, reader: &Reader) -> Result<bool, Refusal> {
        let workspace = self.store.workspace(reader.workspace());
        let settings = workspace.row().await?.ok_or_else(Refusal::not_found)?.settings;
        let Some(project) = reader.project() else { return Ok(settings.members_may_create_keys) };
        let project = workspace.project(project).await?.ok_or_else(Refusal::not_found)?;
        Ok(settings.members_may_create_keys && project.settings.members_may_create_keys)
    }
}

impl Authority {
    pub fn may_create(&self, wanted: &ScopeSet) -> Result<(), Refusal> {
        match self {
            Self::Full => Ok(()),
            Self::Key { scopes, is_limited } => {
                must_be_unlimited(*is_limited)?;
                must_cover(scopes, wanted)
            }
            Self::Member { may_create: false, .. } => {
                Err(forbidden("members may not make keys here: members_may_create_keys is off"))
            }
            Self::Member { .. } if is_modest(wanted) => Ok(()),
            Self::Member { .. } => Err(forbidden(
                "members may make keys with the scopes inference and read:usage only",
            )),
        }
    }

    /// Changing what a key may do.
    pub fn may_change(&self, row: &GatewayKeyRow) -> Result<(), Refusal> {
        match self {
            Self::Full => Ok(()),
            Self::Key { scopes, is_limited } => {
                must_be_unlimited(*is_limited)?;
                must_cover(scopes, &row.scopes)
            }
            Self::Member { .. } => Err(forbidden("members may not change what a key may do")),
        }
    }

    /// Taking a key out of use: members may do so with what they own.
    pub fn may_end(&self, row: &GatewayKeyRow) -> Result<(), Refusal> {
        match self {
            Self::Member { user, .. } if *user == row.owner => Ok(()),
            Self::Member { .. } => {
                Err(forbidden("members may block, rotate and revoke only the keys they own"))
            }
            Self::Full | Self::Key { .. } => self.may_change(row),
        }
    }

    /// Learning a key's new token is as good as making it: who is a member now may have made more as an admin.
    pub fn may_rotate(&self, row: &GatewayKeyRow) -> Result<(), Refusal> {
        match self {
            Self::Member { .. } => {
                self.may_end(row)?;
                if is_modest(&row.scopes) {
                    return Ok(());
                }
                Err(forbidden("this key may do more than a member's: block it, and make another"))
            }
            Self::Full | Self::Key { .. } => self.may_change(row),
        }
    }
}

fn is_limited(row: &GatewayKeyRow) -> bool {
    // Field by field, so that a new one has to be thought of here.
    let KeyPolicy {
        allowed_models,
        spend_cap_micro_usd,
        cap_period: _,
        cap_mode: _,
        unpriced: _,
        fallback_models: _,
        default_model: _,
        rpm_limit,
        tpm_limit,
        platform_fallback,
        on_disconnect: _,
    } = &row.policy;
    row.expires_at.is_some()
        || allowed_models.is_some()
        || spend_cap_micro_usd.is_some()
        || rpm_limit.is_some()
        || tpm_limit.is_some()
        || platform_fallback.is_some()
}

fn is_modest(scopes: &ScopeSet) -> bool {
    matches!(scopes, ScopeSet::Only(scopes) if scopes.iter().all(|s| MEMBERS_SCOPES.contains(s)))
}

fn must_be_unlimited(is_limited: bool) -> Result<(), Refusal> {
    if !is_limited {
        return Ok(());
    }
    let public = "a gateway key with limits of its own may not make or change keys";
    Err(Refusal::new(Code::MissingScope, public))
}

fn must_cover(own: &ScopeSet, wanted: &ScopeSet) -> Result<(), Refusal> {
    let covered = match (own, wanted) {
        (ScopeSet::Everything, _) => true,
        (ScopeSet::Only(_), ScopeSet::Everything) => false,
        (own, ScopeSet::Only(wanted)) => wanted.iter().all(|scope| own.allows(*scope)),
    };
    if covered {
        return Ok(());
    }
    let public = "a gateway key may not make or change keys with more scopes than its own";
    Err(Refusal::new(Code::MissingScope, public))
}

fn forbidden(public: &str) -> Refusal {
    Refusal::new(Code::ForbiddenRole, public)
}
