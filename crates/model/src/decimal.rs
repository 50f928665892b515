//! Numbers as JSON writes them, read to the last digit. Knows no floating point, and nothing of what is counted.

/// How many units of 10^-`places` a number is, rounded half up. `None` for what is negative, no number, or too large.
pub fn units(text: &str, places: i32) -> Option<u64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{decimals}");
    if whole.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?.checked_add(places)?;
    let mut number = 0_u64;
    for (at, byte) in (0..).zip(digits.bytes()) {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        if at < point {
            number = number.checked_mul(10)?.checked_add(digit)?;
        } else if at == point && digit >= 5 {
            number = number.checked_add(1)?;
        }
    }
    let zeros = i64::from(point).saturating_sub(i64::try_from(digits.len()).ok()?).max(0);
    if number == 0 {
        return Some(0);
    }
    number.checked_mul(10_u64.checked_pow(u32::try_from(zeros).ok()?)?)
}

/// More digits than any price has.
const DIGITS_MAX: usize = 60;

#[cfg(test)]
mod tests {
    use super::units;

    #[test]
    fn a_number_is_read_to_its_last_digit_and_rounded_once() {
        for (text, places, expected) in [
            ("0", 12, Some(0)),
            ("0.0", 12, Some(0)),
            ("0e99", 12, Some(0)),
            ("1", 6, Some(1_000_000)),
            ("0.00123456789", 12, Some(1_234_567_890)),
            ("1.23456789e-3", 12, Some(1_234_567_890)),
            ("7.5e-08", 12, Some(75_000)),
            ("7.5E-8", 12, Some(75_000)),
            ("1e-05", 12, Some(10_000_000)),
            ("1e+2", 0, Some(100)),
            ("12.5", 0, Some(13)),
            ("12.4999999999999999999999", 0, Some(12)),
            ("1.0399999999999998", 6, Some(1_040_000)),
            ("3.7500000000000005e-07", 12, Some(375_000)),
            ("0.5", 0, Some(1)),
            ("0.04", 1, Some(0)),
            ("0.05", 1, Some(1)),
            ("4e-13", 12, Some(0)),
            ("5e-13", 12, Some(1)),
            ("0.0004", 2, Some(0)),
            ("18446744073709551615", 0, Some(u64::MAX)),
            ("18446744073709551616", 0, None),
            ("1e30", 0, None),
            ("1e2147483647", 12, None),
            ("-1", 12, None),
            ("-0", 12, None),
            ("", 12, None),
            (".5", 12, None),
            ("1.5.0", 12, None),
            ("0x1", 12, None),
            ("NaN", 12, None),
            ("\"1\"", 12, None),
            ("null", 12, None),
            ("true", 12, None),
            ("{}", 12, None),
        ] {
            assert_eq!(units(text, places), expected, "{text} {places}");
        }
    }
}
