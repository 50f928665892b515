//! A ring that changes under those who use it, and values that follow it.

use std::sync::Arc;

use model::{KeyVersion, Sealed};

use crate::tests::{Home, Seeded, vault, vault_of};
use crate::{
    EnvelopeHeader, MasterKeys, MissingKey, OpenError, Place, ResealError, RingError, SecretValue,
    Suite, Vault, WeakOrBadKey, header_of,
};

const ONE: KeyVersion = KeyVersion(1);
const TWO: KeyVersion = KeyVersion(2);

fn one_key() -> MasterKeys {
    MasterKeys::generate(&Seeded::new(1))
}

fn two_keys() -> MasterKeys {
    let mut keys = one_key();
    assert_eq!(keys.add_generated(&Seeded::new(2)), Ok(TWO));
    keys
}

fn two_other_keys() -> MasterKeys {
    let mut keys = one_key();
    assert_eq!(keys.add_generated(&Seeded::new(3)), Ok(TWO));
    keys
}

fn only_the_second() -> MasterKeys {
    let text = two_keys().to_file_text();
    MasterKeys::parse(text.lines().next().expect("newest first")).expect("a ring")
}

fn value() -> SecretValue {
    SecretValue::new(b"a value".to_vec())
}

fn seal(vault: &Vault, home: &Home) -> Sealed {
    vault.seal(&value(), &home.place()).expect("sealed")
}

fn opens(vault: &Vault, home: &Home, sealed: &Sealed) -> bool {
    vault.open(sealed, &home.place()).is_ok_and(|opened| opened.matches(&value()))
}

fn header(version: KeyVersion, suite: Suite) -> EnvelopeHeader {
    EnvelopeHeader { version, suite }
}

#[test]
fn a_rotation_is_seen_by_all_who_hold_the_vault() {
    let home = Home::new(1);
    let vault = Arc::new(vault(1, Suite::Aes256Gcm));
    let other_holder = Arc::clone(&vault);
    let old = seal(&other_holder, &home);
    assert!(!other_holder.has(TWO) && other_holder.check_value(TWO).is_none());

    vault.load(&two_keys()).expect("a key more");
    assert_eq!(other_holder.versions(), [ONE, TWO]);
    assert_eq!(header_of(&seal(&other_holder, &home)), Ok(header(ONE, Suite::Aes256Gcm)));
    let check = other_holder.check_value(TWO).expect("loaded");
    assert!(check.matches(crate::check_value(&two_keys(), TWO).expect("there").as_bytes()));

    vault.activate(TWO).expect("loaded");
    let new = seal(&other_holder, &home);
    assert_eq!((other_holder.active(), other_holder.suite()), (TWO, Suite::Aes256Gcm));
    assert_eq!(header_of(&new), Ok(header(TWO, Suite::Aes256Gcm)));
    assert!(opens(&other_holder, &home, &old) && opens(&other_holder, &home, &new));

    vault.install(only_the_second(), TWO, Suite::Fernet).expect("a whole ring");
    assert_eq!(other_holder.versions(), [TWO]);
    assert_eq!(header_of(&seal(&other_holder, &home)), Ok(header(TWO, Suite::Fernet)));
    assert!(opens(&other_holder, &home, &new));
    let retired = other_holder.open(&old, &home.place()).err();
    assert_eq!(retired, Some(OpenError::MissingKey(MissingKey { version: ONE })));
}

#[test]
fn a_cached_key_opens_what_is_of_its_version_and_nothing_is_sealed_with_it_any_more() {
    let home = Home::new(1);
    let vault = vault(1, Suite::Aes256Gcm);
    let cached = vault.workspace_key(ONE, home.workspace, &home.salt).expect("loaded");
    let old = seal(&vault, &home);

    vault.install(two_keys(), TWO, Suite::XSalsa20Poly1305).expect("a whole ring");

    let new = seal(&vault, &home);
    let opened = vault.open_with(&cached, &old, &home.place()).expect("of its version");
    assert!(opened.matches(&value()));
    assert_eq!(header_of(&new), Ok(header(TWO, Suite::XSalsa20Poly1305)));
    let refused = vault.open_with(&cached, &new, &home.place()).err();
    assert_eq!(refused, Some(OpenError::KeyOfOtherVersion { envelope: TWO, key: ONE }));
}

#[test]
fn a_ring_that_would_lose_or_change_a_key_in_use_is_refused_and_the_old_one_stays() {
    let vault = vault(1, Suite::Aes256Gcm);
    let missing = |version| Err(RingError::MissingKey(MissingKey { version }));
    let other = |version| Err(RingError::Keys(WeakOrBadKey::OtherKey(version)));
    let twice = MasterKeys::parse(&one_key().to_file_text().replace("1:", "5:")).expect("a ring");
    let another = MasterKeys::generate(&Seeded::new(9));

    assert_eq!(vault.activate(TWO), missing(TWO));
    assert_eq!(vault.install(one_key(), TWO, Suite::Fernet), missing(TWO));
    assert_eq!(vault.install(another, ONE, Suite::Fernet), other(ONE));
    assert_eq!(vault.load(&MasterKeys::generate(&Seeded::new(9))), other(ONE));
    let same_key = WeakOrBadKey::SameKeyTwice(ONE, KeyVersion(5));
    assert_eq!(vault.load(&twice), Err(RingError::Keys(same_key)));
    assert_eq!((vault.active(), vault.suite()), (ONE, Suite::Aes256Gcm));
    assert_eq!(vault.versions(), [ONE]);

    vault.load(&two_keys()).expect("a key more");
    assert_eq!(vault.load(&two_other_keys()), other(TWO));
    assert_eq!(vault.install(two_other_keys(), ONE, Suite::Fernet), other(TWO));
    assert_eq!(vault.load(&two_keys()), Ok(()));
}

#[test]
fn what_is_resealed_is_of_the_active_version_and_suite_and_opens_in_its_place_alone() {
    let (home, elsewhere) = (Home::new(1), Home::new(2));
    for (from, to) in [(ONE, TWO), (TWO, ONE), (ONE, ONE), (TWO, TWO)] {
        for (old_suite, new_suite) in
            Suite::ALL.into_iter().flat_map(|one| Suite::ALL.map(|other| (one, other)))
        {
            let vault = vault_of(two_keys(), from, old_suite);
            let old = seal(&vault, &home);
            vault.install(two_keys(), to, new_suite).expect("a whole ring");

            let resealed = vault.reseal(&old, &home.place()).expect("opens");

            let is_current = (from, old_suite) == (to, new_suite);
            assert_eq!(resealed.is_none(), is_current);
            let Some(new) = resealed else { continue };
            assert_eq!(header_of(&new), Ok(header(to, new_suite)));
            assert!(opens(&vault, &home, &new) && opens(&vault, &home, &old));
            assert!(!opens(&vault, &elsewhere, &new));
            let replaced = Place { sealed_version: 2, ..home.place() };
            assert_eq!(vault.open(&new, &replaced).err(), Some(OpenError::Refused));
            assert_eq!(vault.reseal(&new, &home.place()), Ok(None));
        }
    }
}

#[test]
fn what_does_not_open_is_not_resealed() {
    let (home, elsewhere) = (Home::new(1), Home::new(2));
    let vault = vault(1, Suite::Aes256Gcm);
    let old = seal(&vault, &home);
    vault.install(two_keys(), TWO, Suite::Aes256Gcm).expect("a whole ring");
    let mut damaged = old.as_bytes().to_vec();
    *damaged.last_mut().expect("bytes") ^= 1;

    let refused = Err(ResealError::Open(OpenError::Refused));
    assert_eq!(vault.reseal(&old, &elsewhere.place()), refused);
    assert_eq!(vault.reseal(&Sealed::from_bytes(damaged), &home.place()), refused);
    let nothing = vault.reseal(&Sealed::from_bytes(Vec::new()), &home.place());
    assert!(matches!(nothing, Err(ResealError::Open(OpenError::NotAnEnvelope(_)))));
    vault.install(only_the_second(), TWO, Suite::Aes256Gcm).expect("a whole ring");
    let missing = OpenError::MissingKey(MissingKey { version: ONE });
    assert_eq!(vault.reseal(&old, &home.place()), Err(ResealError::Open(missing)));
}

#[test]
fn a_new_envelope_that_opens_to_something_else_or_not_at_all_is_not_proven() {
    let (home, elsewhere) = (Home::new(1), Home::new(2));
    let vault = vault(1, Suite::Fernet);
    let sealed = seal(&vault, &home);
    let proven = |value: &[u8], place: &Place<'_>| {
        let value = SecretValue::new(value.to_vec());
        vault.proven(&vault.ring(), sealed.clone(), &value, place)
    };

    assert_eq!(proven(b"a value", &home.place()), Ok(sealed.clone()));
    for other in [b"A value".as_slice(), b"a value ", b"a valu", b""] {
        assert_eq!(proven(other, &home.place()), Err(ResealError::Unproven));
    }
    assert_eq!(proven(b"a value", &elsewhere.place()), Err(ResealError::Unproven));
}

#[test]
fn sealing_and_opening_go_on_while_the_ring_is_exchanged_and_never_see_half_of_one() {
    const SEALS_MIN: usize = 200;
    const SEALS_MAX: usize = 10_000;
    let home = Home::new(1);
    let rings = [header(ONE, Suite::Aes256Gcm), header(TWO, Suite::Fernet)];
    let vault = vault_of(two_keys(), ONE, Suite::Aes256Gcm);

    std::thread::scope(|scope| {
        let work = || {
            let mut seen = [0; 2];
            // Until both rings were met: the exchange really happened in between.
            while seen.iter().sum::<usize>() < SEALS_MIN || seen.contains(&0) {
                assert!(seen.iter().sum::<usize>() < SEALS_MAX, "the ring was never exchanged");
                let sealed = seal(&vault, &home);
                let found = header_of(&sealed).expect("an envelope");
                let ring = rings.iter().position(|ring| *ring == found);
                seen[ring.expect("version and suite of one ring")] += 1;
                assert!(opens(&vault, &home, &sealed));
                if let Some(resealed) = vault.reseal(&sealed, &home.place()).expect("opens") {
                    assert!(rings.contains(&header_of(&resealed).expect("an envelope")));
                    assert!(opens(&vault, &home, &resealed));
                }
            }
        };
        let workers = [scope.spawn(work), scope.spawn(work)];
        for ring in rings.iter().cycle() {
            if workers.iter().all(|worker| worker.is_finished()) {
                break;
            }
            vault.install(two_keys(), ring.version, ring.suite).expect("a whole ring");
        }
    });
}

#[test]
fn the_suite_changes_under_those_who_seal_and_the_version_stays() {
    let home = Home::new(1);
    let vault = vault(1, Suite::Aes256Gcm);
    let old = seal(&vault, &home);

    vault.use_suite(Suite::XSalsa20Poly1305).expect("the keys are there");

    let new = vault.reseal(&old, &home.place()).expect("opens").expect("another suite");
    assert_eq!(header_of(&new), Ok(header(ONE, Suite::XSalsa20Poly1305)));
    assert!(opens(&vault, &home, &old) && opens(&vault, &home, &new));
}

#[test]
fn an_envelope_begins_with_the_prefix_of_its_header_and_with_no_other() {
    let home = Home::new(1);
    for suite in Suite::ALL {
        let sealed = seal(&vault(1, suite), &home);

        let prefix = header(ONE, suite).prefix();

        assert_eq!(sealed.as_bytes()[..prefix.len()], prefix);
        assert_eq!(EnvelopeHeader::of_prefix(&prefix), Some(header(ONE, suite)));
        for position in 0..prefix.len() {
            let mut other = prefix;
            other[position] ^= 0x80;
            assert_ne!(EnvelopeHeader::of_prefix(&other), Some(header(ONE, suite)), "{position}");
        }
        assert_eq!(EnvelopeHeader::of_prefix(&prefix[1..]), None);
    }
}
