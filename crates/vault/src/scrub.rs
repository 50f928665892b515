//! Finds a provider key in bytes a provider sends us, however it is written, and overwrites it. Knows nothing of HTTP.

mod forms;

use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::ProviderKey;

/// Looks for all forms in one pass (Wu and Manber's shifts over pairs of bytes), because it runs on every event of
/// every stream. Not `memchr::memmem`: sixteen passes, and a copy of the key that nobody wipes.
pub struct Scrubber {
    needles: Vec<Zeroizing<Vec<u8>>>,
    /// How many bytes of a needle the shifts know of: the length of the shortest, within bounds.
    window: usize,
    /// How far the window may move when it ends in a pair of bytes. Tells of the key, so it is wiped too.
    shifts: Zeroizing<Vec<u8>>,
}

impl Scrubber {
    /// A key of fewer than eight bytes is too likely to be part of something else: it is not looked for.
    pub fn new(key: &ProviderKey) -> Self {
        let key = key.expose().as_bytes();
        if key.len() < KEY_BYTES_MIN {
            return Self { needles: Vec::new(), window: 0, shifts: Zeroizing::default() };
        }
        let needles = forms::of(key);
        let window = needles.iter().map(|needle| needle.len()).min().unwrap_or(0);
        let window = window.min(WINDOW_BYTES_MAX);
        let shifts = shifts(&needles, window);
        Self { needles, window, shifts }
    }

    /// The same bytes, with `*` for every byte of every occurrence; borrowed when there is none.
    pub fn scrub<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if self.needles.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut scrubbed = Cow::Borrowed(bytes);
        let mut start = 0;
        while let Some(shift) = self.shift(bytes, start) {
            if shift > 0 {
                start += shift;
                continue;
            }
            // Always looked for in the original, so that overlapping occurrences are all found.
            let rest = bytes.get(start..).unwrap_or_default();
            for needle in self.needles.iter().filter(|needle| rest.starts_with(needle)) {
                if let Some(found) = scrubbed.to_mut().get_mut(start..start + needle.len()) {
                    found.fill(b'*');
                }
            }
            start += 1;
        }
        scrubbed
    }

    /// The same for text that somebody cut short: what begins an occurrence at its end is overwritten too.
    pub fn scrub_cut<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut scrubbed = self.scrub(bytes);
        let begun = self.needles.iter().filter_map(|needle| begun_at_end(bytes, needle)).max();
        if let Some(count) = begun {
            let end = scrubbed.to_mut().iter_mut().rev().take(count);
            end.for_each(|byte| *byte = b'*');
        }
        scrubbed
    }

    /// The same for the few words of an error, because providers mask keys in ways of their own: what they leave of the
    /// key, twelve bytes in a row or more, is overwritten too.
    pub fn scrub_words<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut scrubbed = self.scrub_cut(bytes);
        // Of all forms the key itself is the shortest.
        let Some(key) = self.needles.iter().min_by_key(|needle| needle.len()) else {
            return scrubbed;
        };
        for (start, part) in bytes.windows(PART_BYTES).enumerate() {
            if key.windows(PART_BYTES).any(|own| own == part)
                && let Some(found) = scrubbed.to_mut().get_mut(start..start + PART_BYTES)
            {
                found.fill(b'*');
            }
        }
        scrubbed
    }

    /// How many of the last bytes of a chunk can begin an occurrence that the next chunk ends: hold them back.
    pub fn carry(&self) -> usize {
        let longest = self.needles.iter().map(|needle| needle.len()).max();
        longest.unwrap_or(0).saturating_sub(1)
    }

    /// `None` when the window has passed the end.
    fn shift(&self, bytes: &[u8], start: usize) -> Option<usize> {
        let last = start + self.window - 1;
        let pair = slot(*bytes.get(last - 1)?, *bytes.get(last)?);
        Some(self.shifts.get(pair).copied().map_or(0, usize::from))
    }
}

const KEY_BYTES_MIN: usize = 8;
/// Fewer bytes of a needle's beginning are in many texts, and tell of no key.
const BEGUN_BYTES_MIN: usize = 4;
/// Fewer bytes of a key in a row tell nobody much.
const PART_BYTES: usize = 12;
/// Longer windows leap further, but crowd the table until nothing leaps.
const WINDOW_BYTES_MAX: usize = 16;
const SLOTS: usize = 4096;

fn slot(first: u8, second: u8) -> usize {
    ((usize::from(first) << 5) ^ usize::from(second)) % SLOTS
}

/// How many of the last bytes are the needle's first.
fn begun_at_end(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let longest = needle.len().saturating_sub(1).min(bytes.len());
    (BEGUN_BYTES_MIN..=longest)
        .rev()
        .find(|count| needle.get(..*count).is_some_and(|begun| bytes.ends_with(begun)))
}

/// A pair of bytes that ends in no needle's window allows the longest leap; else the leap that aligns the two.
fn shifts(needles: &[Zeroizing<Vec<u8>>], window: usize) -> Zeroizing<Vec<u8>> {
    let leap = u8::try_from(window.saturating_sub(1)).unwrap_or(0);
    let mut shifts = Zeroizing::new(vec![leap; SLOTS]);
    for needle in needles {
        let pairs = needle.windows(2).take(window.saturating_sub(1));
        for (pair, distance) in pairs.zip((0..leap).rev()) {
            let &[first, second] = pair else { continue };
            if let Some(shift) = shifts.get_mut(slot(first, second)) {
                *shift = distance.min(*shift);
            }
        }
    }
    shifts
}

#[cfg(test)]
mod tests;
