//! What the hour and the place add to a provider's prices, as ratios on the sum of the tokens.

use serde::Deserialize;
use toml::value::Date;

use crate::usage::Geo;
use crate::{Timestamp, Usage};

/// Of one provider, on all its models.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surcharges {
    #[serde(default)]
    pub peak: Option<Peak>,
    /// For computing in the United States only.
    #[serde(default)]
    pub us: Option<Ratio>,
    pub source: String,
    pub as_of: Date,
}

/// Busy hours, from Monday to Friday.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peak {
    pub ratio: Ratio,
    /// Each from an hour up to another, UTC.
    pub hours: Vec<[u8; 2]>,
    /// Without such hours. Days that no list has yet are none: that is never too cheap.
    #[serde(default)]
    pub holidays: Vec<Date>,
}

/// Written as `[11, 10]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "[u32; 2]")]
pub struct Ratio {
    pub times: u32,
    pub over: u32,
}

impl From<[u32; 2]> for Ratio {
    fn from([times, over]: [u32; 2]) -> Self {
        Self { times, over }
    }
}

impl Surcharges {
    /// On a call that ended then.
    pub(crate) fn on(&self, usage: &Usage, ended_at: Timestamp) -> Vec<Ratio> {
        let peak = self.peak.as_ref().filter(|peak| peak.includes(ended_at));
        let us = self.us.filter(|_| usage.geo == Some(Geo::Us));
        peak.map(|peak| peak.ratio).into_iter().chain(us).collect()
    }

    /// Whenever and wherever.
    pub(crate) fn all(&self) -> Vec<Ratio> {
        self.peak.as_ref().map(|peak| peak.ratio).into_iter().chain(self.us).collect()
    }
}

impl Peak {
    fn includes(&self, at: Timestamp) -> bool {
        let hour = at.unix_seconds().rem_euclid(DAY_SECONDS) / HOUR_SECONDS;
        let busy = |[from, to]: &[u8; 2]| (i64::from(*from)..i64::from(*to)).contains(&hour);
        // The first day of 1970 was a Thursday; Monday is 0.
        let weekday = (at.unix_seconds().div_euclid(DAY_SECONDS) + 3).rem_euclid(7);
        weekday < SATURDAY && self.hours.iter().any(busy) && !self.holidays.contains(&day(at))
    }
}

const SATURDAY: i64 = 5;
const DAY_SECONDS: i64 = 86_400;
const HOUR_SECONDS: i64 = 3_600;

/// In UTC. A time past the end of the calendar is on its last day.
pub(super) fn day(at: Timestamp) -> Date {
    let time = jiff::Timestamp::from_millisecond(at.unix_ms()).unwrap_or(jiff::Timestamp::MAX);
    let date = jiff::tz::Offset::UTC.to_datetime(time).date();
    Date {
        year: u16::try_from(date.year()).unwrap_or_default(),
        month: date.month().unsigned_abs(),
        day: date.day().unsigned_abs(),
    }
}
