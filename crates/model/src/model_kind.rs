//! What a model is for.

use serde::Deserialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    Audio,
    Chat,
    Embedding,
    Image,
    Moderation,
    Rerank,
}

impl ModelKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Chat => "chat",
            Self::Embedding => "embedding",
            Self::Image => "image",
            Self::Moderation => "moderation",
            Self::Rerank => "rerank",
        }
    }
}
