//! The hand-set clock and randomness.

use std::time::Duration;

use model::clock::{Clock, Timestamp};
use model::random::Random;
use testkit::clock::ManualClock;
use testkit::random::SeededRandom;

#[test]
fn a_manual_clock_moves_only_when_told() {
    let clock = ManualClock::at(1_000);
    let same = clock.clone();
    assert_eq!(clock.now(), Timestamp::from_unix_ms(1_000));

    clock.advance(Duration::from_secs(2));
    assert_eq!(same.now(), Timestamp::from_unix_ms(3_000));

    same.set(5);
    assert_eq!(clock.now(), Timestamp::from_unix_ms(5));
}

#[test]
fn a_seed_repeats_and_its_clones_do_not() {
    let drawn = |random: &SeededRandom| {
        let mut bytes = [0; 29];
        random.fill(&mut bytes);
        bytes
    };
    let random = SeededRandom::new(7);

    let (first, second) = (drawn(&random), drawn(&random.clone()));

    assert_ne!(first, second);
    assert_eq!(first, drawn(&SeededRandom::new(7)));
    assert_ne!(first, drawn(&SeededRandom::new(8)));
}

#[test]
fn the_generator_is_splitmix64() {
    // The first outputs for seed 1234567, from Vigna's reference implementation.
    let random = SeededRandom::new(1_234_567);

    assert_eq!(random.next(), 6_457_827_717_110_365_317);
    assert_eq!(random.next(), 3_203_168_211_198_807_973);
}

const SKIP: (&str, &str) = ("KEYSTILE_TEST_SKIP", "1");

#[test]
fn a_skip_says_so_and_fails_in_ci() {
    let run = |ci: &str| {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "values::skips_when_told", "--nocapture"])
            .env(SKIP.0, SKIP.1)
            .env("CI", ci)
            .output()
            .unwrap()
    };

    let (laptop, ci) = (run("false"), run("true"));

    assert!(laptop.status.success(), "{laptop:?}");
    assert!(String::from_utf8_lossy(&laptop.stderr).contains("skipped: no such service"));
    assert!(!ci.status.success(), "{ci:?}");
    assert!(String::from_utf8_lossy(&ci.stderr).contains("a skip is a failure in CI"));
}

/// The other half of the test above; does nothing when run by itself.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how the test above tells this process that it is its child"
)]
fn skips_when_told() {
    if std::env::var(SKIP.0).as_deref() == Ok(SKIP.1) {
        testkit::skip::skipped("no such service");
    }
}
