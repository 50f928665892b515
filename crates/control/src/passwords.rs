//! Argon2id in a bounded pool: slow on purpose, and never slow for everybody else.

use std::sync::Arc;

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
        let decoy = hash(strength, b"nobody's password", &*random).unwrap_or_default();
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
    let mut salt = [0; SALT_BYTES];
    random.fill(&mut salt);
    let params = match strength {
        Strength::Production => Params::default(),
        Strength::Testing => Params::new(Params::MIN_M_COST, 1, 1, None).ok()?,
    };
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_with_salt(password, &salt).ok().map(|hash| hash.to_string())
}
