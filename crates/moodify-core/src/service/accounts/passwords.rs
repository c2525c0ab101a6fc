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

/// Hashes a few passwords at once; a few more wait; the rest are turned away, so that a flood
/// takes neither all memory nor all processors.
pub(super) struct Passwords {
    context: Context,
    params: Params,
    memory: Memory,
    /// Verified in place of a hash that does not exist, so that it takes as long.
    decoy: PasswordHash,
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new(context: Context, config: &AccountsConfig) -> Result<Self, Error> {
        let params =
            Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| Error::internal(e.to_string()))?;
        let decoy = hash(&Memory::default(), &params, &context.random::<32>(), &context.random())?;
        let parallelism = config.hash_parallelism.max(1);
        Ok(Self {
            context,
            params,
            memory: Memory::default(),
            decoy,
            admitted: Arc::new(Semaphore::new(parallelism + config.hash_queue)),
            running: Arc::new(Semaphore::new(parallelism)),
        })
    }

    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, Error> {
        let (memory, params) = (self.memory.clone(), self.params.clone());
        let salt = self.context.random();
        self.run(move || hash(&memory, &params, password.expose().as_bytes(), &salt)).await?
    }

    /// Whether the password belongs to the hash. Takes as long when there is no hash.
    pub(super) async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<bool, Error> {
        let memory = self.memory.clone();
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.clone());
        let matches = self.run(move || verify(&memory, &password, &hash)).await??;
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

/// What hashes work in, kept for the next one. An allocator would keep it too, but once for every
/// thread that has ever hashed: a flood would take hundreds of megabytes for good.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<Vec<Block>>>>);

impl Memory {
    /// Fills `output` with the hash. There are never more blocks than hashes at once.
    fn fill(
        &self,
        argon2: &Argon2<'_>,
        password: &[u8],
        salt: &[u8],
        output: &mut [u8],
    ) -> argon2::Result<()> {
        let mut blocks = self.idle().pop().unwrap_or_default();
        let needed = argon2.params().block_count();
        if blocks.len() < needed {
            blocks.resize(needed, Block::default());
        }
        let done = argon2.hash_password_into_with_memory(password, salt, output, blocks.as_mut_slice());
        self.idle().push(blocks);
        done
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(memory: &Memory, params: &Params, password: &[u8], salt: &[u8; 16]) -> Result<PasswordHash, Error> {
    let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
    let argon2 = Argon2::new(algorithm, version, params.clone());
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    memory.fill(&argon2, password, salt, &mut output).map_err(broken)?;
    let hash = phc::PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params: phc::ParamsString::try_from(params).map_err(broken)?,
        salt: Some(phc::Salt::new(salt).map_err(broken)?),
        hash: Some(phc::Output::new(&output).map_err(broken)?),
    };
    Ok(PasswordHash::from_phc(hash.to_string()))
}

fn verify(memory: &Memory, password: &Password, hash: &PasswordHash) -> Result<bool, Error> {
    let hash = phc::PasswordHash::new(hash.as_phc()).map_err(broken)?;
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else { return Ok(false) };
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(broken)?;
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from).map_err(broken)?;
    let argon2 = Argon2::new(algorithm, version, Params::try_from(&hash).map_err(broken)?);
    let mut output = [0; phc::Output::MAX_LENGTH];
    let output = &mut output[..expected.len()];
    memory.fill(&argon2, password.expose().as_bytes(), salt, output).map_err(broken)?;
    // Outputs compare in constant time.
    Ok(phc::Output::new(output).map_err(broken)? == *expected)
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::{PasswordHasher, PasswordVerifier};

    fn password(text: &str) -> Password {
        Password::given(text).unwrap()
    }

    #[test]
    fn hashes_are_those_of_the_library_and_memory_is_used_again() {
        let memory = Memory::default();
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap();
        let ours = hash(&memory, &params, b"low water at the pier", &[7; 16]).unwrap();
        let theirs = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_with_salt(b"low water at the pier", &[7; 16])
            .unwrap();
        assert_eq!(ours.as_phc(), theirs.to_string());
        assert!(Argon2::default().verify_password(b"low water at the pier", &theirs).is_ok());

        for (text, right) in [("low water at the pier", true), ("low water at the peer", false)] {
            assert_eq!(verify(&memory, &password(text), &ours).unwrap(), right, "{text}");
        }
        // Less memory, another output: an account from elsewhere.
        let small = Argon2::new(Algorithm::Argon2i, Version::V0x10, Params::new(64, 3, 2, Some(48)).unwrap());
        let small = small.hash_password_with_salt(b"low water at the pier", &[9; 16]).unwrap();
        let small = PasswordHash::from_phc(small.to_string());
        assert!(verify(&memory, &password("low water at the pier"), &small).unwrap());
        assert!(!verify(&memory, &password("another one"), &small).unwrap());
        assert_eq!(memory.idle().len(), 1);
    }
}
