//! T2: a ciphertext pasted into another workspace, row, field, version, origin or instance does not open.

use std::collections::HashSet;
use std::sync::Arc;

use model::{KeyVersion, Origin, Sealed};

use super::{Home, Seeded, instance, origin, vault};
use crate::context::context;
use crate::{MasterKeys, OpenError, Place, SecretValue, Suite, Vault, WorkspaceKey, WorkspaceSalt};

const WORKSPACES: usize = 20;
const IDS: usize = 10;
const FIELDS: [&str; 3] = ["api_key", "api_key2", "url"];
const SEALED_VERSIONS: [u64; 3] = [1, 2, 256];

type Spot = [usize; 4];

fn spots() -> Vec<Spot> {
    let mut spots = Vec::new();
    for workspace in 0..WORKSPACES {
        for id in 0..IDS {
            for field in 0..FIELDS.len() {
                for version in 0..SEALED_VERSIONS.len() {
                    spots.push([workspace, id, field, version]);
                }
            }
        }
    }
    spots
}

fn place<'a>(
    homes: &'a [Home],
    ids: &'a [String],
    [workspace, id, field, version]: Spot,
) -> Place<'a> {
    Place {
        secret_id: &ids[id],
        field: FIELDS[field],
        sealed_version: SEALED_VERSIONS[version],
        ..homes[workspace].place()
    }
}

/// All 1800 x 1799 wrong pairs, in two steps that together leave none out. Opening each would be ten million
/// derivations; but what a pair is judged by is the workspace key and the context. So: (1) no two of the 1800
/// contexts are equal, exhaustively; (2) for every place and every suite the envelope is really tried in each of the
/// 32 places that differ in a single coordinate, and in a spread of 25 arbitrary others.
#[test]
fn no_envelope_opens_in_another_place() {
    let homes: Vec<Home> = (0..WORKSPACES as u64).map(Home::new).collect();
    let ids: Vec<String> = (0..IDS).map(|id| format!("pk_{id}")).collect();
    let spots = spots();
    assert_eq!(spots.len(), 1800);

    let contexts = spots.iter().map(|spot| context("ins", &place(&homes, &ids, *spot), &[0; 44]));
    assert_eq!(contexts.collect::<HashSet<_>>().len(), spots.len());

    for suite in Suite::ALL {
        let vault = vault(1, suite);
        let key = |home: &Home| vault.workspace_key(KeyVersion(1), home.workspace, &home.salt);
        let keys: Vec<WorkspaceKey> =
            homes.iter().map(|home| key(home).expect("in the ring")).collect();
        let (mut opened, mut refused) = (0, 0);
        for (index, here) in spots.iter().enumerate() {
            let value = SecretValue::new(format!("value of {here:?}").into_bytes());
            let sealed = vault.seal(&value, &place(&homes, &ids, *here)).expect("sealed");
            let neighbours = spots.iter().filter(|there| distance(here, there) == 1);
            let spread = (1..=25).map(|step| &spots[(index + step * 71) % spots.len()]);

            for there in neighbours.chain(spread).chain([here]) {
                let place = place(&homes, &ids, *there);
                match vault.open_with(&keys[there[0]], &sealed, &place) {
                    Ok(found) => {
                        assert_eq!((here, found.expose()), (there, value.expose()));
                        opened += 1;
                    }
                    Err(error) => {
                        assert_eq!(error, OpenError::Refused);
                        refused += 1;
                    }
                }
            }
        }
        assert_eq!((opened, refused), (1800, 1800 * (19 + 9 + 2 + 2 + 25)), "{suite}");
    }
}

fn distance(one: &Spot, other: &Spot) -> usize {
    one.iter().zip(other).filter(|(a, b)| a != b).count()
}

fn sealed_at(vault: &Vault, place: &Place<'_>) -> Sealed {
    vault.seal(&SecretValue::new(b"a value".to_vec()), place).expect("sealed")
}

#[test]
fn an_envelope_does_not_open_for_another_origin() {
    let home = Home::new(1);
    let elsewhere = [
        origin("https://api.openai.com.evil.example/v1"),
        origin("http://api.openai.com:443/v1"),
        origin("https://api.openai.com:8443/v1"),
        Origin::nowhere(),
    ];

    for suite in Suite::ALL {
        let vault = vault(1, suite);
        let sealed = sealed_at(&vault, &home.place());

        assert!(vault.open(&sealed, &home.place()).is_ok());
        for origin in &elsewhere {
            let place = Place { origin, ..home.place() };
            assert_eq!(vault.open(&sealed, &place).err(), Some(OpenError::Refused));
        }
    }
}

#[test]
fn an_envelope_does_not_open_in_another_instance_that_shares_the_master_key() {
    let home = Home::new(1);
    for suite in Suite::ALL {
        let keys = || MasterKeys::generate(&Seeded::new(1));
        let random = Arc::new(Seeded::new(2));
        let other = Vault::new(keys(), KeyVersion(1), suite, instance(2), random);

        let sealed = sealed_at(&vault(1, suite), &home.place());

        let refused = other.expect("in the ring").open(&sealed, &home.place());
        assert_eq!(refused.err(), Some(OpenError::Refused));
    }
}

#[test]
fn without_its_salt_and_its_master_key_an_envelope_stays_shut() {
    let home = Home::new(1);
    let salt = WorkspaceSalt::generate(&Seeded::new(3));
    for suite in Suite::ALL {
        let sealed = sealed_at(&vault(1, suite), &home.place());

        let shredded = Place { salt: &salt, ..home.place() };
        assert_eq!(vault(1, suite).open(&sealed, &shredded).err(), Some(OpenError::Refused));
        assert_eq!(vault(2, suite).open(&sealed, &home.place()).err(), Some(OpenError::Refused));
    }
}

#[test]
fn two_workspaces_that_share_a_salt_share_no_key() {
    let (home, other) = (Home::new(1), Home::new(2));
    for suite in Suite::ALL {
        let vault = vault(1, suite);
        let sealed = sealed_at(&vault, &home.place());
        let key = vault.workspace_key(KeyVersion(1), home.workspace, &home.salt);

        let place = Place { workspace: other.workspace, ..home.place() };
        assert_eq!(vault.open(&sealed, &place).err(), Some(OpenError::Refused));
        let with_the_right_key = vault.open_with(&key.expect("in the ring"), &sealed, &place);
        assert_eq!(with_the_right_key.err(), Some(OpenError::Refused));
    }
}
