//! Rate-limit headers, read. What cannot be read is as good as not sent: nothing here fails.

use std::time::Duration;

use http::HeaderMap;
use model::catalogue::{Counts, Per, RateWindow, ResetForm};
use model::{Provider, Timestamp};
use serde::Serialize;

/// What one answer told of its key's limits. Never empty when it comes from an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub read_at: Timestamp,
    /// In the catalogue's order. Two may count the same: over a minute and a day, of an account and of a project.
    pub windows: Vec<Window>,
}

/// One limit, and what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    pub counts: Counts,
    pub per: Per,
    pub limit: Option<u64>,
    pub remaining: Option<u64>,
    /// When there is a full measure again. `None` when there is.
    pub resets_at: Option<Timestamp>,
    /// When there is something again, where nothing is left.
    #[serde(skip)]
    empty_until: Option<Timestamp>,
    #[serde(skip)]
    steady: bool,
}

impl Reading {
    /// `None` when the headers tell nothing of limits.
    pub fn of(provider: &Provider, headers: &HeaderMap, now: Timestamp) -> Option<Self> {
        let read = |window| Window::read(window, headers, now);
        let windows: Vec<_> = provider.windows.iter().filter_map(read).collect();
        (!windows.is_empty()).then_some(Self { read_at: now, windows })
    }

    /// What was read, as it must be by now.
    pub(super) fn aged(&self, now: Timestamp) -> Self {
        let windows = self.windows.iter().map(|window| window.aged(self.read_at, now));
        Self { read_at: self.read_at, windows: windows.collect() }
    }

    /// The window that leaves the fewest requests.
    pub fn requests(&self) -> Option<Window> {
        self.tightest(|counts| counts == Counts::Requests)
    }

    /// The window that leaves the fewest tokens, of whatever kind.
    pub fn tokens(&self) -> Option<Window> {
        self.tightest(|counts| counts != Counts::Requests)
    }

    /// Until when the key is of no use for this model; `None` when something is left in every window.
    pub fn exhausted_until(&self) -> Option<Timestamp> {
        self.windows.iter().filter_map(|window| window.empty_until).max()
    }

    fn tightest(&self, wanted: impl Fn(Counts) -> bool) -> Option<Window> {
        let windows = self.windows.iter().filter(|window| wanted(window.counts));
        // What remains unsaid is not known to be little.
        windows.min_by_key(|window| window.remaining.unwrap_or(u64::MAX)).copied()
    }
}

impl Window {
    fn read(told_by: &RateWindow, headers: &HeaderMap, now: Timestamp) -> Option<Self> {
        // The catalogue's names are texts, and to look one up by its text costs more than to go through the few there are.
        let named = |name: &str| {
            headers.iter().find(|(other, _)| other.as_str().eq_ignore_ascii_case(name))
        };
        let text = |name: &str| std::str::from_utf8(named(name)?.1.as_bytes()).ok();
        let figure = |name: &Option<String>| count(text(name.as_deref()?)?.trim());
        // A limit of zero is how some say that there is none, or none for this model.
        let limit = figure(&told_by.limit).filter(|limit| *limit > 0);
        let remaining = figure(&told_by.remaining);
        if limit.is_none() && remaining.is_none() {
            return None;
        }
        let reset = told_by.reset.as_ref();
        let told = reset.and_then(|reset| resets_at(text(&reset.header)?.trim(), reset.form, now));
        let resets_at = told.unwrap_or_else(|| now.plus(told_by.per.duration()));
        let window = Self {
            counts: told_by.counts,
            per: told_by.per,
            limit,
            remaining,
            resets_at: Some(resets_at),
            empty_until: None,
            steady: told_by.steady,
        };
        Some(window.aged(now, now))
    }

    fn aged(&self, read_at: Timestamp, now: Timestamp) -> Self {
        let Some(resets_at) = self.resets_at.filter(|reset| *reset > now) else {
            return Self { remaining: self.limit, resets_at: None, empty_until: None, ..*self };
        };
        let share = self.limit.filter(|_| self.steady).map(|limit| Share::of(self.per, limit));
        let regained = share.map_or(0, |share| share.count_in(now.since(read_at)));
        let most = self.limit.unwrap_or(u64::MAX);
        let remaining = self.remaining.map(|left| left.saturating_add(regained).min(most));
        let next = share.map_or(resets_at, |share| read_at.plus(share.0).min(resets_at));
        let empty_until = (remaining == Some(0)).then_some(next);
        Self { remaining, empty_until, ..*self }
    }
}

/// How long one unit of a steady window takes to come back.
#[derive(Clone, Copy)]
struct Share(Duration);

impl Share {
    fn of(per: Per, limit: u64) -> Self {
        let nanos = per.duration().as_nanos().div_ceil(u128::from(limit).max(1));
        Self(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    fn count_in(self, elapsed: Duration) -> u64 {
        let count = elapsed.as_nanos().checked_div(self.0.as_nanos()).unwrap_or(0);
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

/// Whole, or a fraction rounded down.
fn count(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(whole) && digits(fraction) { whole.parse().ok() } else { None }
}

/// The farthest reset that is believed, a day and something for clocks that disagree: no window is longer, and no
/// strange number may put a key aside for good.
const RESET_MAX: Duration = Duration::from_secs(25 * 60 * 60);

fn resets_at(text: &str, form: ResetForm, now: Timestamp) -> Option<Timestamp> {
    let reset = match form {
        // Where a duration is due, some send a bare zero.
        ResetForm::Duration => now.plus(duration(text).or_else(|| seconds(text))?),
        ResetForm::Rfc3339 => text.parse().ok()?,
        ResetForm::Seconds => match epoch(text) {
            Some(time) => time,
            None => now.plus(seconds(text)?),
        },
        ResetForm::Unix => epoch(text)?,
    };
    // One in the past is a clock that differs from ours.
    (reset > now && reset <= now.plus(RESET_MAX)).then_some(reset)
}

/// As Go writes it, from hours down to nanoseconds.
fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 7] = [
        ("ms", 1e-3),
        ("us", 1e-6),
        ("µs", 1e-6),
        ("ns", 1e-9),
        ("h", 3600.0),
        ("m", 60.0),
        ("s", 1.0),
    ];
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(end)?;
        let (after, seconds) =
            UNITS.iter().find_map(|(unit, seconds)| Some((tail.strip_prefix(unit)?, seconds)))?;
        total += number.parse::<f64>().ok()? * seconds;
        rest = after;
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(total).ok())?
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(number(text)?).ok()
}

/// Seconds or milliseconds since 1970: as a wait, the former would be thirty years.
fn epoch(text: &str) -> Option<Timestamp> {
    const SECONDS_MIN: f64 = 1e9;
    const MILLIS_MIN: f64 = 1e12;
    let number = number(text).filter(|number| *number >= SECONDS_MIN)?;
    let seconds = if number >= MILLIS_MIN { number / 1000.0 } else { number };
    let since_1970 = Duration::try_from_secs_f64(seconds).ok()?;
    Some(Timestamp::from_unix_ms(0).plus(since_1970))
}

/// Digits and a point: neither `inf` nor `1e9` nor a sign.
fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
