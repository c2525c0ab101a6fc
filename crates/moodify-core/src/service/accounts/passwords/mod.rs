//! Password hashing on a bounded pool: Argon2id, and bcrypt for hashes that came from elsewhere.

mod argon2id;
mod bcrypt;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::Argon2;
use tokio::sync::Semaphore;

use crate::Error;
use crate::config::AccountsConfig;
use crate::model::{Password, PasswordHash};
use crate::service::Context;

use argon2id::Memory;

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
        let argon2 = argon2id::ours()?;
        let decoy = argon2id::hash(&argon2, &mut Memory::new(), &context.random::<32>(), &context.random())?;
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
        self.run(move |memory| argon2id::hash(&argon2, memory, password.expose().as_bytes(), &salt)).await?
    }

    /// Whether the password belongs to the hash. Takes as long when there is no hash.
    ///
    /// A hash of bcrypt's takes its own time, until the first log-in replaces it.
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

    /// Whether the hash is another one than [`Passwords::hash`] makes, and a weaker one.
    pub(super) fn is_outdated(&self, hash: &PasswordHash) -> bool {
        bcrypt::made(hash) || argon2id::is_weaker(hash, &self.argon2)
    }

    /// A hash that was made elsewhere, if passwords can be compared with it here.
    pub(super) fn made_elsewhere(text: &str) -> Option<PasswordHash> {
        bcrypt::read(text)
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

fn verify(memory: &mut Memory, password: &Password, hash: &PasswordHash) -> Result<bool, Error> {
    if bcrypt::made(hash) { bcrypt::verify(password, hash) } else { argon2id::verify(memory, password, hash) }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::phc;
    use argon2::{Algorithm, Params, PasswordVerifier, Version};
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
        assert!(lock(&passwords.spare).iter().all(|memory| memory.len() == argon2id::MEMORY_KIB as usize));
    }

    #[tokio::test]
    async fn what_memory_held_before_changes_no_hash() {
        let passwords = passwords(1);
        let other = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).unwrap());
        let small = argon2id::hash(&other, &mut Memory::new(), b"low water", &[7; 16]).unwrap();
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

    #[tokio::test]
    async fn hashes_of_bcrypt_verify_as_they_were_made() {
        let passwords = passwords(1);
        // Made by bcryptjs 2.4.3 and by Python's bcrypt 5.0.0; $2y$ is what PHP calls the latter.
        for known in [
            "$2a$04$0kyIHtXr4q18lDtJRXkqiewKEVDnoVr1vQCdwtTNG1JeWMDkEFx.a",
            "$2b$04$Wt1KPTYlaAwX9tSHRxqjI.mWSmSYKkxbghZOeYt.qiV99RyXZbsnq",
            "$2y$04$4syx1Tp4hCtxqcL5L7t.DOXoRiQeRSoU.HjvyCCllqLhvZvze1FUu",
        ] {
            let text = "low water at the pier \u{1F30A}";
            let known = PasswordHash::from_phc(known);
            assert!(passwords.verify(password(text), Some(known.clone())).await.unwrap(), "{known:?}");
            assert!(!passwords.verify(password("high water"), Some(known.clone())).await.unwrap());
            assert!(passwords.is_outdated(&known));
        }
        // No more than 72 bytes went into this one.
        let of_eighty = "$2a$04$9GMksZ0NuQpCt7FNjwBTIuT1WldNq6ERIzmhJGjokaPXK9HRrw8qe";
        for (length, verifies) in [(80, true), (72, true), (71, false)] {
            let hash = PasswordHash::from_phc(of_eighty);
            assert_eq!(passwords.verify(password(&"x".repeat(length)), Some(hash)).await.unwrap(), verifies);
        }
    }

    #[test]
    fn only_hashes_that_verify_here_are_taken_over() {
        let good = "$2a$04$0kyIHtXr4q18lDtJRXkqiewKEVDnoVr1vQCdwtTNG1JeWMDkEFx.a";
        assert_eq!(Passwords::made_elsewhere(good), Some(PasswordHash::from_phc(good)));
        let costly = good.replace("$04$", "$16$");
        let short = &good[..good.len() - 1];
        for text in ["", "low water at the pier", "$2b$10$", &costly, short, &good.replace("$2a$", "$1$")] {
            assert_eq!(Passwords::made_elsewhere(text), None);
        }
    }

    #[tokio::test]
    async fn what_is_no_hash_is_a_fault_and_verifies_nothing() {
        let passwords = passwords(1);
        for broken in
            ["", "low water", "$2b$10$", "$2b$31$AOdaRZCsTzj3l1tWGhwXWe5KJpZn9VMPuLXcFHJ.JMqdy0HDJSIU."]
        {
            let verified =
                passwords.verify(password("low water"), Some(PasswordHash::from_phc(broken))).await;
            assert!(verified.is_err(), "{broken}");
        }
    }

    #[tokio::test]
    async fn only_weaker_hashes_are_outdated() {
        let passwords = passwords(1);
        let ours = passwords.hash(password("low water")).await.unwrap();
        assert!(!passwords.is_outdated(&ours));
        let rest = "$CAgICAgICAgICAgICAgICA$UHtwAtFRPIolt0srH6d1vkt+43V7N5PiUkaMzXt11qo";
        for (work, outdated) in [
            ("$argon2id$v=19$m=64,t=2,p=1", true),
            ("$argon2id$v=19$m=19456,t=1,p=1", true),
            ("$argon2id$v=16$m=19456,t=2,p=1", true),
            ("$argon2i$v=19$m=19456,t=3,p=1", true),
            ("$argon2id$v=19$m=20000,t=3,p=1", false),
        ] {
            let hash = PasswordHash::from_phc(format!("{work}{rest}"));
            assert_eq!(passwords.is_outdated(&hash), outdated, "{work}");
        }
    }
}
