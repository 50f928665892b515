//! The members of one object, put together once all of them are known: their order says nothing. What is said twice counts
//! twice, as providers differ in which of the two they heed.

use super::value::{Glance, Leaf};
use super::words::{Kind, Look, Media, Name};
use super::{Reach, SEARCHES_MAX};
use model::Tiers;

#[derive(Default)]
pub struct Object {
    said: Glance,
    /// What a tool is called with is the caller's own, which its `type` tells.
    input: Reach,
    source: Option<Glance>,
}

impl Object {
    pub fn add(&mut self, reach: &Reach) {
        self.said.reach.add(reach);
    }

    pub fn take(&mut self, name: Name, value: &Glance) {
        match (name, value.leaf) {
            (_, Leaf::Hollow) => {}
            (Name::Kind, Leaf::Kind(kind)) => self.take_kind(kind),
            (Name::Media, Leaf::Media(media)) => {
                let before = self.said.media.unwrap_or(media);
                self.said.media = Some(if before == media { media } else { Media::Other });
            }
            (Name::Tier, Leaf::Tiers(tiers)) => {
                self.add(&Reach { tiers, ..Reach::default() });
            }
            (Name::Tier, Leaf::List | Leaf::Object) => {
                self.add(&Reach { tiers: Tiers::Any, ..Reach::default() });
            }
            (Name::Data, Leaf::Text(_, bytes)) => {
                self.said.data_bytes = self.said.data_bytes.saturating_add(bytes);
            }
            (Name::Url, Leaf::Text(look, bytes)) => self.take_url(look, bytes),
            (Name::Address, _) => self.said.has_address = true,
            (Name::Id, Leaf::Text(..)) => self.said.has_id = true,
            (Name::Audio, _) if value.has_id => self.add(&Reach::open()),
            (Name::Elsewhere, _) | (Name::Prompt, Leaf::Object) => self.add(&Reach::open()),
            (Name::Searching, _) => {
                self.add(&Reach { searches: SEARCHES_MAX, ..Reach::open() });
            }
            (Name::Picture, _) => self.add(&picture(value)),
            (Name::File | Name::Inline, _) => self.add(&inline(value)),
            (Name::Input, Leaf::Object) => self.input.add(&value.alone()),
            (Name::Source, _) => {
                if let Some(before) = self.source.replace(*value) {
                    self.add(&Reach { is_open: true, ..before.reach });
                }
            }
            _ => self.add(&value.alone()),
        }
    }

    pub fn end(mut self) -> Glance {
        if let Some(source) = self.source {
            self.add(&source_of(self.said.kind, &source));
        }
        match self.said.kind {
            Some(Kind::Reference) => self.add(&Reach::open()),
            Some(Kind::ToolUse) => {}
            _ => {
                let input = self.input;
                self.add(&input);
            }
        }
        Glance { leaf: Leaf::Object, ..self.said }
    }

    fn take_kind(&mut self, kind: Kind) {
        if self.said.kind.replace(kind).is_some_and(|before| before != kind) {
            self.said.kind = Some(Kind::Other);
            self.add(&Reach::open());
        }
    }

    fn take_url(&mut self, look: Look, bytes: u64) {
        if self.said.url.replace((look, bytes)).is_some() {
            self.add(&Reach::open());
        }
    }
}

/// The value of `image_url`: an address, or an object that has one.
fn picture(value: &Glance) -> Reach {
    let mut reach = value.reach;
    let address = match value.leaf {
        Leaf::Text(look, bytes) => Some((look, bytes)),
        _ => value.url,
    };
    reach.add(&match address {
        Some((Look::Data, _)) => Reach::open(),
        Some((Look::Picture, bytes)) => Reach::picture(bytes),
        Some((Look::Plain, _)) | None => Reach::picture(0),
    });
    reach
}

/// The value of Gemini's `inlineData` and `fileData`, and of OpenAI's `file_data`, which is no picture.
fn inline(value: &Glance) -> Reach {
    let mut reach = value.reach;
    reach.add(&match value.media {
        Some(Media::Image) => Reach::picture(value.data_bytes),
        Some(Media::Other) | None => Reach::open(),
    });
    reach
}

/// The value of Anthropic's `source`. Of its text, and of what lies within it, nothing is hidden.
fn source_of(kind: Option<Kind>, source: &Glance) -> Reach {
    let mut reach = source.reach;
    match (source.kind, source.media, kind) {
        (Some(Kind::Base64), Some(Media::Image), _) => {
            reach.add(&Reach::picture(source.data_bytes))
        }
        (Some(Kind::Url), _, Some(Kind::Image)) => reach.add(&Reach::picture(0)),
        (Some(Kind::Base64 | Kind::Url), ..) => reach.is_open = true,
        _ => {}
    }
    reach
}
