//! Every master key there was, as bytes: however it is written down, it must not show.

use testkit::canary::Canaries;

#[derive(Default)]
pub struct MasterKeys(Vec<Vec<u8>>);

const BYTES: usize = 32;

impl MasterKeys {
    /// As a key file or a setting says them.
    pub fn read(&mut self, text: &str) {
        for entry in text.split(['\n', ',']).map(str::trim).filter(|entry| !entry.is_empty()) {
            let key = entry.split_once(':').map_or(entry, |(_, key)| key);
            let bytes = if key.len() == 2 * BYTES { from_hex(key) } else { from_base64(key) };
            assert_eq!(bytes.len(), BYTES, "a master key");
            if !self.0.contains(&bytes) {
                self.0.push(bytes);
            }
        }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn hidden(&self, canaries: Canaries) -> Canaries {
        self.0.iter().enumerate().fold(canaries, |canaries, (number, key)| {
            canaries.any_bytes(&format!("master key {number}"), key)
        })
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(digit).collect()
}

fn from_base64(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => panic!("no base64"),
    };
    let mut bits = 0_u32;
    let mut bytes = Vec::new();
    for (count, letter) in (1..).zip(text.trim_end_matches('=').bytes()) {
        bits = bits << 6 | u32::from(value(letter));
        if count % 4 != 1 {
            let below = [0, 0, 4, 2][count % 4];
            bytes.push((bits >> below & 0xff) as u8);
        }
    }
    bytes
}
