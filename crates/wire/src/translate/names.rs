//! Tools' names that a provider would refuse: too long for it, or in letters it does not know. It is told others, the
//! same every time, and the caller sees its own again.

use std::borrow::Cow;
use std::collections::HashMap;

use model::Dialect;

use crate::hub::{Ask, Event, Part, Reply, ToolChoice, Turn};
use crate::openai::chat::digest;

/// The same request in names the dialect's providers take.
pub(super) fn fitted(ask: &Ask, to: Dialect) -> Cow<'_, Ask> {
    if ask.tools.iter().all(|tool| fits(&tool.name, to)) && called(ask).all(|name| fits(name, to)) {
        return Cow::Borrowed(ask);
    }
    let mut ask = ask.clone();
    let fit = |name: &mut String| {
        if !fits(name, to) {
            *name = shortened(name);
        }
    };
    ask.tools.iter_mut().for_each(|tool| fit(&mut tool.name));
    if let Some(ToolChoice::Named(name)) = &mut ask.tool_choice {
        fit(name);
    }
    for turn in &mut ask.turns {
        let (Turn::Assistant(parts) | Turn::User(parts)) = turn else { continue };
        for part in parts {
            match part {
                Part::ToolCall(call) => fit(&mut call.name),
                Part::ToolResult(result) => result.name.iter_mut().for_each(fit),
                _ => {}
            }
        }
    }
    Cow::Owned(ask)
}

/// The caller's own names by those the provider was told.
pub(super) struct Names(HashMap<String, String>);

impl Names {
    pub fn told(ask: &Ask, to: Dialect) -> Self {
        let names = ask.tools.iter().map(|tool| &tool.name).filter(|name| !fits(name, to));
        Self(names.map(|name| (shortened(name), name.clone())).collect())
    }

    pub fn restore_in(&self, reply: &mut Reply) {
        for part in &mut reply.parts {
            if let Part::ToolCall(call) = part {
                self.restore(&mut call.name);
            }
        }
    }

    pub fn restore_in_event(&self, event: &mut Event) {
        if let Event::ToolCall { name, .. } = event {
            self.restore(name);
        }
    }

    fn restore(&self, name: &mut String) {
        if let Some(own) = self.0.get(name) {
            name.clone_from(own);
        }
    }
}

/// Every name that stands in the conversation, and the one that must be called.
fn called(ask: &Ask) -> impl Iterator<Item = &str> {
    let parts = ask.turns.iter().flat_map(|turn| match turn {
        Turn::Assistant(parts) | Turn::User(parts) => parts.as_slice(),
        Turn::System(_) => &[],
    });
    let in_parts = parts.filter_map(|part| match part {
        Part::ToolCall(call) => Some(call.name.as_str()),
        Part::ToolResult(result) => result.name.as_deref(),
        _ => None,
    });
    let forced = match &ask.tool_choice {
        Some(ToolChoice::Named(name)) => Some(name.as_str()),
        _ => None,
    };
    in_parts.chain(forced)
}

/// No name at all is left as it is, to be refused in better words.
fn fits(name: &str, to: Dialect) -> bool {
    let (bytes_max, others): (usize, &[u8]) = match to {
        Dialect::Anthropic => (128, b"_-"),
        Dialect::Chat | Dialect::Responses => (64, b"_-"),
        Dialect::Gemini => (64, b"_-.:"),
    };
    let begins_well = to != Dialect::Gemini
        || name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || others.contains(&byte);
    name.is_empty() || (begins_well && name.len() <= bytes_max && name.bytes().all(is_known))
}

/// Its beginning and a digest of all of it, in what every dialect takes.
fn shortened(name: &str) -> String {
    let known = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let begins_well = name.starts_with(|first: char| !first.is_ascii_digit());
    let begin = (!begins_well).then_some('_').into_iter();
    let kept: String = begin.chain(name.chars().map(known)).take(KEPT_CHARS).collect();
    format!("{kept}_{:016x}", digest(name.as_bytes()))
}

const KEPT_CHARS: usize = 47;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Tool, ToolCall, ToolResult};

    fn ask(name: &str) -> Ask {
        let name = name.to_owned();
        let call = ToolCall { name: name.clone(), ..ToolCall::default() };
        let result = ToolResult { name: Some(name.clone()), ..ToolResult::default() };
        Ask {
            tools: vec![Tool { name: name.clone(), ..Tool::default() }],
            tool_choice: Some(ToolChoice::Named(name)),
            turns: vec![
                Turn::Assistant(vec![Part::ToolCall(call)]),
                Turn::User(vec![Part::ToolResult(result)]),
            ],
            ..Ask::default()
        }
    }

    #[test]
    fn a_name_that_fits_stays() {
        for (name, to) in [
            ("get_weather-2", Dialect::Chat),
            ("mcp.x:y", Dialect::Gemini),
            (&"a".repeat(128), Dialect::Anthropic),
        ] {
            assert!(matches!(fitted(&ask(name), to), Cow::Borrowed(_)), "{name}");
        }
    }

    #[test]
    fn a_name_that_does_not_fit_is_another_everywhere_and_comes_back() {
        for (name, to) in [
            (&*"a".repeat(65), Dialect::Responses),
            ("mcp.files/read", Dialect::Chat),
            ("sää", Dialect::Anthropic),
            ("2nd", Dialect::Gemini),
        ] {
            let asked = ask(name);

            let told = fitted(&asked, to).into_owned();

            let short = told.tools[0].name.clone();
            assert!(fits(&short, to) && short.len() <= 64 && short != name, "{short}");
            assert_eq!(told, ask(&short));
            let call = ToolCall { name: short, ..ToolCall::default() };
            let mut reply = Reply { parts: vec![Part::ToolCall(call)], ..Reply::default() };
            Names::told(&asked, to).restore_in(&mut reply);
            assert!(matches!(&reply.parts[0], Part::ToolCall(call) if call.name == name));
        }
    }

    #[test]
    fn names_that_begin_alike_stay_apart() {
        let long = "a".repeat(70);

        assert_ne!(shortened(&long), shortened(&format!("{long}b")));
    }
}
