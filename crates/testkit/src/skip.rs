//! How a test says that something it needs is not on this machine.

/// Says so and lets the caller return; in CI a skip is a failure, so there it panics.
pub fn skipped(reason: &str) {
    assert!(!in_ci(), "a skip is a failure in CI: set up what is missing ({reason})");
    eprintln!("skipped: {reason}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test helper has no configuration; CI=true is every CI's own convention"
)]
fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}
