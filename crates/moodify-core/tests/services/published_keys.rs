//! A process that has no private key verifies by those that the auth service publishes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use moodify_core::memory::{FixedClock, MemoryStore, SeededRng};
use moodify_core::model::{KeyPurpose, Timestamp};
use moodify_core::port::{
    Clock, KeyStore, PublishedKey, PublishedKeys, PublishedKeysError, Rng, Unavailable,
};
use moodify_core::service::{Accounts, KeyRing};
use moodify_core::{AuthFailure, Config, Error, Moodify};

use crate::world::{NoUploads, World, refresh_token};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// The auth service, as another process reaches it.
struct Auth {
    accounts: Accounts,
    is_down: AtomicBool,
    asked: AtomicUsize,
}

#[async_trait]
impl PublishedKeys for Auth {
    async fn fetch(&self) -> Result<Vec<PublishedKey>, PublishedKeysError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Err(Unavailable::passing("connection refused").into());
        }
        let jwks = self.accounts.jwks().await.unwrap();
        let key = |kid: &str, x: &str| PublishedKey {
            id: kid.parse().unwrap(),
            public: URL_SAFE_NO_PAD.decode(x).unwrap().try_into().unwrap(),
        };
        Ok(jwks.keys.iter().map(|jwk| key(&jwk.kid, &jwk.x)).collect())
    }
}

impl Auth {
    fn of(world: &World) -> Arc<Self> {
        let accounts = world.moodify.accounts().clone();
        Arc::new(Self { accounts, is_down: AtomicBool::new(false), asked: AtomicUsize::new(0) })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn set_down(&self, down: bool) {
        self.is_down.store(down, Ordering::SeqCst);
    }
}

/// A process with a store of its own.
fn music(auth: &Arc<Auth>, clock: &Arc<FixedClock>) -> Moodify {
    Moodify::builder(Config::new("https://moodify.example".parse().unwrap()))
        .store(Arc::new(MemoryStore::new()))
        .published_keys(auth.clone())
        .clock(clock.clone())
        .rng(Arc::new(SeededRng::new(77)))
        .build(Arc::new(NoUploads))
        .unwrap()
}

/// Lets what goes on in the background come to its end: no part of it waits for time.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

fn is_unavailable<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::Unavailable(_)))
}

fn is_refused<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::Unauthenticated(AuthFailure::InvalidToken)))
}

/// A token with a good form, by a key that nobody has.
async fn forged(seed: u64) -> String {
    World::new().another(seed).sign_up("eve@example.com").await.access_token
}

#[tokio::test]
async fn tokens_verify_by_what_is_published_and_the_service_is_asked_once_a_minute() {
    let world = World::new();
    let auth = Auth::of(&world);
    let music = music(&auth, &world.clock);
    let ada = world.sign_up("ada@example.com").await;
    let caller = music.accounts().authenticate(&ada.access_token).await.unwrap();
    assert_eq!(caller, world.caller(&ada).await);
    for _ in 0..50 {
        music.accounts().authenticate(&ada.access_token).await.unwrap();
        world.clock.advance(SECOND);
        settle().await;
    }
    assert_eq!(auth.asked(), 1);
    world.clock.advance(20 * SECOND);
    for _ in 0..10 {
        music.accounts().authenticate(&ada.access_token).await.unwrap();
    }
    settle().await;
    assert_eq!(auth.asked(), 2, "in the background, and by one of them");
}

#[tokio::test]
async fn rotation_at_the_auth_service_refuses_nothing_that_is_good() {
    let world = World::new();
    let auth = Auth::of(&world);
    let verifying = [music(&auth, &world.clock), music(&auth, &world.clock)];
    let keys = KeyRing::new(world.store.clone(), world.context());
    let dice = SeededRng::new(3);
    let roll = |sides: u8| {
        let mut byte = [0];
        dice.fill(&mut byte);
        byte[0] % sides
    };
    let mut session = refresh_token(&world.sign_up("ada@example.com").await);
    let mut held: Vec<(String, Timestamp)> = Vec::new();
    for _ in 0..600 {
        world.clock.advance(Duration::from_secs(1 + u64::from(roll(23))));
        if roll(30) == 0 {
            keys.rotate(KeyPurpose::AccessToken).await.unwrap();
        }
        if roll(20) == 0 {
            world.moodify.accounts().remove_expired().await.unwrap();
        }
        // Now and then the auth service is away: whoever has a token goes on.
        auth.set_down(roll(5) == 0);
        let signed_in = world.moodify.accounts().refresh(&session).await.unwrap();
        session = refresh_token(&signed_in);
        let now = world.clock.now();
        held.retain(|(_, until)| *until > now);
        for process in &verifying {
            for (token, _) in &held {
                process.accounts().authenticate(token).await.unwrap();
            }
            settle().await;
        }
        // Seen by both once while the auth service answers; that of a key nobody has heard of needs it.
        auth.set_down(false);
        world.clock.advance(6 * SECOND);
        for process in &verifying {
            process.accounts().authenticate(&signed_in.access_token).await.unwrap();
        }
        held.push((signed_in.access_token, now + Duration::from_secs(600)));
    }
    assert!(keys.all(KeyPurpose::AccessToken).await.unwrap().len() > 1);
}

#[tokio::test]
async fn a_dead_auth_service_refuses_no_token_whose_key_is_known() {
    let world = World::new();
    let auth = Auth::of(&world);
    let music = music(&auth, &world.clock);
    let ada = world.sign_up("ada@example.com").await;
    music.accounts().authenticate(&ada.access_token).await.unwrap();
    auth.set_down(true);
    for _ in 0..9 {
        world.clock.advance(MINUTE);
        music.accounts().authenticate(&ada.access_token).await.unwrap();
        settle().await;
        music.accounts().can_authenticate().await.unwrap();
    }
    assert!(auth.asked() > 5, "it is asked again and again: {}", auth.asked());
    // It may be good: nobody here can tell.
    let unknown = music.accounts().authenticate(&forged(9).await).await;
    assert!(is_unavailable(&unknown), "{unknown:?}");

    auth.set_down(false);
    world.clock.advance(6 * SECOND);
    let unknown = music.accounts().authenticate(&forged(9).await).await;
    assert!(is_refused(&unknown), "{unknown:?}");
}

#[tokio::test]
async fn who_starts_before_the_auth_service_refuses_nobody_for_good() {
    let world = World::new();
    let auth = Auth::of(&world);
    auth.set_down(true);
    let music = music(&auth, &world.clock);
    let ada = world.sign_up("ada@example.com").await;
    assert!(is_unavailable(&music.accounts().can_authenticate().await));
    assert!(is_unavailable(&music.accounts().authenticate(&ada.access_token).await));
    assert_eq!(auth.asked(), 1, "not at once again");
    auth.set_down(false);
    world.clock.advance(6 * SECOND);
    music.accounts().authenticate(&ada.access_token).await.unwrap();
    music.accounts().can_authenticate().await.unwrap();
}

#[tokio::test]
async fn made_up_keys_cost_the_auth_service_one_question_in_five_seconds() {
    let world = World::new();
    let auth = Auth::of(&world);
    let music = music(&auth, &world.clock);
    let ada = world.sign_up("ada@example.com").await;
    music.accounts().authenticate(&ada.access_token).await.unwrap();
    for seed in 100..120 {
        let forged = forged(seed).await;
        assert!(is_refused(&music.accounts().authenticate(&forged).await));
        world.clock.advance(SECOND / 2);
    }
    assert!(auth.asked() <= 4, "{} in ten seconds", auth.asked());
    music.accounts().authenticate(&ada.access_token).await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_published_no_more_verifies_what_it_may_still_have_signed() {
    let world = World::new();
    let auth = Auth::of(&world);
    let music = music(&auth, &world.clock);
    let ada = world.sign_up("ada@example.com").await;
    music.accounts().authenticate(&ada.access_token).await.unwrap();
    // As after a backup was put back.
    for key in world.store.keys(KeyPurpose::AccessToken).await.unwrap() {
        world.store.remove_key(key.id).await.unwrap();
    }
    for _ in 0..9 {
        world.clock.advance(MINUTE);
        music.accounts().authenticate(&ada.access_token).await.unwrap();
        settle().await;
    }
    // With more than the leeway.
    world.clock.advance(MINUTE + 6 * SECOND);
    assert!(music.accounts().authenticate(&ada.access_token).await.is_err(), "it has expired");
    // It is forgotten: another token of that key would be unknown.
    world.clock.advance(MINUTE);
    music.accounts().can_authenticate().await.unwrap();
    settle().await;
    assert!(is_refused(&music.accounts().authenticate(&ada.access_token).await));
}

#[tokio::test]
async fn what_is_no_key_is_passed_over() {
    struct Odd;
    #[async_trait]
    impl PublishedKeys for Odd {
        async fn fetch(&self) -> Result<Vec<PublishedKey>, PublishedKeysError> {
            let id = "01890000-0000-7000-8000-000000000000".parse().unwrap();
            // No point of the curve has this y.
            Ok(vec![PublishedKey { id, public: [2; 32] }])
        }
    }
    let moodify = Moodify::builder(Config::new("https://moodify.example".parse().unwrap()))
        .published_keys(Arc::new(Odd))
        .build(Arc::new(NoUploads))
        .unwrap();
    let answer = moodify.accounts().can_authenticate().await;
    // Either it is none, or it verifies nothing.
    assert!(is_unavailable(&answer) || is_refused(&moodify.accounts().authenticate(&forged(5).await).await));
}
