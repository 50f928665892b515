//! One list of tools: which are the caller's, and which the provider runs on input of its own.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{Reach, SEARCHES_MAX};

/// A list of tools, or the one where a lone object is taken for a list.
pub struct Tools;

impl<'de> DeserializeSeed<'de> for Tools {
    type Value = Reach;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Reach, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tools {
    type Value = Reach;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tools")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Reach, E> {
        Ok(Reach::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Reach, E> {
        Ok(Reach::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Reach, E> {
        Ok(Reach::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Reach, E> {
        Ok(Reach::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Reach, E> {
        Ok(Reach::default())
    }

    fn visit_unit<E>(self) -> Result<Reach, E> {
        Ok(Reach::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Reach, A::Error> {
        let mut reach = Reach::default();
        while let Some(tool) = list.next_element_seed(Self)? {
            reach.add(&tool);
        }
        Ok(reach)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Reach, A::Error> {
        let mut tool = Tool::default();
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            match name.as_ref() {
                "tools" => tool.inner.add(&map.next_value_seed(Self)?),
                "type" => tool.take_kind(&map.next_value::<Value>()?),
                "max_uses" => tool.take_uses(&map.next_value::<Value>()?),
                name => {
                    let is_said = map.next_value::<Option<IgnoredAny>>()?.is_some();
                    if is_said && !PLAIN.contains(&name) {
                        tool.is_strange = true;
                        tool.searches |= searches(name);
                    }
                }
            }
        }
        Ok(tool.end())
    }
}

#[derive(Default)]
struct Tool {
    runs: Option<Runs>,
    /// Gemini's tools of its own have no type, but a member of their name.
    is_strange: bool,
    searches: bool,
    uses_max: Option<u64>,
    inner: Reach,
}

/// Who runs it. The greater is the dearer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Runs {
    AsDescribed,
    AtCaller,
    AtProvider,
}

impl Tool {
    fn take_kind(&mut self, kind: &Value) {
        let Some(kind) = kind.as_str() else {
            // What is no text is said nowhere, but `null` says nothing.
            self.is_strange |= !kind.is_null();
            return;
        };
        let runs = match kind {
            "custom" | "function" | "namespace" => Runs::AsDescribed,
            _ if CLIENT.contains(&kind) => Runs::AtCaller,
            _ if CLIENT_DATED.iter().any(|start| kind.starts_with(start)) => Runs::AtCaller,
            _ => Runs::AtProvider,
        };
        self.searches |= runs == Runs::AtProvider && searches(kind);
        self.runs = self.runs.max(Some(runs));
    }

    fn take_uses(&mut self, uses: &Value) {
        self.uses_max = self.uses_max.max(Some(uses.as_u64().unwrap_or(SEARCHES_MAX)));
    }

    fn end(self) -> Reach {
        let is_hosted = match self.runs {
            Some(runs) => runs == Runs::AtProvider,
            None => self.is_strange,
        };
        let searches = match is_hosted && self.searches {
            true => self.uses_max.unwrap_or(SEARCHES_MAX),
            false => 0,
        };
        let mut reach = Reach {
            is_open: is_hosted,
            searches,
            has_tools: true,
            client_tools: u64::from(self.runs == Some(Runs::AtCaller)),
            ..Reach::default()
        };
        reach.add(&self.inner);
        reach
    }
}

/// Searches among tools are for the tools that stand here anyway.
fn searches(name: &str) -> bool {
    name.to_ascii_lowercase().contains("search") && !name.starts_with("tool_search")
}

const CLIENT: [&str; 5] =
    ["apply_patch", "computer", "computer_use", "computer_use_preview", "local_shell"];
/// Anthropic's, each with its day behind it.
const CLIENT_DATED: [&str; 4] = ["bash_", "computer_20", "memory_", "text_editor_"];
/// What is said of a tool that the caller describes.
const PLAIN: [&str; 14] = [
    "allowed_callers",
    "cache_control",
    "defer_loading",
    "description",
    "eager_input_streaming",
    "format",
    "function",
    "functionDeclarations",
    "function_declarations",
    "input_examples",
    "input_schema",
    "name",
    "parameters",
    "strict",
];
