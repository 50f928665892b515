//! What a caller may ask of a model, each with the wire format of its own. Knows no paths and no providers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ModelKind;

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Several of `EmbedContent`, in one call.
    BatchEmbedContents,
    ChatCompletions,
    Completions,
    /// Google's count.
    CountContentTokens,
    /// Anthropic's.
    CountTokens,
    EmbedContent,
    Embeddings,
    GenerateContent,
    ImageEdits,
    Images,
    Messages,
    Moderations,
    /// Anything else of one provider's, in whatever format that has.
    Passthrough,
    Rerank,
    Responses,
    Speech,
    Transcriptions,
    Translations,
}

/// The four formats of a conversation. Each can be translated into each other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    Anthropic,
    Chat,
    Gemini,
    Responses,
}

impl Operation {
    pub const ALL: [Self; 18] = [
        Self::BatchEmbedContents,
        Self::ChatCompletions,
        Self::Completions,
        Self::CountContentTokens,
        Self::CountTokens,
        Self::EmbedContent,
        Self::Embeddings,
        Self::GenerateContent,
        Self::ImageEdits,
        Self::Images,
        Self::Messages,
        Self::Moderations,
        Self::Passthrough,
        Self::Rerank,
        Self::Responses,
        Self::Speech,
        Self::Transcriptions,
        Self::Translations,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BatchEmbedContents => "batch_embed_contents",
            Self::ChatCompletions => "chat_completions",
            Self::Completions => "completions",
            Self::CountContentTokens => "count_content_tokens",
            Self::CountTokens => "count_tokens",
            Self::EmbedContent => "embed_content",
            Self::Embeddings => "embeddings",
            Self::GenerateContent => "generate_content",
            Self::ImageEdits => "image_edits",
            Self::Images => "images",
            Self::Messages => "messages",
            Self::Moderations => "moderations",
            Self::Passthrough => "passthrough",
            Self::Rerank => "rerank",
            Self::Responses => "responses",
            Self::Speech => "speech",
            Self::Transcriptions => "transcriptions",
            Self::Translations => "translations",
        }
    }

    /// `None` for what is no conversation, and goes only to providers that have the very operation.
    pub const fn dialect(self) -> Option<Dialect> {
        match self {
            Self::ChatCompletions => Some(Dialect::Chat),
            Self::GenerateContent => Some(Dialect::Gemini),
            Self::Messages => Some(Dialect::Anthropic),
            Self::Responses => Some(Dialect::Responses),
            _ => None,
        }
    }

    /// Whether the model is named by the path, as Google's are.
    pub const fn names_model_in_path(self) -> bool {
        matches!(
            self,
            Self::BatchEmbedContents
                | Self::CountContentTokens
                | Self::EmbedContent
                | Self::GenerateContent
        )
    }

    /// Whether nothing is answered but how much there is to read.
    pub const fn only_counts(self) -> bool {
        matches!(self, Self::CountContentTokens | Self::CountTokens)
    }

    /// The kind of model it asks; `None` where the name of the model says nothing about it.
    pub const fn kind(self) -> Option<ModelKind> {
        match self {
            Self::ChatCompletions
            | Self::Completions
            | Self::CountContentTokens
            | Self::CountTokens
            | Self::GenerateContent
            | Self::Messages
            | Self::Responses => Some(ModelKind::Chat),
            Self::BatchEmbedContents | Self::EmbedContent | Self::Embeddings => {
                Some(ModelKind::Embedding)
            }
            Self::ImageEdits | Self::Images => Some(ModelKind::Image),
            Self::Moderations => Some(ModelKind::Moderation),
            Self::Passthrough => None,
            Self::Rerank => Some(ModelKind::Rerank),
            Self::Speech | Self::Transcriptions | Self::Translations => Some(ModelKind::Audio),
        }
    }
}

impl Dialect {
    pub const ALL: [Self; 4] = [Self::Anthropic, Self::Chat, Self::Gemini, Self::Responses];

    pub const fn operation(self) -> Operation {
        match self {
            Self::Anthropic => Operation::Messages,
            Self::Chat => Operation::ChatCompletions,
            Self::Gemini => Operation::GenerateContent,
            Self::Responses => Operation::Responses,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no operation of that name")]
pub struct UnknownOperation;

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(text: &str) -> Result<Self, UnknownOperation> {
        Self::ALL.into_iter().find(|operation| operation.as_str() == text).ok_or(UnknownOperation)
    }
}
