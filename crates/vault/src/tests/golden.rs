//! Envelopes made by a second implementation (golden/envelopes.py): what is stored today opens for ever.

use std::sync::Arc;

use model::{KeyVersion, Sealed};
use sha2::{Digest, Sha256};

use super::{Seeded, origin};
use crate::{MasterKeys, Place, Suite, Vault, WorkspaceSalt, header_of};

const GOLDEN: &str = include_str!("golden/envelopes.txt");

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        panic!("an odd number of digits");
    };
    let byte = |pair| u8::from_str_radix(str::from_utf8(pair).expect("ASCII"), 16).expect("hex");
    pairs.iter().map(|pair| byte(pair)).collect()
}

pub(crate) fn golden(name: &str) -> Vec<u8> {
    let mut lines = GOLDEN.lines().filter_map(|line| line.split_once(' '));
    unhex(lines.find(|(first, _)| *first == name).expect(name).1)
}

#[test]
fn envelopes_of_another_implementation_open() {
    let master = Sha256::digest(b"the master key of the golden envelopes");
    let digits: String = master.iter().map(|byte| format!("{byte:02x}")).collect();
    let keys = MasterKeys::parse(&format!("7:{digits}")).expect("a strong key");
    let instance = "ins_0190000000007000800000000000000b".parse().expect("an id");
    let random = Arc::new(Seeded::new(1));
    let vault = Vault::new(keys, KeyVersion(7), Suite::Aes256Gcm, instance, random);
    let vault = vault.expect("in the ring");
    let salt = Sha256::digest(b"the salt of the golden workspace");
    let place = Place {
        workspace: "ws_0190000000007000800000000000000a".parse().expect("an id"),
        salt: &WorkspaceSalt::from_bytes(&salt).expect("32 bytes"),
        secret_id: "pk_0190000000007000800000000000000c",
        field: "api_key",
        sealed_version: 3,
        origin: &origin("https://api.openai.com/v1"),
    };

    for suite in Suite::ALL {
        let sealed = Sealed::from_bytes(golden(suite.as_str()));
        assert_eq!(header_of(&sealed).expect("an envelope").suite, suite);
        let key = vault.open_provider_key(&sealed, &place).expect("opens");
        assert_eq!(key.expose(), "sk-golden-0123456789abcdefghijklmnopqrstuvwxyz");
    }
    let check = vault.check_value(KeyVersion(7)).expect("in the ring");
    assert!(check.matches(&golden("check")));
}
