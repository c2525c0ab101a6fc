//! Password hashing on a bounded pool.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::Semaphore;

use crate::Error;
use crate::config::AccountsConfig;
use crate::model::{Password, PasswordHash};
use crate::service::Context;

/// OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What a hash is computed in.
type Memory = Vec<Block>;

/// Hashes a few passwords at once; a few more wait; the rest are turned away, so that a flood
/// takes neither all memory nor all processors.
pub(super) struct Passwords {
    context: Context,
    argon2: Argon2<'static>,
    /// Verified in place of a hash that does not exist, so that it takes as long.
    decoy: PasswordHash,
    parallelism: usize,
    capacity: usize,
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
    /// Kept from one hash to the next, as many as ever run at once: allocated and freed by changing
    /// threads, blocks of this size fragment glibc's heap until it holds hundreds of them.
    spare: Arc<Mutex<Vec<Memory>>>,
}

/// How many passwords are being hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashingLoad {
    /// Right now.
    pub running: usize,
    /// As soon as there is room.
    pub waiting: usize,
}

impl Passwords {
    pub(super) fn new(context: Context, config: &AccountsConfig) -> Result<Self, Error> {
        let params =
            Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| Error::internal(e.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, &mut Memory::new(), &context.random::<32>(), &context.random())?;
        let parallelism = config.hash_parallelism.max(1);
        let capacity = parallelism + config.hash_queue;
        Ok(Self {
            context,
            argon2,
            decoy,
            parallelism,
            capacity,
            admitted: Arc::new(Semaphore::new(capacity)),
            running: Arc::new(Semaphore::new(parallelism)),
            spare: Arc::default(),
        })
    }

    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, Error> {
        let argon2 = self.argon2.clone();
        let salt = self.context.random();
        self.run(move |memory| hash(&argon2, memory, password.expose().as_bytes(), &salt)).await?
    }

    /// Whether the password belongs to the hash. Takes as long when there is no hash.
    pub(super) async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<bool, Error> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.clone());
        let matches = self.run(move |memory| verify(memory, &password, &hash)).await??;
        Ok(matches && known)
    }

    /// How much of the pool is in use.
    pub(super) fn load(&self) -> HashingLoad {
        let running = self.parallelism.saturating_sub(self.running.available_permits());
        let admitted = self.capacity.saturating_sub(self.admitted.available_permits());
        HashingLoad { running, waiting: admitted.saturating_sub(running) }
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let busy = || Error::Busy { retry_after: Duration::from_secs(1) };
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| busy())?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| busy())?;
        // The permits go into the task: when a request is dropped, its hash still runs to its end.
        let spare = Arc::clone(&self.spare);
        let task = tokio::task::spawn_blocking(move || {
            let mut memory = lock(&spare).pop().unwrap_or_default();
            let result = work(&mut memory);
            lock(&spare).push(memory);
            drop((running, admitted));
            result
        });
        task.await.map_err(Error::internal)
    }
}

fn lock(spare: &Mutex<Vec<Memory>>) -> std::sync::MutexGuard<'_, Vec<Memory>> {
    spare.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hash(
    argon2: &Argon2<'_>,
    memory: &mut Memory,
    password: &[u8],
    salt: &[u8; 16],
) -> Result<PasswordHash, Error> {
    let hash = phc::PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: argon2.params().try_into().map_err(failed)?,
        salt: Some(phc::Salt::new(salt).map_err(failed)?),
        hash: Some(output(argon2, memory, password, salt)?),
    };
    Ok(PasswordHash::from_phc(hash.to_string()))
}

/// With the parameters of the hash, which may be older than ours.
fn verify(memory: &mut Memory, password: &Password, hash: &PasswordHash) -> Result<bool, Error> {
    let hash = phc::PasswordHash::new(hash.as_phc()).map_err(failed)?;
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else { return Ok(false) };
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(failed)?;
    let version = hash.version.map(Version::try_from).transpose().map_err(failed)?.unwrap_or_default();
    let params = Params::try_from(&hash).map_err(failed)?;
    let argon2 = Argon2::new(algorithm, version, params);
    // Outputs compare in constant time.
    Ok(output(&argon2, memory, password.expose().as_bytes(), salt)? == *expected)
}

fn output(
    argon2: &Argon2<'_>,
    memory: &mut Memory,
    password: &[u8],
    salt: &[u8],
) -> Result<phc::Output, Error> {
    let blocks = argon2.params().block_count();
    if memory.len() < blocks {
        memory.resize(blocks, Block::default());
    }
    let len = argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    let mut bytes = [0; phc::Output::MAX_LENGTH];
    let bytes = bytes.get_mut(..len).ok_or_else(|| Error::internal("a password hash is too long"))?;
    argon2.hash_password_into_with_memory(password, salt, bytes, memory).map_err(failed)?;
    phc::Output::new(bytes).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier;
    use futures::future::join_all;

    use super::*;
    use crate::memory::{SystemClock, SystemRng};

    fn passwords(hash_parallelism: usize) -> Passwords {
        let context = Context::new(Arc::new(SystemClock), Arc::new(SystemRng));
        let config = AccountsConfig { hash_parallelism, ..AccountsConfig::default() };
        Passwords::new(context, &config).unwrap()
    }

    fn password(text: &str) -> Password {
        Password::given(text).unwrap()
    }

    #[tokio::test]
    async fn many_passwords_are_hashed_in_the_memory_of_few() {
        let passwords = passwords(2);
        let all = join_all((0..12).map(|n| passwords.hash(password(&format!("low water {n}"))))).await;
        assert!(all.iter().all(Result::is_ok));
        assert!((1..=2).contains(&lock(&passwords.spare).len()));
        assert!(lock(&passwords.spare).iter().all(|memory| memory.len() == MEMORY_KIB as usize));
    }

    #[tokio::test]
    async fn what_memory_held_before_changes_no_hash() {
        let passwords = passwords(1);
        let other = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).unwrap());
        let small = hash(&other, &mut Memory::new(), b"low water", &[7; 16]).unwrap();
        for known in [passwords.hash(password("low water")).await.unwrap(), small] {
            let phc = phc::PasswordHash::new(known.as_phc()).unwrap();
            assert!(
                Argon2::default().verify_password(b"low water", &phc).is_ok(),
                "as everybody computes it"
            );
            assert!(passwords.verify(password("low water"), Some(known.clone())).await.unwrap());
            assert!(!passwords.verify(password("high water"), Some(known)).await.unwrap());
        }
        assert!(!passwords.verify(password("low water"), None).await.unwrap());
    }
}
