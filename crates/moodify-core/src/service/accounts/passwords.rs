//! Password hashing on a bounded pool.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::Error;
use crate::config::AccountsConfig;
use crate::model::{Password, PasswordHash};
use crate::service::Context;

/// OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes a few passwords at once; a few more wait; the rest are turned away, so that a flood
/// takes neither all memory nor all processors.
pub(super) struct Passwords {
    context: Context,
    argon2: Argon2<'static>,
    /// Verified in place of a hash that does not exist, so that it takes as long.
    decoy: PasswordHash,
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new(context: Context, config: &AccountsConfig) -> Result<Self, Error> {
        let params =
            Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| Error::internal(e.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, &context.random::<32>(), &context.random())?;
        let parallelism = config.hash_parallelism.max(1);
        Ok(Self {
            context,
            argon2,
            decoy,
            admitted: Arc::new(Semaphore::new(parallelism + config.hash_queue)),
            running: Arc::new(Semaphore::new(parallelism)),
        })
    }

    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, Error> {
        let argon2 = self.argon2.clone();
        let salt = self.context.random();
        self.run(move || hash(&argon2, password.expose().as_bytes(), &salt)).await?
    }

    /// Whether the password belongs to the hash. Takes as long when there is no hash.
    pub(super) async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<bool, Error> {
        let argon2 = self.argon2.clone();
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.clone());
        let matches = self.run(move || verify(&argon2, &password, &hash)).await??;
        Ok(matches && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let busy = || Error::Busy { retry_after: Duration::from_secs(1) };
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| busy())?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| busy())?;
        // The permits go into the task: when a request is dropped, its hash still runs to its end.
        let task = tokio::task::spawn_blocking(move || {
            let result = work();
            drop((running, admitted));
            result
        });
        task.await.map_err(Error::internal)
    }
}

fn hash(argon2: &Argon2<'_>, password: &[u8], salt: &[u8; 16]) -> Result<PasswordHash, Error> {
    let hash: phc::PasswordHash =
        argon2.hash_password_with_salt(password, salt).map_err(|error| Error::internal(error.to_string()))?;
    Ok(PasswordHash::from_phc(hash.to_string()))
}

fn verify(argon2: &Argon2<'_>, password: &Password, hash: &PasswordHash) -> Result<bool, Error> {
    let hash = phc::PasswordHash::new(hash.as_phc()).map_err(|error| Error::internal(error.to_string()))?;
    Ok(argon2.verify_password(password.expose().as_bytes(), &hash).is_ok())
}
