//! When a provider wants to be asked again: `Retry-After`, in either of its forms.

use std::time::{Duration, UNIX_EPOCH};

use model::Timestamp;

/// Seconds, whole or not, or a date by our clock; a moment that has begun counts as a second. Anything else, what is past and
/// more than a day are as good as not said.
pub fn seconds(text: &str, now: Timestamp) -> Option<u64> {
    let text = text.trim();
    let seconds = match httpdate::parse_http_date(text) {
        Ok(date) => {
            let since_1970 = date.duration_since(UNIX_EPOCH).ok()?;
            let date = Timestamp::from_unix_ms(0).plus(since_1970);
            let wait = (date > now).then(|| date.since(now))?;
            wait.as_millis().div_ceil(1000).try_into().ok()?
        }
        Err(_) => text.split_once('.').map_or(text, |(whole, _)| whole).parse().ok()?,
    };
    (seconds <= DAY.as_secs()).then_some(seconds)
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21, noon.
    const NOON_MS: i64 = 1_795_262_400_000;

    #[test]
    fn seconds_and_dates_mean_the_same_and_nonsense_means_nothing() {
        for (text, wanted) in [
            ("0", Some(0)),
            ("1.5", Some(1)),
            ("86400", Some(86_400)),
            ("86401", None),
            ("-5", None),
            ("+ 5", None),
            ("soon", None),
            ("", None),
            ("Sat, 21 Nov 2026 12:00:07 GMT", Some(7)),
            (" Sat, 21 Nov 2026 12:00:07 GMT ", Some(7)),
            ("Saturday, 21-Nov-26 12:00:07 GMT", Some(7)),
            ("Sat Nov 21 12:00:07 2026", Some(7)),
            ("Sat, 21 Nov 2026 12:00:00 GMT", None),
            ("Sat, 21 Nov 2026 11:59:59 GMT", None),
            ("Thu, 01 Jan 1970 00:00:00 GMT", None),
            ("Sun, 22 Nov 2026 12:00:00 GMT", Some(86_400)),
            ("Sun, 22 Nov 2026 12:00:01 GMT", None),
            ("Fri, 31 Dec 9999 23:59:59 GMT", None),
            ("Sat, 21 Nov 2026 12:00:07 CET", None),
            ("Sat, 32 Nov 2026 12:00:07 GMT", None),
        ] {
            assert_eq!(seconds(text, Timestamp::from_unix_ms(NOON_MS)), wanted, "{text:?}");
        }
        let later = Timestamp::from_unix_ms(NOON_MS + 6_500);
        assert_eq!(seconds("Sat, 21 Nov 2026 12:00:07 GMT", later), Some(1), "half a second");
    }
}
