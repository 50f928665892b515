//! What a body reaches for beyond its own text: pictures, files, stored things, the provider's own tools, a dearer way of
//! being served. Read by the names of members in one pass, without a tree. Knows no prices and no models.

mod object;
mod tool;
mod value;
mod words;

use model::Tiers;

/// The most that it may be where a body can be read in two ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    pub pictures: u64,
    /// Bytes of the body that are pictures, and no text.
    pub picture_bytes: u64,
    /// It names something whose size the body does not tell.
    pub is_open: bool,
    /// Of the provider's own.
    pub searches: u64,
    pub has_tools: bool,
    /// Tools that the caller runs and the provider describes.
    pub client_tools: u64,
    pub tiers: Tiers,
}

impl Reach {
    /// What cannot be read may be anything.
    pub fn read(body: &[u8]) -> Self {
        value::read(body).unwrap_or(Self {
            is_open: true,
            searches: SEARCHES_MAX,
            tiers: Tiers::Any,
            ..Self::default()
        })
    }

    fn open() -> Self {
        Self { is_open: true, ..Self::default() }
    }

    fn picture(bytes: u64) -> Self {
        Self { pictures: 1, picture_bytes: bytes, ..Self::default() }
    }

    fn add(&mut self, other: &Self) {
        self.pictures = self.pictures.saturating_add(other.pictures);
        self.picture_bytes = self.picture_bytes.saturating_add(other.picture_bytes);
        self.is_open |= other.is_open;
        self.searches = self.searches.saturating_add(other.searches);
        self.has_tools |= other.has_tools;
        self.client_tools = self.client_tools.saturating_add(other.client_tools);
        self.tiers = self.tiers.and(other.tiers);
    }
}

/// Of one tool, where its caller sets no limit.
pub const SEARCHES_MAX: u64 = 10;

#[cfg(test)]
mod tests;
