//! Randomness as an argument: keys, salts and ids all come from one named source.

/// A source of cryptographic randomness: the operating system's in the binary, a seeded one in tests.
pub trait Random: Send + Sync + 'static {
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator.
pub struct OsRandom;

impl Random for OsRandom {
    #[expect(clippy::panic, reason = "a process without randomness must not go on making keys")]
    #[expect(clippy::disallowed_methods, reason = "this is the source everybody else is given")]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            panic!("the operating system gives no randomness: {error}");
        }
    }
}
