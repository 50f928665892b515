//! Decimal numbers as they are written, as integers of a smaller unit. Never through a binary fraction.

/// In units of 10^-`places`, rounded half away from zero where it has more.
pub fn scaled(text: &str, places: i32) -> Option<i128> {
    let (text, is_negative) = match text.trim().strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (text.trim().trim_start_matches('+'), false),
    };
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.trim_start_matches('+').parse().ok()?),
        None => (text, 0_i32),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_plain(whole) || !is_plain(fraction) {
        return None;
    }
    let digits: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let fraction_digits = i32::try_from(fraction.len()).ok()?;
    let shift = places.checked_add(exponent)?.checked_sub(fraction_digits)?;
    let size = 10_i128.checked_pow(shift.unsigned_abs());
    let value = match (size, shift >= 0) {
        (Some(size), true) => digits.checked_mul(size)?,
        (Some(size), false) => digits.checked_add(size / 2)?.checked_div(size)?,
        // Too small to be anything.
        (None, false) => 0,
        (None, true) if digits == 0 => 0,
        (None, true) => return None,
    };
    Some(if is_negative { value.checked_neg()? } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        for (text, expected) in [
            ("0.06", Some(60_000_000_000)),
            ("12", Some(12_000_000_000_000)),
            ("0.060000000000000005", Some(60_000_000_000)),
            ("0.0000000000005", Some(1)),
            ("6.5e-5", Some(65_000_000)),
            ("1E2", Some(100_000_000_000_000)),
            ("-0.5", Some(-500_000_000_000)),
            (".5", Some(500_000_000_000)),
            ("1e-300", Some(0)),
            ("0e300", Some(0)),
            ("1e300", None),
            ("", None),
            (".", None),
            ("1,5", None),
            ("0x10", None),
            ("--1", None),
        ] {
            assert_eq!(scaled(text, 12), expected, "{text}");
        }
        assert_eq!(scaled("123.45", 10), Some(1_234_500_000_000), "cents to pico-dollars");
    }
}
