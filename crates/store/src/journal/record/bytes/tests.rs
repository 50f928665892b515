//! What is written is read again, and what is not whole is not read.

use super::*;
use crate::journal::tests::{checkpoint, settled, started};

#[test]
fn every_field_comes_back() {
    for record in records() {
        let body = written(&record);

        assert_eq!(read(&body), Some(record));
    }
}

#[test]
fn a_number_of_any_size_comes_back() {
    for number in (0..64).flat_map(|bits| [(1_u64 << bits) - 1, 1 << bits]).chain([u64::MAX]) {
        let mut body = Vec::new();
        Encoder(&mut body).number(number);

        assert_eq!(Decoder(&body).number(), Some(number));
    }
    assert_eq!(Decoder(&[0xff; 10]).number(), None, "more than 64 bits");
}

#[test]
fn what_is_cut_off_or_goes_on_is_no_record() {
    for record in records() {
        let body = written(&record);

        assert!((0..body.len()).all(|end| read(&body[..end]).is_none()));
        assert_eq!(read(&[body.as_slice(), &[0]].concat()), None);
        assert_eq!(read(&[&[FORMAT + 1], &body[1..]].concat()), None, "another format");
    }
}

#[test]
fn the_bytes_are_those_of_the_first_journals() {
    let request = [[1, b'c'].as_slice(), &[0; 16]].concat();
    let usage = [0, 0, 0, 0, 0, 1, 17, 0, 0, 0, 0, 0, 0];

    assert_eq!(written(&checkpoint(300)), [&request, [0xac, 2].as_slice(), &usage, &[0]].concat());
}

fn written(record: &Record) -> Vec<u8> {
    let mut body = Vec::new();
    write(record, &mut body);
    body
}

fn records() -> Vec<Record> {
    let Record::Settled(plain) = settled(1) else { unreachable!() };
    let full = Settled {
        attempt: u32::MAX,
        at: Timestamp::from_unix_ms(-1),
        http_status: Some(u16::MAX),
        error_code: Some("ü".to_owned()),
        usage: Usage {
            input_tokens: Some(1),
            cached_tokens: Some(2),
            cache_write_tokens: Some(3),
            cache_write_long_tokens: Some(4),
            audio_input_tokens: Some(5),
            output_tokens: Some(6),
            reasoning_tokens: Some(7),
            searches: Some(8),
            tier: Some(ServiceTier::Flex),
            geo: Some(Geo::Us),
            reported_pico_usd: Some(u64::MAX),
            estimated: true,
        },
        cost_pico_usd: Some(9),
        price: Some(String::new()),
        billing_unknown: true,
        ..plain.clone()
    };
    let each = [Outcome::Aborted, Outcome::Completed, Outcome::Cut, Outcome::Failed];
    let ends = each.map(|status| Record::Settled(Settled { status, ..plain.clone() }));
    let Record::Started(held) = started(2) else { unreachable!() };
    let keyless = Started { provider_key: None, hold_pico_usd: Some(128), ..held };
    [vec![started(1), checkpoint(1), Record::Settled(full), Record::Started(keyless)], ends.into()]
        .concat()
}
