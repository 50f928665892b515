//! Finds a provider key in bytes a provider sends us, however it is written, and overwrites it. Knows nothing of HTTP.

mod forms;

use std::borrow::Cow;
use std::ops::ControlFlow::{Break, Continue};

use zeroize::Zeroizing;

use crate::ProviderKey;
use forms::{Form, Traits};

/// Looks for all forms in one pass (Wu and Manber's leaps over pairs of bytes), because it runs on every event of every
/// stream. As it is made for each attempt, it writes no form out: it knows how each of them begins, and writes the rest
/// when that was found. Not `memchr::memmem`: a pass for each form, and copies of the key that nobody wipes.
pub struct Scrubber(Option<Box<Search>>);

/// All of it tells of the key, so all of it is wiped.
struct Search {
    key: Zeroizing<Vec<u8>>,
    /// Of each form the first bytes, as a number; 0 for one that is written as another one.
    heads: Zeroizing<[u128; forms::ALL.len()]>,
    /// A bit for each pair of bytes that follow each other in a head. Some share one.
    pairs: Zeroizing<[u64; WORDS]>,
    /// How many bytes a head has: those of the shortest form, within bounds.
    window: usize,
}

impl Scrubber {
    /// A key of fewer than eight bytes is too likely to be part of something else: it is not looked for.
    pub fn new(key: &ProviderKey) -> Self {
        let key = key.expose().as_bytes();
        Self((key.len() >= KEY_BYTES_MIN).then(|| Search::new(key)))
    }

    /// The same bytes, with `*` for every byte of every occurrence; borrowed when there is none.
    pub fn scrub<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        self.0.as_deref().map_or(Cow::Borrowed(bytes), |search| search.scrub(bytes))
    }

    /// The same for text that somebody cut short: what begins an occurrence at its end is overwritten too.
    pub fn scrub_cut<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut scrubbed = self.scrub(bytes);
        if let Some(count) = self.0.as_deref().and_then(|search| search.begun_at_end(bytes)) {
            let end = scrubbed.to_mut().iter_mut().rev().take(count);
            end.for_each(|byte| *byte = b'*');
        }
        scrubbed
    }

    /// The same for the few words of an error, because providers mask keys in ways of their own: what they leave of the
    /// key, twelve bytes in a row or more, is overwritten too.
    pub fn scrub_words<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut scrubbed = self.scrub_cut(bytes);
        let Some(search) = self.0.as_deref() else { return scrubbed };
        for (start, part) in bytes.windows(PART_BYTES).enumerate() {
            if search.key.windows(PART_BYTES).any(|own| own == part)
                && let Some(found) = scrubbed.to_mut().get_mut(start..start + PART_BYTES)
            {
                found.fill(b'*');
            }
        }
        scrubbed
    }

    /// How many of the last bytes of a chunk can begin an occurrence that the next chunk ends: hold them back.
    pub fn carry(&self) -> usize {
        let longest = self
            .0
            .as_deref()
            .and_then(|search| forms::ALL.iter().map(|form| form.bytes_of(&search.key)).max());
        longest.unwrap_or(0).saturating_sub(1)
    }
}

impl Search {
    fn new(key: &[u8]) -> Box<Self> {
        // Filled where it stays, so that no copy is left behind.
        let mut search = Box::new(Self {
            key: Zeroizing::new(key.to_vec()),
            heads: Zeroizing::new([0; forms::ALL.len()]),
            pairs: Zeroizing::new([0; WORDS]),
            window: key.len().min(HEAD_BYTES_MAX),
        });
        let traits = Traits::of(key);
        for (at, form) in forms::ALL.iter().enumerate().filter(|(_, form)| traits.need(**form)) {
            let head = head(*form, key, search.window);
            // Forms often differ later than here.
            if !search.heads.contains(&head) {
                search.learn_pairs(head);
            }
            if let Some(own) = search.heads.get_mut(at) {
                *own = head;
            }
        }
        search
    }

    fn learn_pairs(&mut self, mut head: u128) {
        for _ in 1..self.window {
            let (word, bit) = place((head >> 8) as u8, head as u8);
            if let Some(word) = self.pairs.get_mut(word) {
                *word |= bit;
            }
            head >>= 8;
        }
    }

    fn scrub<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut scrubbed = Cow::Borrowed(bytes);
        let mut start = 0;
        let leap = self.window.saturating_sub(1);
        while let Some(is_in_head) = self.ends_in_pair(bytes, start) {
            // A pair that is in no head is in none that begins before its second byte.
            if !is_in_head {
                start += leap;
                continue;
            }
            // Always looked for in the original, so that overlapping occurrences are all found.
            let rest = bytes.get(start..).unwrap_or_default();
            for found in self.found_at_start(rest) {
                if let Some(found) = scrubbed.to_mut().get_mut(start..start + found) {
                    found.fill(b'*');
                }
            }
            start += 1;
        }
        scrubbed
    }

    /// Whether the window from `start` ends in a pair that some head has. `None` when it has passed the end.
    fn ends_in_pair(&self, bytes: &[u8], start: usize) -> Option<bool> {
        let last = start + self.window - 1;
        let (word, bit) = place(*bytes.get(last - 1)?, *bytes.get(last)?);
        Some(self.pairs.get(word).is_none_or(|word| word & bit != 0))
    }

    /// How long each of the occurrences is that begin here.
    fn found_at_start<'t>(&'t self, text: &'t [u8]) -> impl Iterator<Item = usize> + 't {
        let window = text.get(..self.window).unwrap_or_default();
        let head = window.iter().fold(0, |head, byte| (head << 8) | u128::from(*byte));
        let same = self.heads.iter().zip(&forms::ALL).filter(move |(own, _)| **own == head);
        same.filter_map(|(_, form)| {
            let mut rest = text.iter();
            let whole = form.write(&self.key, &mut |byte| match rest.next() {
                Some(next) if *next == byte => Continue(()),
                _ => Break(()),
            });
            whole.is_continue().then(|| text.len() - rest.as_slice().len())
        })
    }

    /// How many of the last bytes are the first ones of a form.
    fn begun_at_end(&self, bytes: &[u8]) -> Option<usize> {
        let last = *bytes.last()?;
        // Most texts end in a brace or a line feed, as no form does but one of a key that has it.
        let is_in_forms = last.is_ascii_alphanumeric() || b"+/-_%\\".contains(&last);
        if !is_in_forms && !self.key.contains(&last) {
            return None;
        }
        let forms = forms::of(&self.key);
        forms.iter().filter_map(|form| begun_at_end(bytes, form)).max()
    }
}

const KEY_BYTES_MIN: usize = 8;
/// Fewer bytes of a needle's beginning are in many texts, and tell of no key.
const BEGUN_BYTES_MIN: usize = 4;
/// Fewer bytes of a key in a row tell nobody much.
const PART_BYTES: usize = 12;
/// What fits in a number. Longer windows would leap further, but crowd the pairs until nothing leaps.
const HEAD_BYTES_MAX: usize = 16;
const WORDS: usize = 64;

/// A form's first bytes, as a number.
fn head(form: Form, key: &[u8], bytes: usize) -> u128 {
    let (mut head, mut left) = (0, bytes);
    let _window_is_full = form.write(key, &mut |byte| {
        head = (head << 8) | u128::from(byte);
        left = left.saturating_sub(1);
        if left == 0 { Break(()) } else { Continue(()) }
    });
    head
}

/// The word and the bit of a pair.
fn place(first: u8, second: u8) -> (usize, u64) {
    let pair = (usize::from(first) << 5) ^ usize::from(second);
    (pair / 64 % WORDS, 1 << (pair % 64))
}

/// How many of the last bytes are the form's first.
fn begun_at_end(bytes: &[u8], form: &[u8]) -> Option<usize> {
    let longest = form.len().saturating_sub(1).min(bytes.len());
    (BEGUN_BYTES_MIN..=longest)
        .rev()
        .find(|count| form.get(..*count).is_some_and(|begun| bytes.ends_with(begun)))
}

#[cfg(test)]
mod tests;
