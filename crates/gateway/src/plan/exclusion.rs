//! What was considered and left out, and why: for the caller, in a sentence, and for machines, in a word.

use model::settings::FallbackCause;
use model::{Code, DataPolicy, ModelTier, ProviderId, ProviderKeyId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Candidate, Payer};

/// One alternative that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// Absent where nobody has the model.
    pub provider: Option<ProviderId>,
    /// Absent where it holds for every key, and for the operator's.
    pub key: Option<ProviderKeyId>,
    pub model: String,
    /// As of candidates.
    pub rank: usize,
    pub reason: Reason,
}

/// Why an alternative is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[schema(as = ExclusionReason)]
pub enum Reason {
    /// There are several custom endpoints, and nothing says which.
    Ambiguous,
    DataPolicy {
        promised: DataPolicy,
        required: DataPolicy,
    },
    /// Nothing is left of the key's rate limits.
    Exhausted {
        until: Timestamp,
    },
    /// The provider key's own list leaves the model out.
    KeyModels,
    /// The key was stored for another address than its provider has now.
    Moved,
    NoKey,
    NoPlatformKey,
    /// A list of allowed models leaves it out.
    NotAllowed {
        by: Lister,
    },
    /// Another key is pinned.
    NotPinned,
    /// The provider does not have the operation, for this model.
    NotSpoken,
    /// The request names the providers it wants, or does not want.
    NotWanted,
    OnlyByok,
    OnlyPlatform,
    Paused,
    /// The workspace's plan does not include keys of its own.
    PlanForbids,
    /// The policy does not have a platform key answer for this cause.
    PlatformFallback {
        cause: FallbackCause,
    },
    /// The workspace's plan does not have platform keys serve models of this tier.
    PoolTier {
        tier: Option<ModelTier>,
    },
    /// OpenRouter would choose the model by a preset, and only some may be asked.
    Preset,
    /// No provider lists the model.
    UnknownModel,
    /// Nobody knows what it would cost, and a cap counts it.
    Unpriced,
    /// The project does not use its workspace's keys.
    WorkspaceKeysOff,
    /// The operation asks models of another kind.
    WrongKind,
}

/// Whose list of allowed models it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AllowedModelsOwner)]
pub enum Lister {
    GatewayKey,
    Settings,
}

impl Exclusion {
    /// Which keys the operator has is nothing to its tenants.
    pub fn of(candidate: &Candidate<'_>, reason: Reason) -> Self {
        let is_own = candidate.payer == Payer::Byok;
        Self {
            provider: Some(candidate.provider.id.clone()),
            key: is_own.then_some(candidate.key.row.id),
            model: candidate.model.clone(),
            rank: candidate.rank,
            reason,
        }
    }

    /// What is in the way, and what to do about it.
    pub fn message(&self) -> String {
        let provider = self.provider.as_ref().map_or("", |id| id.as_str());
        let key = match self.key {
            Some(key) => format!("key {key} for provider \"{provider}\""),
            None => format!("the platform's key for provider \"{provider}\""),
        };
        let model = self.model();
        match &self.reason {
            Reason::DataPolicy { promised, required } => format!(
                "the data policy here is {required}, and {key} promises {promised}: attest a \
                 contract on the key, or use another provider"
            ),
            Reason::Exhausted { until } => {
                format!("nothing is left of the rate limits of {key} for \"{model}\" until {until}")
            }
            Reason::KeyModels => format!("{key} may not be used for model \"{model}\""),
            Reason::Moved => format!(
                "{key} was stored for another address than the provider has now: replace it"
            ),
            Reason::NoKey => format!("there is no key for provider \"{provider}\""),
            Reason::NoPlatformKey => format!(
                "routing.only_platform is set, and there is no platform key for provider \
                 \"{provider}\""
            ),
            Reason::NotPinned => match self.key {
                Some(key) => format!("routing.provider_key names another key than {key}"),
                None => format!("routing.provider_key names no key for provider \"{provider}\""),
            },
            Reason::NotWanted => format!("the request leaves provider \"{provider}\" out"),
            Reason::OnlyPlatform => format!("routing.only_platform leaves {key} out"),
            Reason::Paused => format!("{key} is paused"),
            Reason::WorkspaceKeysOff => format!(
                "{key} is the workspace's, and the project does not use those (use_workspace_keys)"
            ),
            Reason::Ambiguous => {
                "there are several custom endpoints: say which with routing.provider_key".to_owned()
            }
            Reason::NotAllowed { by } => {
                format!("{} has a list of allowed models, and \"{model}\" is not in it", by.words())
            }
            Reason::NotSpoken => format!("\"{model}\" does not have this operation"),
            Reason::OnlyByok => "routing.only_byok leaves platform keys out".to_owned(),
            Reason::PlanForbids => {
                "the workspace's plan does not include keys of one's own".to_owned()
            }
            Reason::PlatformFallback { cause } => format!(
                "no platform key may answer for \"{model}\": platform_fallback leaves out {}",
                word(*cause)
            ),
            Reason::PoolTier { tier } => format!(
                "the workspace's plan has no platform key serve {} models such as \"{model}\": \
                 add a key of your own",
                tier.map_or("unrated", ModelTier::as_str)
            ),
            Reason::Preset => format!(
                "`preset` may have {provider} choose another model than \"{model}\", and only listed \
                 models may be asked here: leave it out"
            ),
            Reason::UnknownModel => format!(
                "model \"{model}\" is in no provider's list: name its provider, as in \
                 \"openai/{model}\""
            ),
            Reason::Unpriced => format!(
                "what \"{model}\" would cost here is not known, and a spending cap applies: set its price \
                 with price_overrides, or `unpriced` to \"allow\""
            ),
            Reason::WrongKind => format!("model \"{model}\" is not made for this operation"),
        }
    }

    fn model(&self) -> String {
        match &self.provider {
            Some(provider) => format!("{provider}/{}", self.model),
            None => self.model.clone(),
        }
    }
}

impl Lister {
    const fn words(self) -> &'static str {
        match self {
            Self::GatewayKey => "this gateway key",
            Self::Settings => "the project or workspace of this gateway key",
        }
    }
}

impl Reason {
    pub const fn code(&self) -> Code {
        match self {
            Self::Ambiguous | Self::NotSpoken | Self::Preset | Self::WrongKind => {
                Code::InvalidRequest
            }
            Self::DataPolicy { .. } => Code::DataPolicyUnsatisfied,
            Self::Exhausted { .. } => Code::UpstreamRateLimited,
            Self::KeyModels | Self::NotAllowed { .. } | Self::Unpriced => Code::ModelNotAllowed,
            Self::PlanForbids | Self::PoolTier { .. } => Code::PlanForbids,
            Self::UnknownModel => Code::ModelNotFound,
            _ => Code::NoProviderKey,
        }
    }

    /// What it is as a cause for a platform key to answer; `None` where the key is as good as missing.
    pub const fn cause(&self) -> Option<FallbackCause> {
        match self {
            Self::Exhausted { .. } => Some(FallbackCause::Exhausted),
            Self::Moved => Some(FallbackCause::Unavailable),
            _ => None,
        }
    }

    /// Whether another model could not mend it: it is what was asked that cannot be.
    pub const fn is_callers_mistake(&self) -> bool {
        matches!(
            self,
            Self::Ambiguous
                | Self::NotAllowed { .. }
                | Self::NotSpoken
                | Self::Preset
                | Self::UnknownModel
                | Self::WrongKind
        )
    }

    /// Of several reasons the caller is told the one that says most.
    pub const fn weight(&self) -> u8 {
        match self {
            Self::DataPolicy { .. }
            | Self::Exhausted { .. }
            | Self::KeyModels
            | Self::Moved
            | Self::NoPlatformKey
            | Self::Paused
            | Self::PlanForbids
            | Self::PoolTier { .. }
            | Self::Preset
            | Self::Unpriced
            | Self::WorkspaceKeysOff => 3,
            Self::Ambiguous
            | Self::NotAllowed { .. }
            | Self::NotSpoken
            | Self::UnknownModel
            | Self::WrongKind => 2,
            Self::NotPinned | Self::NotWanted | Self::PlatformFallback { .. } => 1,
            Self::NoKey | Self::OnlyByok | Self::OnlyPlatform => 0,
        }
    }
}

const fn word(cause: FallbackCause) -> &'static str {
    match cause {
        FallbackCause::Exhausted => "exhausted",
        FallbackCause::Failed => "failed",
        FallbackCause::Missing => "missing",
        FallbackCause::Unavailable => "unavailable",
    }
}
