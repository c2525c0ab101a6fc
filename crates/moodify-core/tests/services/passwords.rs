//! Passwords as they were hashed elsewhere, and how long a refusal takes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use moodify_core::config::LimitsConfig;
use moodify_core::memory::{FixedClock, SeededRng};
use moodify_core::model::{NewAccount, PasswordHash, Role, Timestamp};
use moodify_core::port::{Clock, UserStore};
use moodify_core::service::accounts::LogIn;
use moodify_core::{AuthFailure, Config, Error, Moodify};

use crate::world::{NoUploads, PASSWORD, World};

fn log_in(email: &str, password: &str) -> LogIn {
    let (email, password) = (email.to_owned(), password.to_owned());
    LogIn { email, password, role: Role::User, user_agent: None, from: None }
}

/// An account as an import brings it: made by bcryptjs 2.4.3, cost 4.
async fn imported(world: &World) -> NewAccount {
    let signed_in = world.sign_up("template@example.com").await;
    let mut account = signed_in.account;
    account.id = uuid::Uuid::from_u128(7).into();
    account.email = "ada@example.com".parse().unwrap();
    let hash = PasswordHash::from_phc("$2a$04$0kyIHtXr4q18lDtJRXkqiewKEVDnoVr1vQCdwtTNG1JeWMDkEFx.a");
    let caller = world.moodify.accounts().authenticate(&signed_in.access_token).await.unwrap();
    let mut session = world.store.session(caller.session_id).await.unwrap().unwrap();
    session.id = uuid::Uuid::from_u128(8).into();
    session.account_id = account.id;
    let new = NewAccount { account, password_hash: Some(hash), verification: None, identity: None };
    world.store.create_account(&new, &session, &[]).await.unwrap();
    new
}

const IMPORTED_PASSWORD: &str = "low water at the pier \u{1F30A}";

#[tokio::test]
async fn an_imported_hash_verifies_and_is_replaced_at_the_first_log_in() {
    let world = World::new();
    let new = imported(&world).await;
    let accounts = world.moodify.accounts();
    let stored = async || world.store.credentials_of(new.account.id).await.unwrap().unwrap();

    let wrong = accounts.log_in(log_in("ada@example.com", "high water at the pier")).await;
    assert!(matches!(wrong, Err(Error::Unauthenticated(AuthFailure::InvalidCredentials))));
    assert_eq!(stored().await.password_hash, new.password_hash, "a wrong password replaces nothing");

    accounts.log_in(log_in("ada@example.com", IMPORTED_PASSWORD)).await.unwrap();
    let hash = stored().await.password_hash.unwrap();
    assert!(hash.as_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_phc());

    accounts.log_in(log_in("ada@example.com", IMPORTED_PASSWORD)).await.unwrap();
    assert_eq!(stored().await.password_hash.unwrap(), hash, "a good one stays");
    assert!(accounts.log_in(log_in("ada@example.com", "high water at the pier")).await.is_err());
}

#[tokio::test]
async fn an_imported_password_can_be_changed() {
    let world = World::new();
    imported(&world).await;
    let accounts = world.moodify.accounts();
    let signed_in = accounts.log_in(log_in("ada@example.com", IMPORTED_PASSWORD)).await.unwrap();
    let caller = world.caller(&signed_in).await;
    accounts.change_password(&caller, IMPORTED_PASSWORD, PASSWORD).await.unwrap();
    accounts.log_in(log_in("ada@example.com", PASSWORD)).await.unwrap();
}

#[tokio::test]
async fn many_log_ins_at_once_all_succeed_while_the_hash_is_replaced() {
    let world = World::limited(LimitsConfig::OFF);
    imported(&world).await;
    let accounts = world.moodify.accounts();
    let all = (0..20).map(|_| accounts.log_in(log_in("ada@example.com", IMPORTED_PASSWORD)));
    for signed_in in futures::future::join_all(all).await {
        signed_in.unwrap();
    }
}

/// Hurries from one moment to the next, and remembers how long it was asked to wait.
#[derive(Default)]
struct Waits(Mutex<Vec<Duration>>);

#[async_trait]
impl Clock for Waits {
    fn now(&self) -> Timestamp {
        FixedClock::default().now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration);
    }
}

#[tokio::test]
async fn refusals_wait_for_the_same_moment_whatever_was_compared() {
    let template = World::limited(LimitsConfig::OFF);
    imported(&template).await;
    let waits = Arc::new(Waits::default());
    let mut config = Config::new("https://moodify.example".parse().unwrap());
    config.limits = LimitsConfig::OFF;
    let moodify = Moodify::builder(config)
        .store(template.store.clone())
        .clock(waits.clone())
        .rng(Arc::new(SeededRng::new(1)))
        .build(Arc::new(NoUploads))
        .unwrap();
    let accounts = moodify.accounts();
    let waited = || std::mem::take(&mut *waits.0.lock().unwrap());
    for (email, password, role) in [
        ("ada@example.com", "high water at the pier", Role::User),
        ("ada@example.com", IMPORTED_PASSWORD, Role::Artist),
        ("template@example.com", "high water at the pier", Role::User),
        ("nobody@example.com", "high water at the pier", Role::User),
        ("no address", "high water at the pier", Role::User),
        ("ada@example.com", "", Role::User),
    ] {
        let refused = accounts.log_in(LogIn { role, ..log_in(email, password) }).await;
        assert!(matches!(refused, Err(Error::Unauthenticated(AuthFailure::InvalidCredentials))), "{email}");
        assert_eq!(waited(), [Duration::from_millis(250)], "{email} {role:?}");
    }
    accounts.log_in(log_in("template@example.com", PASSWORD)).await.unwrap();
    assert_eq!(waited(), [], "who is let in need not wait");
}

/// The median of some log-ins that are refused, unknown address and wrong password in turn.
#[expect(clippy::disallowed_methods, reason = "this measures real time")]
async fn medians(world: &World) -> (Duration, Duration) {
    let (mut unknown, mut wrong) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        for (email, times) in [("nobody@example.com", &mut unknown), ("ada@example.com", &mut wrong)] {
            let started = std::time::Instant::now();
            let refused = world.moodify.accounts().log_in(log_in(email, "high water at the pier")).await;
            times.push(started.elapsed());
            assert!(
                matches!(refused, Err(Error::Unauthenticated(AuthFailure::InvalidCredentials))),
                "{refused:?}"
            );
        }
    }
    unknown.sort_unstable();
    wrong.sort_unstable();
    (unknown[7], wrong[7])
}

#[tokio::test]
async fn an_unknown_address_takes_as_long_as_a_wrong_password() {
    let world = World::limited(LimitsConfig::OFF);
    world.sign_up("ada@example.com").await;
    medians(&world).await;
    let mut seen = Vec::new();
    // A machine that is busy with other things gets a few chances.
    for _ in 0..8 {
        let (unknown, wrong) = medians(&world).await;
        let ratio = unknown.as_secs_f64() / wrong.as_secs_f64();
        if (0.9..=1.1).contains(&ratio) {
            return;
        }
        seen.push(ratio);
    }
    panic!("more than a tenth apart: {seen:?}");
}
