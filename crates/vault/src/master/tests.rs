//! What makes a ring, what is refused, and that no refusal repeats what it was given.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use model::KeyVersion;
use proptest::prelude::*;

use super::{MasterKeys, WeakOrBadKey};
use crate::key32::Key32;
use crate::tests::Seeded;

fn strong(seed: u64) -> [u8; 32] {
    *Key32::generate(&Seeded::new(seed)).bytes()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parsed(text: &str) -> Vec<(u32, [u8; 32])> {
    let keys = MasterKeys::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    keys.keys.iter().map(|(version, key)| (version.0, *key.bytes())).collect()
}

#[test]
fn one_key_in_any_spelling_is_version_one() {
    for seed in 0..20 {
        let key = strong(seed);
        for text in [
            hex(&key),
            hex(&key).to_uppercase(),
            STANDARD.encode(key),
            STANDARD_NO_PAD.encode(key),
            URL_SAFE.encode(key),
            URL_SAFE_NO_PAD.encode(key),
            format!("  {}\r\n\n", STANDARD.encode(key)),
            format!("1:{}", hex(&key)),
        ] {
            assert_eq!(parsed(&text), [(1, key)]);
        }
    }
}

#[test]
fn several_keys_carry_their_versions_in_any_order() {
    let [old, new] = [strong(1), strong(2)];
    let (old_text, new_text) = (hex(&old), URL_SAFE.encode(new));

    for text in [
        format!("2:{new_text},1:{old_text}"),
        format!("1:{old_text}, 2:{new_text},"),
        format!("\n2: {new_text}\r\n\n1 :{old_text}\n"),
    ] {
        assert_eq!(parsed(&text), [(1, old), (2, new)]);
    }
    let keys = MasterKeys::parse(&format!("7:{old_text},4:{new_text}")).expect("valid");
    assert_eq!(keys.newest(), KeyVersion(7));
    assert_eq!(keys.versions().collect::<Vec<_>>(), [KeyVersion(4), KeyVersion(7)]);
    assert!(keys.has(KeyVersion(4)) && !keys.has(KeyVersion(5)));
}

#[test]
fn a_generated_ring_survives_its_file_and_grows() {
    let mut keys = MasterKeys::generate(&Seeded::new(1));
    assert_eq!(parsed(&keys.to_file_text()), [(1, strong(1))]);

    let version = keys.add_generated(&Seeded::new(2));

    assert_eq!((version, keys.newest()), (Ok(KeyVersion(2)), KeyVersion(2)));
    assert_eq!(parsed(&keys.to_file_text()), [(1, strong(1)), (2, strong(2))]);
    assert!(keys.to_file_text().starts_with("2:"));
}

#[test]
fn the_file_text_is_allocated_once() {
    let mut keys = MasterKeys::parse(&format!("4294967200:{}", hex(&strong(1)))).expect("valid");
    keys.add_generated(&Seeded::new(2)).expect("room for one more");

    let text = keys.to_file_text();

    assert_eq!(text.capacity(), 2 * super::LINE_BYTES_MAX);
    assert!(text.len() <= text.capacity());
}

#[test]
fn no_ring_grows_beyond_what_its_file_may_hold() {
    let mut keys = MasterKeys::generate(&Seeded::new(1));
    for seed in 2..=64 {
        keys.add_generated(&Seeded::new(seed)).expect("room");
    }
    assert_eq!(keys.add_generated(&Seeded::new(65)), Err(WeakOrBadKey::TooMany));
    assert_eq!(keys.newest(), KeyVersion(64));
    assert_eq!(parsed(&keys.to_file_text()).len(), 64);

    let last = format!("4294967295:{}", hex(&strong(1)));
    let mut keys = MasterKeys::parse(&last).expect("valid");
    assert_eq!(keys.add_generated(&Seeded::new(2)), Err(WeakOrBadKey::NoNextVersion));
    assert_eq!(parsed(&keys.to_file_text()), [(4_294_967_295, strong(1))]);
    let more = many(1..=64);
    assert_eq!(keys.merged(&more).err(), Some(WeakOrBadKey::TooMany));
}

fn many(versions: std::ops::RangeInclusive<u32>) -> MasterKeys {
    let line = |version: u32| format!("{version}:{}", hex(&strong(u64::from(version) + 100)));
    MasterKeys::parse(&versions.map(line).collect::<Vec<_>>().join("\n")).expect("valid")
}

#[test]
fn two_rings_become_one_that_shares_their_keys() {
    let (old, new) = (many(1..=3), many(2..=5));

    let both = old.merged(&new).expect("they agree");

    assert_eq!(both.versions().map(|version| version.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(both.newest(), KeyVersion(5));
    let address = |keys: &MasterKeys, version| keys.keys[&KeyVersion(version)].bytes().as_ptr();
    assert_eq!(address(&both, 1), address(&old, 1));
    assert_eq!(address(&both, 5), address(&new, 5));

    let other = MasterKeys::parse(&format!("3:{}", hex(&strong(1)))).expect("valid");
    assert_eq!(old.merged(&other).err(), Some(WeakOrBadKey::OtherKey(KeyVersion(3))));
    let same = MasterKeys::parse(&format!("9:{}", hex(&strong(101)))).expect("valid");
    let twice = WeakOrBadKey::SameKeyTwice(KeyVersion(1), KeyVersion(9));
    assert_eq!(old.merged(&same).err(), Some(twice));
}

/// T4: these are what people really put there.
fn bad_texts() -> Vec<String> {
    let (one, two) = (hex(&strong(1)), hex(&strong(2)));
    let ascending: [u8; 32] = std::array::from_fn(|index| index as u8);
    let descending: [u8; 32] = std::array::from_fn(|index| 200 - index as u8);
    let strides: [u8; 32] = std::array::from_fn(|index| (index * 7) as u8);
    let halves: [u8; 32] = std::array::from_fn(|index| strong(1)[index % 16]);
    let few: [u8; 32] = std::array::from_fn(|index| strong(1)[index % 15]);
    let many: Vec<String> =
        (1..=65).map(|version| format!("{version}:{}", hex(&strong(version)))).collect();
    vec![
        String::new(),
        " \n\r\n,, \n".to_owned(),
        "changeme".to_owned(),
        "replace-me-please".to_owned(),
        "correct horse battery staple".to_owned(),
        "\u{1f511}".repeat(16),
        hex(&[0; 32]),
        hex(&[0xff; 32]),
        STANDARD.encode([0; 32]),
        hex(&ascending),
        STANDARD.encode(ascending),
        hex(&descending),
        hex(&strides),
        hex(&halves),
        hex(&few),
        "0123456789abcdef".repeat(4),
        hex(b"this is 32 bytes of a passphrase"),
        STANDARD.encode(b"this is 32 bytes of a passphrase"),
        URL_SAFE.encode(b"ThisIsThirtyTwoBytesOfPassphrase"),
        "correcthorsebatterystaplecorrecthorsebatter".to_owned(),
        "CORRECTHORSEBATTERYSTAPLECORRECTHORSEBATTEQ".to_owned(),
        hex(&strong(1)[..16]),
        hex(&strong(1)[..31]),
        hex(&[strong(1), strong(2)].concat()),
        STANDARD.encode(&strong(1)[..24]),
        STANDARD.encode([strong(1), strong(2)].concat()),
        format!("{one}0"),
        format!("0x{one}"),
        format!("\"{one}\""),
        format!("{one}={one}"),
        format!("{one},{two}"),
        format!("{one}\n2:{two}"),
        format!("1:{one},1:{two}"),
        format!("1:{one},2:{one}"),
        format!("0:{one}"),
        format!("01:{one}"),
        format!("+1:{one}"),
        format!("-1:{one}"),
        format!("v1:{one}"),
        format!("4294967296:{one}"),
        format!(":{one}"),
        "1:".to_owned(),
        format!("1:2:{one}"),
        format!("1:{one} 2:{two}"),
        many.join(","),
        "A".repeat(100_000),
    ]
}

#[test]
fn bad_keys_are_refused_and_no_message_repeats_them() {
    for text in bad_texts() {
        let error = MasterKeys::parse(&text).err().unwrap_or_else(|| panic!("accepted: {text:?}"));

        let message = format!("{error} {error:?}");
        for window in text.as_bytes().windows(6).filter(|window| window.is_ascii()) {
            let window = str::from_utf8(window).expect("ASCII");
            assert!(!message.contains(window), "{message:?} repeats {window:?}");
        }
    }
}

#[test]
fn refusals_say_which_key_and_what_to_do() {
    let short = MasterKeys::parse(&format!("1:{},2:AAAA", hex(&strong(1))));
    let wanted = "master key 2 has 3 bytes, not 32: make one with `openssl rand -base64 32`";
    assert_eq!(short.err().map(|error| error.to_string()).as_deref(), Some(wanted));

    let weak = MasterKeys::parse(&hex(&[9; 32])).err();
    assert!(matches!(weak, Some(WeakOrBadKey::Weak { version: KeyVersion(1), .. })));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[0-9a-fA-F:,\n=_+/ -]{0,140}|.{0,80}") {
        let _refused_or_not = MasterKeys::parse(&text).is_ok();
    }

    #[test]
    fn random_keys_are_strong(seed in any::<u32>()) {
        let key = strong(seed.into());
        prop_assert_eq!(parsed(&STANDARD.encode(key)), [(1, key)]);
        prop_assert_eq!(parsed(&hex(&key)), [(1, key)]);
    }
}
