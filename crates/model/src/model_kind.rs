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
