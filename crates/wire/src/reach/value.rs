//! One value of a body, wherever it stands, and what it leaves to be judged by the object around it.

use std::fmt;

use model::Tiers;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Reach;
use super::object::Object;
use super::tool;
use super::words::{Kind, Look, Media, Name, NameSeed, tiers_of};

/// `None` for what is no JSON.
pub fn read(body: &[u8]) -> Option<Reach> {
    // All at once, and not string by string.
    let text = std::str::from_utf8(body).ok()?;
    let mut json = serde_json::Deserializer::from_str(text);
    let glance = ValueSeed(Name::Other).deserialize(&mut json).ok()?;
    json.end().ok()?;
    Some(glance.alone())
}

/// What was seen of a value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Glance {
    pub reach: Reach,
    pub leaf: Leaf,
    /// What an object says of itself, and what only its holder can judge.
    pub kind: Option<Kind>,
    pub media: Option<Media>,
    pub data_bytes: u64,
    /// Its `url`.
    pub url: Option<(Look, u64)>,
    pub has_address: bool,
    pub has_id: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leaf {
    /// `null`, `false`, an empty text or list: as good as absent.
    #[default]
    Hollow,
    Kind(Kind),
    List,
    Media(Media),
    Object,
    Other,
    Text(Look, u64),
    Tiers(Tiers),
}

impl Glance {
    pub fn of_leaf(leaf: Leaf) -> Self {
        Self { leaf, ..Self::default() }
    }

    /// Where nothing around it says what its data or its address is.
    pub fn alone(&self) -> Reach {
        let is_data = matches!(self.kind, Some(Kind::Base64 | Kind::Url));
        Reach { is_open: self.reach.is_open || self.has_address || is_data, ..self.reach }
    }
}

/// Reads a value as what its name makes of it.
pub struct ValueSeed(pub Name);

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Glance;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Glance, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Glance;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, is_on: bool) -> Result<Glance, E> {
        Ok(Glance::of_leaf(if is_on { Leaf::Other } else { Leaf::Hollow }))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Glance, E> {
        Ok(Glance::of_leaf(Leaf::Other))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Glance, E> {
        Ok(Glance::of_leaf(Leaf::Other))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Glance, E> {
        Ok(Glance::of_leaf(Leaf::Other))
    }

    fn visit_unit<E>(self) -> Result<Glance, E> {
        Ok(Glance::default())
    }

    fn visit_str<E>(self, text: &str) -> Result<Glance, E> {
        let leaf = match self.0 {
            Name::Kind => Leaf::Kind(Kind::of(text)),
            Name::Media => Leaf::Media(Media::of(text)),
            Name::Tier => Leaf::Tiers(tiers_of(text)),
            _ if text.is_empty() => Leaf::Hollow,
            // Unescaped it is never longer than as it came.
            _ => Leaf::Text(Look::of(text), u64::try_from(text.len()).unwrap_or(u64::MAX)),
        };
        Ok(Glance::of_leaf(leaf))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Glance, A::Error> {
        let mut glance = Glance::default();
        let item = if self.0 == Name::Tools { Name::Tools } else { Name::Other };
        while let Some(item) = list.next_element_seed(Self(item))? {
            glance.reach.add(&item.alone());
            glance.leaf = Leaf::List;
        }
        Ok(glance)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Glance, A::Error> {
        if self.0 == Name::Tools {
            return Ok(Glance { reach: tool::read(map)?, leaf: Leaf::Object, ..Glance::default() });
        }
        let mut object = Object::default();
        while let Some(name) = map.next_key_seed(NameSeed)? {
            match name {
                Name::Own => {
                    map.next_value::<IgnoredAny>()?;
                }
                _ => object.take(name, &map.next_value_seed(Self(name))?),
            }
        }
        Ok(object.end())
    }
}
