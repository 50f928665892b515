//! The stretches of time that caps hold for: UTC, weeks from Monday. Knows no cap.

use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;

use crate::Timestamp;
use crate::settings::CapPeriod;

/// From its first moment to the first moment of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Period {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Period {
    /// All of time.
    pub const ENDLESS: Self =
        Self { start: Timestamp::from_unix_ms(0), end: Timestamp::from_unix_ms(i64::MAX) };

    /// The one that holds the time.
    pub fn at(kind: CapPeriod, time: Timestamp) -> Self {
        match kind {
            CapPeriod::Never => Self::ENDLESS,
            CapPeriod::Hourly => Self::of_hour(time),
            CapPeriod::Daily => Self::of_days(time, |day| (day, 1)),
            CapPeriod::Weekly => Self::of_days(time, |day| {
                let past = day.weekday().since(Weekday::Monday);
                (back(day, i32::from(past)), 7)
            }),
            CapPeriod::Monthly => Self::of_days(time, |day| {
                let past = i32::from(day.day()).saturating_sub(1);
                (back(day, past), i32::from(day.days_in_month()))
            }),
        }
    }

    pub fn of_hour(time: Timestamp) -> Self {
        let start = time.unix_ms().div_euclid(HOUR_MS).saturating_mul(HOUR_MS);
        Self {
            start: Timestamp::from_unix_ms(start),
            end: Timestamp::from_unix_ms(start.saturating_add(HOUR_MS)),
        }
    }

    /// A time that no calendar has lies in a period without end: nothing is ever forgiven there.
    fn of_days(time: Timestamp, first: impl FnOnce(DateTime) -> (DateTime, i32)) -> Self {
        let Ok(time) = jiff::Timestamp::from_millisecond(time.unix_ms()) else {
            return Self::ENDLESS;
        };
        let (first, days) = first(TimeZone::UTC.to_datetime(time).start_of_day());
        let Ok(start) = TimeZone::UTC.to_timestamp(first) else { return Self::ENDLESS };
        let start = start.as_millisecond();
        let length = i64::from(days).saturating_mul(DAY_MS);
        Self {
            start: Timestamp::from_unix_ms(start),
            end: Timestamp::from_unix_ms(start.saturating_add(length)),
        }
    }

    pub fn holds(&self, time: Timestamp) -> bool {
        self.start <= time && time < self.end
    }
}

fn back(day: DateTime, days: i32) -> DateTime {
    day.saturating_sub(jiff::Span::new().days(days))
}

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_monday_and_months_are_as_long_as_they_are() {
        for (kind, time, start, end) in [
            (
                CapPeriod::Hourly,
                "2026-11-21T13:59:59Z",
                "2026-11-21T13:00:00Z",
                "2026-11-21T14:00:00Z",
            ),
            (
                CapPeriod::Daily,
                "2026-11-21T00:00:00Z",
                "2026-11-21T00:00:00Z",
                "2026-11-22T00:00:00Z",
            ),
            (
                CapPeriod::Daily,
                "2026-11-20T23:59:59Z",
                "2026-11-20T00:00:00Z",
                "2026-11-21T00:00:00Z",
            ),
            (
                CapPeriod::Weekly,
                "2026-11-22T23:59:59Z",
                "2026-11-16T00:00:00Z",
                "2026-11-23T00:00:00Z",
            ),
            (
                CapPeriod::Weekly,
                "2026-11-23T00:00:00Z",
                "2026-11-23T00:00:00Z",
                "2026-11-30T00:00:00Z",
            ),
            (
                CapPeriod::Weekly,
                "2027-01-01T12:00:00Z",
                "2026-12-28T00:00:00Z",
                "2027-01-04T00:00:00Z",
            ),
            (
                CapPeriod::Monthly,
                "2028-02-29T12:00:00Z",
                "2028-02-01T00:00:00Z",
                "2028-03-01T00:00:00Z",
            ),
            (
                CapPeriod::Monthly,
                "2026-12-31T23:59:59Z",
                "2026-12-01T00:00:00Z",
                "2027-01-01T00:00:00Z",
            ),
        ] {
            let at = |text: &str| text.parse::<Timestamp>().expect("a time");

            let period = Period::at(kind, at(time));

            assert_eq!(period, Period { start: at(start), end: at(end) }, "{kind:?} {time}");
            assert!(period.holds(at(time)));
            assert_eq!(Period::at(kind, period.end).start, period.end);
        }
        assert_eq!(Period::at(CapPeriod::Never, Timestamp::from_unix_ms(0)), Period::ENDLESS);
    }
}
