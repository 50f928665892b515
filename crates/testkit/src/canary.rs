//! Texts that must never be seen again, and the search for them in whatever a test collected, in every usual spelling.
//! Names a canary in what it reports and never prints one.

use std::collections::{BTreeSet, HashMap};

/// Whatever is left of a secret, fewer characters in a row than this tell nobody much.
const WINDOW: usize = 12;
/// Two figures, a comma and a space, at least.
const LISTED_BYTE: usize = 4;
/// Looked up are so many bytes at a time, at every `STRIDE`th place: one of these places is in every window.
const GRAM: usize = 8;
const STRIDE: usize = WINDOW - GRAM + 1;
/// Most places are ruled out by one bit.
const FILTER_BITS: usize = 1 << 24;

pub struct Canaries {
    names: Vec<String>,
    forms: Vec<Form>,
    /// Where each gram is: in which form, and where in it.
    grams: HashMap<u64, Vec<(usize, usize)>>,
    filter: Vec<u64>,
}

/// A canary as it may be written.
struct Form {
    canary: usize,
    spelling: &'static str,
    bytes: Vec<u8>,
    /// So many bytes of it in a row may not be seen.
    bytes_min: usize,
}

impl Default for Canaries {
    fn default() -> Self {
        Self::new()
    }
}

impl Canaries {
    pub fn new() -> Self {
        let filter = vec![0; FILTER_BITS / 64];
        Self { names: Vec::new(), forms: Vec::new(), grams: HashMap::new(), filter }
    }

    /// Not even `WINDOW` characters of it in a row may be seen, nor of any spelling of it.
    pub fn any_part(self, name: &str, text: &str) -> Self {
        self.any_bytes(name, text.as_bytes())
    }

    /// The same for what is no text.
    pub fn any_bytes(mut self, name: &str, bytes: &[u8]) -> Self {
        self.add(name, bytes, |_| WINDOW);
        self
    }

    /// May not be seen whole; for what begins alike in all its kind.
    pub fn whole(mut self, name: &str, text: &str) -> Self {
        self.add(name, text.as_bytes(), <[u8]>::len);
        self
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// One line for each canary and spelling that the sink shows; empty when it shows none.
    pub fn scan(&self, sink: &str, bytes: &[u8]) -> Vec<String> {
        let mut found = BTreeSet::new();
        let mut hits = Vec::new();
        let last = bytes.len().saturating_sub(GRAM - 1);
        for at in (0..last).step_by(STRIDE) {
            let gram = gram(&bytes[at..at + GRAM]);
            let (word, bit) = place(gram);
            if self.filter[word] & bit == 0 {
                continue;
            }
            for (form, within) in self.grams.get(&gram).into_iter().flatten() {
                let form = &self.forms[*form];
                let Some(start) = form.seen(*within, bytes, at) else { continue };
                if found.insert((form.canary, form.spelling)) {
                    let name = &self.names[form.canary];
                    hits.push(format!("{sink} shows {name} ({}) at {start}", form.spelling));
                }
            }
        }
        hits
    }

    fn add(&mut self, name: &str, bytes: &[u8], bytes_min: fn(&[u8]) -> usize) {
        let canary = self.names.len();
        self.names.push(name.to_owned());
        for (spelling, bytes) in spellings(bytes) {
            for (within, window) in bytes.windows(GRAM).enumerate() {
                let gram = gram(window);
                let (word, bit) = place(gram);
                self.filter[word] |= bit;
                self.grams.entry(gram).or_default().push((self.forms.len(), within));
            }
            // Figures in a row, such as the times of a slow machine, look like a list of a few bytes.
            let is_list = spelling.starts_with("a list");
            let list_min = if is_list { WINDOW * LISTED_BYTE } else { 0 };
            let bytes_min = bytes_min(&bytes).max(list_min);
            self.forms.push(Form { canary, spelling, bytes, bytes_min });
        }
    }
}

impl Form {
    /// Where it begins to be seen, if enough of it is, around a gram that both have.
    fn seen(&self, within: usize, bytes: &[u8], at: usize) -> Option<usize> {
        let same = |pair: &(&u8, &u8)| pair.0 == pair.1;
        let before = self.bytes[..within].iter().rev().zip(bytes[..at].iter().rev());
        let before = before.take_while(same).count();
        let after = self.bytes[within + GRAM..].iter().zip(&bytes[at + GRAM..]);
        let seen = before + GRAM + after.take_while(same).count();
        (seen >= self.bytes_min).then(|| at - before)
    }
}

fn gram(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("a gram"))
}

/// The filter's bit for a gram. The factor is the golden ratio's: it spreads what differs in few places.
fn place(gram: u64) -> (usize, u64) {
    let slot = gram.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER_BITS.ilog2());
    ((slot / 64) as usize, 1 << (slot % 64))
}

fn spellings(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    assert!(bytes.len() >= 2 * WINDOW, "a canary is too long to be there by chance");
    let each = |form: fn(u8) -> String| bytes.iter().map(|byte| form(*byte)).collect::<String>();
    let mut spellings = vec![("raw", bytes.to_vec())];
    if let Ok(text) = std::str::from_utf8(bytes) {
        let json = serde_json::Value::from(text).to_string();
        let json = json[1..json.len() - 1].to_owned();
        spellings.push(("JSON with slashes", json.replace('/', "\\/").into_bytes()));
        spellings.push(("JSON", json.into_bytes()));
    }
    let mut forms = vec![
        ("JSON in code points", each(|byte| format!("\\u{:04x}", u32::from(byte)))),
        ("hex", each(|byte| format!("{byte:02x}"))),
        ("hex in capitals", each(|byte| format!("{byte:02X}"))),
        ("percent", each(|byte| format!("%{byte:02X}"))),
        ("percent in small letters", each(|byte| format!("%{byte:02x}"))),
        (
            "a query",
            each(|byte| match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                true => char::from(byte).to_string(),
                false => format!("%{byte:02X}"),
            }),
        ),
        ("Rust's bytes", bytes.escape_ascii().to_string()),
        ("a list of bytes", each(|byte| format!("{byte}, "))),
        ("a list of bytes in hex", each(|byte| format!("{byte:02x}, "))),
    ];
    for before in 0..3 {
        let standard = base64_inside(bytes, before);
        forms.push(("base64 for URLs", standard.replace('+', "-").replace('/', "_")));
        forms.push(("base64", standard));
    }
    spellings.extend(forms.into_iter().map(|(name, form)| (name, form.into_bytes())));
    // Alike for most texts; the first name is the plainest.
    let mut seen = BTreeSet::new();
    spellings.retain(|(_, form)| seen.insert(form.clone()));
    spellings
}

/// The characters that depend on the text alone, when so many bytes (modulo three) come before it.
fn base64_inside(bytes: &[u8], before: usize) -> String {
    let all = base64(&[vec![0; before], bytes.to_vec()].concat());
    let first = (before * 8).div_ceil(6);
    let last = (before + bytes.len()) * 8 / 6;
    all[first..last].to_owned()
}

/// Of the standard alphabet, without padding.
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut bits = 0_usize;
        for index in 0..3 {
            bits = bits << 8 | usize::from(three.get(index).copied().unwrap_or(0));
        }
        for index in 0..=three.len() {
            text.push(char::from(ALPHABET[bits >> (18 - 6 * index) & 63]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "sk-canary-\"7/Qx\\w~9Zt+Lm3=Vb8Nc5\"";

    #[test]
    fn base64_is_base64() {
        for (bytes, text) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn every_spelling_is_found_wherever_it_stands() {
        let canaries = Canaries::new().any_part("the key", SECRET);
        let mut shown = vec![
            SECRET.to_owned(),
            SECRET[7..19].to_owned(),
            serde_json::Value::from(SECRET).to_string(),
            format!("{:?}", SECRET.as_bytes()),
            SECRET.bytes().map(|byte| format!("{byte:02x}")).collect(),
        ];
        shown.extend(
            (0..6).map(|before| base64(&[&[b'x'; 6][..before], SECRET.as_bytes()].concat())),
        );

        for text in shown {
            let hits = canaries.scan("a log", format!("before {text} after").as_bytes());

            assert!(!hits.is_empty(), "{text}");
            assert!(hits.iter().all(|hit| hit.starts_with("a log shows the key (")), "{hits:?}");
        }
    }

    #[test]
    fn every_window_is_found_at_every_place() {
        let canaries = Canaries::new().any_part("the key", SECRET);
        for start in 0..=SECRET.len() - WINDOW {
            for before in 0..2 * STRIDE {
                let text = "#".repeat(before) + &SECRET[start..start + WINDOW] + "#";

                let hits = canaries.scan("a log", text.as_bytes());

                let raw = format!("a log shows the key (raw) at {before}");
                assert!(hits.contains(&raw), "{text}: {hits:?}");
            }
        }
    }

    #[test]
    fn what_is_no_text_is_found_too() {
        let bytes: Vec<u8> = (0..32_u8).map(|n| n.wrapping_mul(37) ^ 0xa5).collect();
        let canaries = Canaries::new().any_bytes("the master key", &bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();

        for shown in
            [bytes.clone(), hex[9..].into(), base64(&bytes).into(), format!("{bytes:?}").into()]
        {
            let hits = canaries.scan("a log", &[b"before ", shown.as_slice(), b" after"].concat());

            assert!(!hits.is_empty(), "{shown:?}");
        }
    }

    #[test]
    fn nothing_is_found_where_nothing_is() {
        let part = Canaries::new().any_part("the key", SECRET);
        let whole = Canaries::new().whole("the key", SECRET);

        for start in 0..SECRET.len() - 11 {
            assert!(part.scan("a log", &SECRET.as_bytes()[start..start + 11]).is_empty());
        }
        assert!(part.scan("a log", b"").is_empty());
        assert!(whole.scan("a log", &SECRET.as_bytes()[1..]).is_empty());
        assert_eq!(whole.scan("a log", SECRET.as_bytes()).len(), 1);
    }
}
