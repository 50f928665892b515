//! What a link and a head cover: every byte, its place, and what came before.

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::ChainKey;
use crate::SecretValue;
use crate::tests::golden::golden;

fn key(seed: u8) -> ChainKey {
    ChainKey::from_secret(&SecretValue::new(vec![seed; 32])).expect("32 bytes")
}

#[test]
fn links_and_heads_are_those_of_another_implementation() {
    let secret = SecretValue::new(Sha256::digest(b"the audit chain's secret").to_vec());
    let key = ChainKey::from_secret(&secret).expect("32 bytes");

    let first = key.link(b"", &[b"first", b"", b"\0"]);
    let second = key.link(&first, &[b"second"]);
    let head = key.head(b"ws_1", 2, &second);

    assert!(ChainKey::matches(&first, &golden("link-1")));
    assert!(ChainKey::matches(&second, &golden("link-2")));
    assert!(ChainKey::matches(&head, &golden("head")));
}

#[test]
fn a_link_matches_itself_alone() {
    let link = key(1).link(b"before", &[b"row"]);

    assert!(ChainKey::matches(&link, &link));
    for bit in 0..256 {
        let mut changed = link;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!ChainKey::matches(&link, &changed));
    }
    assert!(!ChainKey::matches(&link, &link[..31]) && !ChainKey::matches(&link, b""));
    assert!(!ChainKey::matches(&link, &[link.as_slice(), &[0]].concat()));
    assert!(link != key(2).link(b"before", &[b"row"]) && link != key(1).link(b"", &[b"row"]));
}

#[test]
fn a_head_is_of_one_chain_position_and_link_and_is_no_link() {
    let key = key(1);
    let head = key.head(b"ws_1", 7, b"mac");

    for other in [
        key.head(b"ws_2", 7, b"mac"),
        key.head(b"ws_1", 8, b"mac"),
        key.head(b"ws_1", 7, b"cam"),
        key.head(b"ws_", 7, b"mac"),
        // The same bytes in the same order.
        key.link(b"ws_1", &[b"\0\0\0\0\0\0\0\x07", b"mac"]),
        super::tests::key(2).head(b"ws_1", 7, b"mac"),
    ] {
        assert!(!ChainKey::matches(&head, &other));
    }
    let spelled_out = [b"\0\0\0\x04ws_1".as_slice(), b"\0\0\0\0\0\0\0\x07", b"\0\0\0\x03mac"];
    let mut as_a_link = hmac::Hmac::clone(&key.links);
    hmac::Mac::update(&mut as_a_link, &spelled_out.concat());
    let as_a_link: [u8; 32] = hmac::Mac::finalize(as_a_link).into_bytes().into();
    assert!(!ChainKey::matches(&head, &as_a_link));
}

#[test]
fn a_secret_has_32_bytes() {
    for length in [0, 16, 31, 33, 64] {
        assert!(ChainKey::from_secret(&SecretValue::new(vec![7; length])).is_none());
    }
}

proptest! {
    #[test]
    fn nothing_moves_from_one_part_into_the_next(
        one in ("[a\0]{0,5}", proptest::collection::vec("[a\0]{0,5}", 0..4)),
        other in ("[a\0]{0,5}", proptest::collection::vec("[a\0]{0,5}", 0..4)),
    ) {
        let key = key(1);
        let link = |(previous, row): &(String, Vec<String>)| {
            let row: Vec<&[u8]> = row.iter().map(String::as_bytes).collect();
            key.link(previous.as_bytes(), &row)
        };

        prop_assert_eq!(link(&one) == link(&other), one == other);
    }
}
