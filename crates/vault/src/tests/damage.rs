//! T2, the other half: an envelope that is not bit for bit what was sealed does not open, and nothing panics.

use model::{KeyVersion, Sealed};
use proptest::prelude::*;

use super::{Home, vault};
use crate::{OpenError, SecretValue, Suite, Vault, header_of};

fn sealed(vault: &Vault, home: &Home) -> Vec<u8> {
    let value = SecretValue::new(b"sk-0123456789abcdef".to_vec());
    vault.seal(&value, &home.place()).expect("sealed").as_bytes().to_vec()
}

fn opens(vault: &Vault, home: &Home, bytes: &[u8]) -> bool {
    let sealed = Sealed::from_bytes(bytes.to_vec());
    let cached = vault.workspace_key(KeyVersion(1), home.workspace, &home.salt);
    let cached = cached.expect("in the ring");
    let with_cached_key = vault.open_with(&cached, &sealed, &home.place()).is_ok();
    let opened = vault.open(&sealed, &home.place()).is_ok();
    assert_eq!(opened, with_cached_key);
    opened
}

#[test]
fn every_flipped_bit_is_refused() {
    let home = Home::new(1);
    for suite in Suite::ALL {
        let vault = vault(1, suite);
        let mut bytes = sealed(&vault, &home);
        assert!(opens(&vault, &home, &bytes));

        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!opens(&vault, &home, &bytes), "{suite} bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn every_truncation_and_every_trailing_byte_is_refused() {
    let home = Home::new(1);
    for suite in Suite::ALL {
        let vault = vault(1, suite);
        let bytes = sealed(&vault, &home);

        for length in 0..bytes.len() {
            assert!(!opens(&vault, &home, &bytes[..length]), "{suite} length {length}");
            assert!(!opens(&vault, &home, &bytes[bytes.len() - length..]), "{suite} {length}");
        }
        for more in 1..=80 {
            for filler in [0, 16, 0xff] {
                let longer = [bytes.as_slice(), &vec![filler; more]].concat();
                assert!(!opens(&vault, &home, &longer), "{suite} and {more} bytes");
            }
        }
    }
}

#[test]
fn what_is_no_envelope_is_called_so() {
    let home = Home::new(1);
    let vault = vault(1, Suite::Aes256Gcm);
    let good = sealed(&vault, &home);
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let too_long = [good.as_slice(), &vec![0; 64 * 1024]].concat();

    for bytes in [
        Vec::new(),
        b"KSTL".to_vec(),
        good[..75].to_vec(),
        with(0, b'k'),
        with(4, 0),
        with(4, 2),
        with(5, 0),
        with(5, 4),
        with(6, 1),
        with(7, 128),
        too_long,
    ] {
        let sealed = Sealed::from_bytes(bytes);
        assert!(matches!(header_of(&sealed), Err(OpenError::NotAnEnvelope(_))));
        let refused = vault.open(&sealed, &home.place()).err();
        assert!(matches!(refused, Some(OpenError::NotAnEnvelope(_))));
    }
}

#[test]
fn an_envelope_does_not_open_as_if_of_another_suite() {
    let home = Home::new(1);
    for suite in Suite::ALL {
        let vault = vault(1, suite);
        let mut bytes = sealed(&vault, &home);

        for other in Suite::ALL.into_iter().filter(|other| *other != suite) {
            bytes[5] = other.id();
            assert!(!opens(&vault, &home, &bytes), "{suite} as {other}");
        }
    }
}

#[test]
fn parts_of_two_envelopes_of_one_place_do_not_combine() {
    let home = Home::new(1);
    for suite in Suite::ALL {
        let vault = vault(1, suite);
        let (one, two) = (sealed(&vault, &home), sealed(&vault, &home));

        for seam in [12, 44, 76, one.len() - 16] {
            let mixed = [&one[..seam], &two[seam..]].concat();
            let same = mixed == two;
            assert_eq!(opens(&vault, &home, &mixed), same, "{suite} at {seam}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(tail in proptest::collection::vec(any::<u8>(), 0..200), suite in 0u8..5) {
        let home = Home::new(1);
        let vault = vault(1, Suite::Aes256Gcm);
        let headed = [b"KSTL\x01".as_slice(), &[suite, 0, 0, 0, 0, 0, 1], &tail].concat();

        prop_assert!(!opens(&vault, &home, &tail));
        prop_assert!(!opens(&vault, &home, &headed));
    }
}
