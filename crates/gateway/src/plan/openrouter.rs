//! OpenRouter in the place of a provider that the caller has no key for.

use model::{Catalogue, Provider};

use super::Ask;
use super::reading::Reading;
use super::way::way;

pub const OPENROUTER: &str = "openrouter";

impl<'a> Ask<'_, 'a> {
    /// The same model at OpenRouter, where settings and wishes let it and there is a key.
    pub(super) fn through_openrouter(&self, reading: &Reading<'a>) -> Option<Reading<'a>> {
        let catalogue = self.world.catalogue;
        let openrouter = catalogue.provider(OPENROUTER)?;
        let may = self.standing.rules.openrouter_fallthrough()
            && self.asked.passthrough.is_none()
            && !self.asked.wishes.only_platform
            && !reading.provider.needs_base_url()
            && reading.provider.id != openrouter.id
            && self.wants(openrouter)
            && !self.ignores(reading.provider);
        if !may || !self.reachable().any(|key| key.provider == openrouter.id) {
            return None;
        }
        let model = spelled(catalogue, openrouter, reading.provider, &reading.model)?;
        let facts = catalogue.model(&openrouter.id, &model);
        Some(Reading {
            way: Some(way(openrouter, facts, self.asked.operation)?),
            also: Some((reading.provider.id.clone(), reading.model.clone())),
            provider: openrouter,
            model,
            rank: reading.rank,
            endpoint: None,
        })
    }
}

/// How OpenRouter calls another provider's model: it puts the maker's name before it, in its own spelling, and versions get
/// points. `None` for hosts of other makers' models, unless it lists the very same name.
fn spelled(
    catalogue: &Catalogue,
    openrouter: &Provider,
    provider: &Provider,
    model: &str,
) -> Option<String> {
    let mut spelling = None;
    for (name, _) in catalogue.models(&openrouter.id) {
        if name == model {
            return Some(name.to_owned());
        }
        let Some((maker, rest)) = name.split_once('/') else { continue };
        if provider.answers_to(maker) {
            if is_same(rest, model) {
                return Some(name.to_owned());
            }
            spelling = Some(maker);
        }
    }
    spelling.map(|maker| format!("{maker}/{model}"))
}

fn is_same(one: &str, other: &str) -> bool {
    let plain = |byte: u8| if byte == b'.' { b'-' } else { byte };
    one.bytes().map(plain).eq(other.bytes().map(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openrouter_puts_the_makers_name_before_the_model() {
        let catalogue = Catalogue::shipped().expect("valid");
        let openrouter = catalogue.provider(OPENROUTER).expect("known");
        let spelled = |provider: &str, model: &str| {
            let provider = catalogue.provider(provider).expect("known");
            spelled(&catalogue, openrouter, provider, model)
        };

        for (provider, model, at_openrouter) in [
            ("openai", "gpt-4o", Some("openai/gpt-4o")),
            ("anthropic", "claude-sonnet-4-5", Some("anthropic/claude-sonnet-4.5")),
            ("gemini", "gemini-2.5-pro", Some("google/gemini-2.5-pro")),
            ("xai", "grok-4.3", Some("x-ai/grok-4.3")),
            ("zai", "glm-5.3", Some("z-ai/glm-5.3")),
            ("moonshot", "kimi-k3", Some("moonshotai/kimi-k3")),
            ("mistral", "made-yesterday", Some("mistralai/made-yesterday")),
            ("groq", "openai/gpt-oss-120b", Some("openai/gpt-oss-120b")),
            ("groq", "made-yesterday", None),
            ("custom", "llama", None),
        ] {
            assert_eq!(spelled(provider, model).as_deref(), at_openrouter, "{provider}/{model}");
        }
    }
}
