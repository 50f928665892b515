//! What a provider says of a key it refuses, fit to be repeated: providers like to say which key it was, masked in ways
//! that no scrubber knows.

use vault::Scrubber;

/// The words with everything left out that may be part of a key. The key itself is looked for first, because later
/// there may be only a part of it.
pub fn masked(words: &str, scrubber: Option<&Scrubber>) -> Option<String> {
    let scrubbed = scrubber.map(|scrubber| scrubber.scrub_words(words.as_bytes()));
    let words = scrubbed.as_deref().map_or(words.into(), String::from_utf8_lossy);
    let mut masked: Vec<&str> = Vec::new();
    for word in words.split_whitespace() {
        match is_plain(word) {
            true => masked.push(word),
            false if masked.last() == Some(&LEFT_OUT) => {}
            false => masked.push(LEFT_OUT),
        }
    }
    masked.iter().any(|word| *word != LEFT_OUT).then(|| masked.join(" "))
}

const LEFT_OUT: &str = "[...]";
const WORD_BYTES_MAX: usize = 80;
/// A status, perhaps; longer ones may be a key's.
const DIGITS_MAX: usize = 3;

/// Of letters and the punctuation of sentences and addresses, or a short number.
fn is_plain(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| c.is_ascii_punctuation());
    if !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit()) {
        return bare.len() <= DIGITS_MAX && !word.contains('*');
    }
    let harmless = |c: char| c.is_ascii_alphabetic() || ".,:;!?'\"()/-_`".contains(c);
    word.len() <= WORD_BYTES_MAX && !bare.contains("..") && word.chars().all(harmless)
}

#[cfg(test)]
mod tests {
    use vault::ProviderKey;

    use super::*;

    const KEY: &str = "sk-proj-AbCdEfGhIjKlMnOpQrStUvWx";

    fn repeat(words: &str) -> Option<String> {
        let key = ProviderKey::parse(KEY.to_owned()).expect("usable");
        masked(words, Some(&Scrubber::new(&key)))
    }

    #[test]
    fn words_are_repeated_and_what_looks_like_a_key_is_not() {
        for (said, repeated) in [
            (
                "Incorrect API key provided: sk-proj-***********UvWx. You can find your API key at \
                 https://platform.openai.com/account/api-keys.",
                "Incorrect API key provided: [...] You can find your API key at \
                 https://platform.openai.com/account/api-keys.",
            ),
            ("invalid x-api-key", "invalid x-api-key"),
            (
                "API key not valid. Please pass a valid API key.",
                "API key not valid. Please pass a valid API key.",
            ),
            ("Incorrect API key provided: xa***yz.", "Incorrect API key provided: [...]"),
            ("the key sk-proj-AbCdEfGhIjKlMnOpQrStUvWx is bad", "the key [...] is bad"),
            ("the key 'sk-pr...vWx' is bad", "the key [...] is bad"),
            ("the key sk-pr…vWx is bad", "the key [...] is bad"),
            ("the key sk-pr••••vWx is bad", "the key [...] is bad"),
            ("key AbC123 of org-77 (error 401)", "key [...] of [...] (error 401)"),
            ("a 1234567890 b", "a [...] b"),
            ("a *12* b", "a [...] b"),
            ("one *** *** two", "one [...] two"),
        ] {
            assert_eq!(repeat(said).as_deref(), Some(repeated));
        }
        assert_eq!(repeat(""), None);
        assert_eq!(repeat(KEY), None);
        assert_eq!(repeat(&"x".repeat(200)), None);
    }

    /// Words come capped: what is left of a key at their end is as much a part of it.
    #[test]
    fn a_key_that_was_cut_short_is_found_by_its_beginning() {
        for length in 4..KEY.len() {
            let begun = KEY.get(..length).expect("ASCII");
            let said = format!("Incorrect key {begun}");
            assert_eq!(repeat(&said).as_deref(), Some("Incorrect key [...]"), "{said}");
        }
    }
}
