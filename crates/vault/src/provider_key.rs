//! A key that some provider issued: text fit for a header, wiped when dropped. Knows nothing of providers.

use zeroize::Zeroizing;

use crate::SecretValue;

/// Between one and 8192 visible ASCII characters.
pub struct ProviderKey(Zeroizing<String>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableKey {
    #[error("the key is empty")]
    Empty,
    #[error(
        "the key holds a character that is not visible ASCII at position {position}: look for a space, \
         a line break or a typographic dash from copying"
    )]
    NotVisibleAscii { position: usize },
    #[error("the key has {bytes} bytes, and {max} is the most a provider key may have")]
    TooLong { bytes: usize, max: usize },
}

impl ProviderKey {
    pub const BYTES_MAX: usize = 8 * 1024;

    /// Trims nothing: what was pasted is what is judged. The allocation is taken over, and wiped if refused.
    pub fn parse(text: String) -> Result<Self, UnusableKey> {
        let text = Zeroizing::new(text);
        judge(text.as_bytes())?;
        Ok(Self(text))
    }

    /// The way out, for the header that carries it and the scrubber that looks for it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What people may see of it: the first few characters, nothing of its end.
    pub fn shown(&self) -> String {
        let count = SHOWN_CHARS_MAX.min(self.0.len() / 4);
        let mut shown: String = self.0.chars().take(count).collect();
        shown.push_str("...****");
        shown
    }
}

const SHOWN_CHARS_MAX: usize = 8;

fn judge(bytes: &[u8]) -> Result<(), UnusableKey> {
    if bytes.is_empty() {
        return Err(UnusableKey::Empty);
    }
    if bytes.len() > ProviderKey::BYTES_MAX {
        return Err(UnusableKey::TooLong { bytes: bytes.len(), max: ProviderKey::BYTES_MAX });
    }
    match bytes.iter().position(|byte| !byte.is_ascii_graphic()) {
        Some(index) => Err(UnusableKey::NotVisibleAscii { position: index + 1 }),
        None => Ok(()),
    }
}

impl From<ProviderKey> for SecretValue {
    fn from(mut key: ProviderKey) -> Self {
        Self::new(std::mem::take(&mut *key.0).into_bytes())
    }
}

impl TryFrom<SecretValue> for ProviderKey {
    type Error = UnusableKey;

    fn try_from(value: SecretValue) -> Result<Self, UnusableKey> {
        let mut bytes = value.into_bytes();
        judge(&bytes)?;
        match String::from_utf8(std::mem::take(&mut *bytes)) {
            Ok(text) => Ok(Self(Zeroizing::new(text))),
            Err(error) => {
                let position = error.utf8_error().valid_up_to() + 1;
                drop(Zeroizing::new(error.into_bytes()));
                Err(UnusableKey::NotVisibleAscii { position })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ProviderKey, UnusableKey> {
        ProviderKey::parse(text.to_owned())
    }

    #[test]
    fn keys_that_fit_a_header_are_kept_as_they_are() {
        for text in ["x", "sk-proj-0123/+=_.~!\"\\", &"k".repeat(ProviderKey::BYTES_MAX)] {
            let key = parse(text).expect("usable");

            assert_eq!(key.expose(), text);
            let value = SecretValue::from(key);
            assert_eq!(ProviderKey::try_from(value).expect("usable").expose(), text);
        }
    }

    #[test]
    fn unusable_keys_are_refused_and_no_message_repeats_them() {
        for text in [
            "",
            " sk-012345",
            "sk-012345\n",
            "sk-012345 ",
            "sk-0123\r\nX-Evil: 1",
            "sk-0123\0",
            "sk–012345",
            "sk-012345\u{200b}",
            "sk-012345\u{7f}",
            &"k".repeat(ProviderKey::BYTES_MAX + 1),
        ] {
            let error = parse(text).err().expect(text);

            assert!(text.is_empty() || !error.to_string().contains("sk-0"));
            let value = SecretValue::new(text.as_bytes().to_vec());
            assert_eq!(ProviderKey::try_from(value).err(), Some(error));
        }
        assert_eq!(parse("ab cd").err(), Some(UnusableKey::NotVisibleAscii { position: 3 }));
    }

    #[test]
    fn little_of_a_key_is_shown_and_nothing_of_its_end() {
        for (text, shown) in [
            ("abc", "...****"),
            ("abcd", "a...****"),
            ("sk-0123456789", "sk-...****"),
            ("sk-proj-0123456789abcdefghijklmnop", "sk-proj-...****"),
        ] {
            assert_eq!(parse(text).expect("usable").shown(), shown);
        }
    }

    #[test]
    fn an_allocation_is_taken_over_and_not_copied() {
        let text = String::from("sk-0123456789");
        let address = text.as_ptr();

        let key = ProviderKey::parse(text).expect("usable");
        assert_eq!(key.expose().as_ptr(), address);
        let value = SecretValue::from(key);
        assert_eq!(value.expose().as_ptr(), address);
        let key = ProviderKey::try_from(value).expect("usable");
        assert_eq!(key.expose().as_ptr(), address);
    }
}
