//! Rotation as the vault sees it: which keys open what, and what a check value says.

use model::{KeyVersion, Sealed};

use super::{Home, Seeded, vault, vault_of};
use crate::{
    MasterKeys, MissingKey, OpenError, ProviderKey, SealError, SecretValue, Suite, Vault,
    check_value, header_of,
};

fn two_keys() -> MasterKeys {
    let mut keys = MasterKeys::generate(&Seeded::new(5));
    assert_eq!(keys.add_generated(&Seeded::new(6)), Ok(KeyVersion(2)));
    keys
}

#[test]
fn what_was_sealed_opens_under_any_suite_and_any_version_of_the_ring() {
    let home = Home::new(1);
    let value = SecretValue::new(b"a value".to_vec());

    for suite in Suite::ALL {
        for version in [KeyVersion(1), KeyVersion(2)] {
            let sealed = vault_of(two_keys(), version, suite).seal(&value, &home.place());
            let sealed = sealed.expect("sealed");
            let header = header_of(&sealed).expect("an envelope");
            assert_eq!((header.version, header.suite), (version, suite));

            for other in Suite::ALL {
                let vault = vault_of(two_keys(), KeyVersion(2), other);
                let opened = vault.open(&sealed, &home.place()).expect("opens");
                assert!(opened.matches(&value) && opened.ct_eq(b"a value"));
                assert!(!opened.ct_eq(b"A value") && !opened.ct_eq(b"a value "));
                assert!(!opened.matches(&SecretValue::new(b"a valu".to_vec())));
            }
        }
    }
}

#[test]
fn values_of_any_length_survive_and_the_longest_fits_its_envelope() {
    let home = Home::new(1);

    for suite in Suite::ALL {
        let vault = vault(1, suite);
        for length in (0..70).chain([SecretValue::BYTES_MAX]) {
            let value = SecretValue::new(vec![b'x'; length]);
            let sealed = vault.seal(&value, &home.place()).expect("sealed");
            let opened = vault.open(&sealed, &home.place()).expect("opens");
            assert_eq!(opened.expose(), value.expose());
        }

        let value = SecretValue::new(vec![b'x'; SecretValue::BYTES_MAX + 1]);
        let refused = vault.seal(&value, &home.place());
        assert!(matches!(refused, Err(SealError::TooLong { .. })));
    }
}

#[test]
fn no_two_seals_of_one_value_are_alike() {
    let home = Home::new(1);
    let value = SecretValue::new(b"a value".to_vec());

    for suite in Suite::ALL {
        let vault = vault(1, suite);
        let (one, two) = (vault.seal(&value, &home.place()), vault.seal(&value, &home.place()));

        let (one, two) = (one.expect("sealed"), two.expect("sealed"));
        assert_ne!(one.as_bytes()[12..], two.as_bytes()[12..]);
    }
}

#[test]
fn a_version_outside_the_ring_is_named() {
    let home = Home::new(1);
    let value = SecretValue::new(b"a value".to_vec());
    let sealed = vault_of(two_keys(), KeyVersion(2), Suite::Aes256Gcm).seal(&value, &home.place());

    let old = vault_of(MasterKeys::generate(&Seeded::new(5)), KeyVersion(1), Suite::Aes256Gcm);
    let refused = old.open(&sealed.expect("sealed"), &home.place()).err();

    assert_eq!(refused, Some(OpenError::MissingKey(MissingKey { version: KeyVersion(2) })));
    assert!(old.check_value(KeyVersion(2)).is_none());
    let keys = MasterKeys::generate(&Seeded::new(5));
    let random = std::sync::Arc::new(Seeded::new(7));
    let vault = Vault::new(keys, KeyVersion(2), Suite::Fernet, super::instance(1), random);
    assert_eq!(vault.err(), Some(MissingKey { version: KeyVersion(2) }));
}

#[test]
fn the_hot_path_opens_the_same_and_wants_the_key_of_the_envelopes_version() {
    let home = Home::new(1);
    let value = SecretValue::new(b"a value".to_vec());

    for suite in Suite::ALL {
        let vault = vault_of(two_keys(), KeyVersion(2), suite);
        let sealed = vault.seal(&value, &home.place()).expect("sealed");
        let key = |version| vault.workspace_key(version, home.workspace, &home.salt);

        let (old, new) = (key(KeyVersion(1)), key(KeyVersion(2)));
        let (old, new) = (old.expect("in the ring"), new.expect("in the ring"));

        let opened = vault.open_with(&new, &sealed, &home.place()).expect("opens");
        assert_eq!(opened.expose(), b"a value");
        assert_eq!(
            vault.open_with(&old, &sealed, &home.place()).err(),
            Some(OpenError::KeyOfOtherVersion { envelope: KeyVersion(2), key: KeyVersion(1) })
        );
    }
}

#[test]
fn provider_keys_are_sealed_and_opened_as_such_and_nothing_else_is_opened_as_one() {
    let home = Home::new(1);
    let vault = vault(1, Suite::Aes256Gcm);
    let key = ProviderKey::parse("sk-0123456789".to_owned()).expect("usable");
    let cached = vault.workspace_key(KeyVersion(1), home.workspace, &home.salt);
    let cached = cached.expect("in the ring");

    let sealed = vault.seal_provider_key(&key, &home.place()).expect("sealed");
    let binary = vault.seal(&SecretValue::new(vec![0, 159, 146]), &home.place()).expect("sealed");

    let opened = vault.open_provider_key(&sealed, &home.place()).expect("opens");
    assert_eq!(opened.expose(), "sk-0123456789");
    let opened = vault.open_provider_key_with(&cached, &sealed, &home.place()).ok();
    assert_eq!(opened.expect("opens").expose(), "sk-0123456789");
    let refused = vault.open_provider_key(&binary, &home.place()).err();
    assert_eq!(refused, Some(OpenError::NotAProviderKey));
}

#[test]
fn a_secret_of_many_lines_is_sealed_as_it_is_and_one_that_is_a_providers_key_opens_as_one() {
    let home = Home::new(1);
    for suite in Suite::ALL {
        let vault = vault(1, suite);
        let seal = |text: &str| {
            let value = SecretValue::parse(text.as_bytes().to_vec()).expect("usable");
            vault.seal(&value, &home.place()).expect("sealed")
        };

        let lines = seal("user: caf\u{e9}\r\npassword:\t1\n");
        let opened = vault.open(&lines, &home.place()).expect("opens");
        assert!(opened.ct_eq("user: caf\u{e9}\r\npassword:\t1\n".as_bytes()));
        let refused = vault.open_provider_key(&lines, &home.place()).err();
        assert_eq!(refused, Some(OpenError::NotAProviderKey));
        let key = vault.open_provider_key(&seal("sk-0123456789"), &home.place()).expect("opens");
        assert_eq!(key.expose(), "sk-0123456789");
    }
}

#[test]
fn a_check_value_tells_one_key_and_one_version_from_all_others() {
    let keys = two_keys();
    let same_keys = two_keys();
    let other_keys = MasterKeys::generate(&Seeded::new(8));

    let check = check_value(&keys, KeyVersion(1)).expect("in the ring");

    let again = check_value(&same_keys, KeyVersion(1)).expect("in the ring");
    assert!(check.matches(again.as_bytes()));
    let next = check_value(&keys, KeyVersion(2)).expect("in the ring");
    let other = check_value(&other_keys, KeyVersion(1)).expect("in the ring");
    for wrong in [next.as_bytes(), other.as_bytes(), &check.as_bytes()[..31], &[]] {
        assert!(!check.matches(wrong));
    }
    assert!(check_value(&keys, KeyVersion(3)).is_none());
}

#[test]
fn an_envelope_says_its_version_and_suite_without_a_key() {
    let bytes = [b"KSTL\x01\x03\0\0\0\0\0\x07".as_slice(), &[0; 64]].concat();

    let header = header_of(&Sealed::from_bytes(bytes)).expect("an envelope");

    assert_eq!((header.version, header.suite), (KeyVersion(7), Suite::Fernet));
}
