//! Money as integers: pico-USD inside, micro-USD for people, rounded half up exactly once.

use std::fmt;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// 10^-12 USD: fine enough for the price of one token, wide enough for the sum of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PicoUsd(pub i128);

/// 10^-6 USD: what caps are set in and what people see.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, ToSchema)]
pub struct MicroUsd(pub i64);

const PICO_PER_MICRO: i128 = 1_000_000;

impl PicoUsd {
    /// Adds without wrapping: `None` past 10^26 USD, which no ledger reaches honestly.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// As journals and rows keep what was held or spent: nothing below zero, and no more than fits.
    pub fn saturating_u64(self) -> u64 {
        u64::try_from(self.0.max(0)).unwrap_or(u64::MAX)
    }

    /// For display only; caps compare the exact value.
    pub fn rounded(self) -> MicroUsd {
        let half_up = self.0.saturating_add(PICO_PER_MICRO / 2).div_euclid(PICO_PER_MICRO);
        MicroUsd(i64::try_from(half_up).unwrap_or(if half_up < 0 { i64::MIN } else { i64::MAX }))
    }

    /// What a row stores, put together again.
    pub fn joined(micro: i64, rest: i64) -> Self {
        Self(Self::from(MicroUsd(micro)).0.saturating_add(i128::from(rest)))
    }

    /// What a row stores: whole micro-USD and the rest below one, which is never negative.
    pub fn split(self) -> (MicroUsd, u32) {
        let whole = self.0.div_euclid(PICO_PER_MICRO);
        let rest = self.0.rem_euclid(PICO_PER_MICRO);
        (
            MicroUsd(i64::try_from(whole).unwrap_or(i64::MAX)),
            u32::try_from(rest).unwrap_or(u32::MAX),
        )
    }
}

impl From<u64> for PicoUsd {
    fn from(pico: u64) -> Self {
        Self(i128::from(pico))
    }
}

impl From<MicroUsd> for PicoUsd {
    fn from(micro: MicroUsd) -> Self {
        Self(i128::from(micro.0) * PICO_PER_MICRO)
    }
}

impl fmt::Display for MicroUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for MicroUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} micro-USD", self.0)
    }
}

impl Serialize for MicroUsd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_micro_rounds_up_and_less_rounds_down() {
        assert_eq!(PicoUsd(2_500_000).rounded(), MicroUsd(3));
        assert_eq!(PicoUsd(2_499_999).rounded(), MicroUsd(2));
        assert_eq!(PicoUsd(130_000).rounded(), MicroUsd(0));
    }

    #[test]
    fn a_split_amount_adds_up_again() {
        for pico in [0, 1, 999_999, 1_000_000, 6_780_150_000, -1] {
            let (micro, rest) = PicoUsd(pico).split();

            assert_eq!(PicoUsd::from(micro).0 + i128::from(rest), pico);
        }
    }
}
