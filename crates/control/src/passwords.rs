//! Argon2id in a bounded pool: slow on purpose, and never slow for everybody else.

use std::sync::Arc;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use model::{Code, Random, Refusal};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// What hashing costs: OWASP's first recommendation in production, next to nothing in tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    Production,
    Testing,
}

#[derive(Clone)]
pub struct Passwords {
    strength: Strength,
    /// Each hash takes a core for tens of milliseconds and 19 MiB.
    running: Arc<Semaphore>,
    /// Those and the ones that wait for them.
    admitted: Arc<Semaphore>,
    random: Arc<dyn Random>,
    /// Verified against when there is no such user, so that both answers take as long.
    decoy: Arc<str>,
}

const RUNNING_MAX: usize = 2;
const ADMITTED_MAX: usize = 32;
const SALT_BYTES: usize = 16;

impl Passwords {
    pub fn new(strength: Strength, random: Arc<dyn Random>) -> Self {
        let decoy = decoy(strength, &*random).unwrap_or_default();
        Self {
            strength,
            running: Arc::new(Semaphore::new(RUNNING_MAX)),
            admitted: Arc::new(Semaphore::new(ADMITTED_MAX)),
            random,
            decoy: decoy.into(),
        }
    }

    pub async fn hash(&self, password: &str) -> Result<String, Refusal> {
        let password = Zeroizing::new(password.to_owned());
        let random = Arc::clone(&self.random);
        let strength = self.strength;
        self.run(move || hash(strength, password.as_bytes(), &*random))
            .await?
            .ok_or_else(|| Refusal::internal("a password could not be hashed"))
    }

    /// `stored` is absent for an unknown user: the work is done all the same.
    pub async fn verify(&self, password: &str, stored: Option<String>) -> Result<bool, Refusal> {
        let password = Zeroizing::new(password.to_owned());
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.to_string());
        let matches = self
            .run(move || Argon2::default().verify_password(password.as_bytes(), &*stored).is_ok())
            .await?;
        Ok(matches && known)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let Ok(admitted) = Arc::clone(&self.admitted).try_acquire_owned() else {
            let public = "too many sign-ins at once, try again shortly";
            return Err(Refusal::new(Code::RateLimited, public).retry_after(1));
        };
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(Refusal::internal)?;
        // The work goes on when its caller goes away, so the places go with the work.
        let work = move || {
            let done = work();
            drop((admitted, running));
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(Refusal::internal)
    }
}

fn hash(strength: Strength, password: &[u8], random: &dyn Random) -> Option<String> {
    let hashed = argon2(strength)?.hash_password_with_salt(password, &salt(random)).ok()?;
    Some(hashed.to_string())
}

/// A hash of no password that anybody knows. It takes as long to verify as any other and, without one to start from, no
/// time to make.
fn decoy(strength: Strength, random: &dyn Random) -> Option<String> {
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    random.fill(&mut output);
    let decoy = PasswordHash {
        algorithm: ALGORITHM.ident(),
        version: Some(VERSION.into()),
        params: ParamsString::try_from(argon2(strength)?.params()).ok()?,
        salt: Some(Salt::new(&salt(random)).ok()?),
        hash: Some(Output::new(&output).ok()?),
    };
    Some(decoy.to_string())
}

const ALGORITHM: Algorithm = Algorithm::Argon2id;
const VERSION: Version = Version::V0x13;

fn argon2(strength: Strength) -> Option<Argon2<'static>> {
    let params = match strength {
        Strength::Production => Params::default(),
        Strength::Testing => Params::new(Params::MIN_M_COST, 1, 1, None).ok()?,
    };
    Some(Argon2::new(ALGORITHM, VERSION, params))
}

fn salt(random: &dyn Random) -> [u8; SALT_BYTES] {
    let mut salt = [0; SALT_BYTES];
    random.fill(&mut salt);
    salt
}

#[cfg(test)]
mod tests {
    use model::random::OsRandom;

    use super::*;

    #[test]
    fn the_decoy_is_as_much_work_as_a_password() {
        for strength in [Strength::Production, Strength::Testing] {
            let real = hash(strength, b"a password", &OsRandom).expect("a hash");
            let decoy = decoy(strength, &OsRandom).expect("a decoy");
            let real = PasswordHash::new(&real).expect("a hash");
            let read = PasswordHash::new(&decoy).expect("the form of a hash");

            assert_eq!((read.algorithm, read.version), (real.algorithm, real.version));
            assert_eq!(read.params, real.params);
            let lengths = |hash: &PasswordHash| {
                (hash.salt.expect("a salt").len(), hash.hash.expect("an output").len())
            };
            assert_eq!(lengths(&read), lengths(&real));
        }
    }

    #[tokio::test]
    async fn no_password_is_nobody_s() {
        let passwords = Passwords::new(Strength::Testing, Arc::new(OsRandom));

        let matches = passwords.verify("nobody's password", None).await.expect("room");

        assert!(!matches);
    }
}
