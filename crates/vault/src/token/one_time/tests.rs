//! One-time tokens: their form, and that no token stands in for another kind.

use super::{OneTimePurpose, OneTimeToken};
use crate::SecretValue;
use crate::tests::Seeded;
use crate::token::{GatewayToken, Pepper};

const PURPOSES: [(OneTimePurpose, &str); 2] =
    [(OneTimePurpose::Invitation, "inv_"), (OneTimePurpose::Upload, "up_")];

fn pepper(seed: u64) -> Pepper {
    Pepper::from_secret(&SecretValue::generate(&Seeded::new(seed))).expect("32 bytes")
}

#[test]
fn a_token_has_its_form_and_parses_for_its_purpose_alone() {
    for (purpose, prefix) in PURPOSES {
        for seed in 0..100 {
            let token = OneTimeToken::generate(purpose, &Seeded::new(seed));
            let text = token.expose();

            assert!(text.starts_with(prefix));
            assert_eq!((text.len(), token.0.capacity()), (prefix.len() + 43, prefix.len() + 43));
            let parsed = OneTimeToken::parse(purpose, text).expect("its own text");
            assert!(parsed.hash(&pepper(1)) == token.hash(&pepper(1)));
            let others = PURPOSES.into_iter().filter(|(other, _)| *other != purpose);
            assert!(others.map(|(other, _)| OneTimeToken::parse(other, text)).all(|o| o.is_none()));
            assert!(GatewayToken::parse(text).is_none());
        }
    }
}

#[test]
fn what_has_not_the_form_is_refused() {
    let purpose = OneTimePurpose::Invitation;
    let token = OneTimeToken::generate(purpose, &Seeded::new(1));
    let good = token.expose();
    for bad in [
        String::new(),
        "inv_".to_owned(),
        good.split_at(46).0.to_owned(),
        format!("{good}0"),
        format!(" {good}"),
        format!("{good}\n"),
        good.replace("inv_", ""),
        good.replace("inv_", "INV_"),
        format!("inv_{}", "é".repeat(21)) + "0",
        format!("inv_{}", "%".repeat(43)),
        format!("inv_inv_{}", "0".repeat(39)),
        GatewayToken::generate(&Seeded::new(1)).expose().to_owned(),
    ] {
        assert!(OneTimeToken::parse(purpose, &bad).is_none(), "{bad:?}");
    }
}

#[test]
fn a_hash_depends_on_the_token_its_purpose_and_the_pepper_and_is_no_gateway_keys() {
    let hash = |purpose, seed, salt| {
        OneTimeToken::generate(purpose, &Seeded::new(seed)).hash(&pepper(salt)).to_string()
    };
    let hashes = [
        hash(OneTimePurpose::Invitation, 1, 1),
        hash(OneTimePurpose::Invitation, 2, 1),
        hash(OneTimePurpose::Invitation, 1, 2),
        hash(OneTimePurpose::Upload, 1, 1),
    ];
    assert_eq!(hashes.iter().collect::<std::collections::HashSet<_>>().len(), 4);

    // Even if one had the text of the other.
    let gateway = GatewayToken::generate(&Seeded::new(1));
    let disguised = OneTimeToken(zeroize::Zeroizing::new(gateway.expose().to_owned()));
    assert!(disguised.hash(&pepper(1)) != gateway.hash(&pepper(1)));
}
