//! One tool: whether it is the caller's, or the provider runs it on input of its own.

use std::borrow::Cow;

use serde::de::{IgnoredAny, MapAccess};
use serde_json::Value;

use super::value::ValueSeed;
use super::words::Name;
use super::{Reach, SEARCHES_MAX};

/// One entry of the list, or the one where a lone object is taken for a list.
pub fn read<'de, A: MapAccess<'de>>(mut map: A) -> Result<Reach, A::Error> {
    let mut tool = Tool::default();
    while let Some(name) = map.next_key::<Cow<'_, str>>()? {
        match name.as_ref() {
            "tools" => tool.inner.add(&map.next_value_seed(ValueSeed(Name::Tools))?.reach),
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
