//! What a secret's name says of it.

use model::Refusal;

/// A name that people may use. Ours hold a colon, which is in none of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    Plain(&'a str),
    /// With the provider as it was spelled.
    ProviderKey(&'a str),
}

const BYTES_MAX: usize = 128;
pub const PROVIDER_KEY_PREFIX: &str = "provider_key_";

impl<'a> Named<'a> {
    pub fn parse(text: &'a str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        if text.is_empty() || text.len() > BYTES_MAX || !text.bytes().all(plain) {
            return None;
        }
        // In any case, so that nobody believes to have registered a key that is none.
        match text.split_at_checked(PROVIDER_KEY_PREFIX.len()) {
            Some((prefix, provider)) if prefix.eq_ignore_ascii_case(PROVIDER_KEY_PREFIX) => {
                Some(Self::ProviderKey(provider))
            }
            _ => Some(Self::Plain(text)),
        }
    }
}

pub fn unusable() -> Refusal {
    let public = format!("name has 1 to {BYTES_MAX} letters, digits, \"_\", \".\" and \"-\"");
    Refusal::invalid("name", public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whether_it_is_a_provider_keys() {
        for (text, named) in [
            ("resend", Named::Plain("resend")),
            ("A.b-c_9", Named::Plain("A.b-c_9")),
            ("provider_key", Named::Plain("provider_key")),
            ("my_provider_key_openai", Named::Plain("my_provider_key_openai")),
            ("provider_key_openai", Named::ProviderKey("openai")),
            ("PROVIDER_KEY_OpenAI", Named::ProviderKey("OpenAI")),
            ("provider_key_", Named::ProviderKey("")),
        ] {
            assert_eq!(Named::parse(text), Some(named), "{text}");
        }
    }

    #[test]
    fn ours_and_odd_ones_are_nobodys() {
        let longest = "x".repeat(BYTES_MAX);
        assert!(Named::parse(&longest).is_some());
        for text in ["", "keystile:webhook", "a b", "a/b", "é", "a\0", &format!("{longest}x")] {
            assert_eq!(Named::parse(text), None, "{text}");
        }
    }
}
