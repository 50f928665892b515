//! The names of members that matter, and the words that some of them have for values. Each dialect's at once: a name that
//! means nothing to one provider is at worst held for in vain.

use std::fmt;

use model::{ServiceTier, Tiers};
use serde::de::{DeserializeSeed, Deserializer, Visitor};

/// What a member is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// Where a thing is kept; what it is, its neighbour says.
    Address,
    /// May name sound of an earlier answer.
    Audio,
    Data,
    /// Stands for something that is not in the body, or for a file in it.
    Elsewhere,
    File,
    Id,
    Inline,
    Input,
    Kind,
    Media,
    Other,
    /// What caller and model say to each other through tools: plain text to the provider.
    Own,
    Picture,
    Prompt,
    Searching,
    Source,
    Tier,
    Tools,
    Url,
}

impl Name {
    fn of(name: &str) -> Self {
        match name {
            "fileUri" | "file_uri" => Self::Address,
            "audio" => Self::Audio,
            "data" => Self::Data,
            "fileData" | "file_data" => Self::File,
            "id" => Self::Id,
            "inlineData" | "inline_data" => Self::Inline,
            "input" => Self::Input,
            "type" => Self::Kind,
            "mimeType" | "mime_type" | "mediaType" | "media_type" => Self::Media,
            "image_url" | "imageUrl" => Self::Picture,
            "prompt" => Self::Prompt,
            "source" => Self::Source,
            "service_tier" | "serviceTier" | "speed" => Self::Tier,
            "tools" | "functions" => Self::Tools,
            "url" => Self::Url,
            "audio_url"
            | "cachedContent"
            | "cached_content"
            | "connector_id"
            | "container"
            | "conversation"
            | "document_url"
            | "fileSearchStoreNames"
            | "file_id"
            | "file_ids"
            | "file_search_store_names"
            | "file_url"
            | "input_audio"
            | "item_reference"
            | "mcp_servers"
            | "previous_response_id"
            | "server_url"
            | "vector_store_id"
            | "vector_store_ids"
            | "video"
            | "videoMetadata"
            | "video_url" => Self::Elsewhere,
            "args"
            | "arguments"
            | "input_schema"
            | "json_schema"
            | "metadata"
            | "parameters"
            | "parametersJsonSchema"
            | "parameters_json_schema"
            | "response"
            | "responseJsonSchema"
            | "responseSchema"
            | "schema" => Self::Own,
            "plugins" | "search_parameters" | "web_search_options" => Self::Searching,
            _ => Self::Other,
        }
    }
}

/// Reads a name, unescaped, without keeping it.
pub struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Name, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        Ok(Name::of(name))
    }
}

/// What the `type` of an object says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Base64,
    Image,
    Other,
    Reference,
    ToolUse,
    Url,
}

impl Kind {
    pub fn of(word: &str) -> Self {
        match word {
            "base64" => Self::Base64,
            "image" | "image_url" | "input_image" => Self::Image,
            "item_reference" => Self::Reference,
            "url" => Self::Url,
            _ if word.ends_with("tool_use") => Self::ToolUse,
            _ => Self::Other,
        }
    }
}

/// What the media type of some data says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    Image,
    Other,
}

impl Media {
    pub fn of(word: &str) -> Self {
        if starts_with(word, "image/") { Self::Image } else { Self::Other }
    }
}

/// What an address is, by its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Data of another sort, within the body.
    Data,
    /// A picture within the body.
    Picture,
    Plain,
}

impl Look {
    pub fn of(text: &str) -> Self {
        match text {
            _ if starts_with(text, "data:image/") => Self::Picture,
            _ if starts_with(text, "data:") => Self::Data,
            _ => Self::Plain,
        }
    }
}

/// What may be dearer counts as the dearest, but for a word that says which it is.
pub fn tiers_of(word: &str) -> Tiers {
    match word {
        "" | "default" | "standard" | "standard_only" => Tiers::Usual,
        _ => word.parse::<ServiceTier>().map_or(Tiers::Any, Tiers::One),
    }
}

fn starts_with(text: &str, start: &str) -> bool {
    let head = text.as_bytes().get(..start.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}
