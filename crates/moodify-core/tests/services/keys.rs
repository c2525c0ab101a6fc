//! Keys rotate beneath several processes, and nothing that is good is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use moodify_core::memory::{FixedClock, MemoryStore, SeededRng};
use moodify_core::model::{KeyId, KeyPurpose, MediaKey, StoredKey, Timestamp};
use moodify_core::port::{Clock, KeyStore, KeyStoreError, MediaSigner, Rng, Unavailable};
use moodify_core::service::{Context, KeyLives, KeyRing, KeyState};
use moodify_core::{AuthFailure, Config, Error};

use crate::world::{World, refresh_token};

const MINUTE: Duration = Duration::from_secs(60);

fn lives() -> KeyLives {
    KeyLives::of(&Config::new("https://moodify.example".parse().unwrap()))
}

/// What somebody holds, and until when it is good.
struct Held<T> {
    what: T,
    until: Timestamp,
}

/// Everything that somebody holds in a deployment of several processes.
struct Deployment {
    processes: Vec<World>,
    dice: SeededRng,
    /// The newest refresh token of each session.
    sessions: Vec<String>,
    tokens: Vec<Held<String>>,
    urls: Vec<Held<String>>,
}

impl Deployment {
    async fn new() -> Self {
        let first = World::new();
        let processes: Vec<World> = (2..6).map(|seed| first.another(seed)).collect();
        let mut sessions = Vec::new();
        for name in ["ada", "bob", "eve"] {
            sessions.push(refresh_token(&first.sign_up(&format!("{name}@example.com")).await));
        }
        Self { processes, dice: SeededRng::new(99), sessions, tokens: Vec::new(), urls: Vec::new() }
    }

    fn roll(&self, sides: usize) -> usize {
        let mut bytes = [0; 8];
        self.dice.fill(&mut bytes);
        usize::try_from(u64::from_be_bytes(bytes) % u64::try_from(sides).unwrap()).unwrap()
    }

    fn any(&self) -> &World {
        &self.processes[self.roll(self.processes.len())]
    }

    fn now(&self) -> Timestamp {
        self.processes[0].clock.now()
    }

    /// A listener refreshes somewhere, or twice at once at two processes.
    async fn refresh(&mut self) {
        let session = self.roll(self.sessions.len());
        let (one, other) = (self.any().moodify.accounts(), self.any().moodify.accounts());
        let token = &self.sessions[session];
        let (one, other) = tokio::join!(one.refresh(token), other.refresh(token));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(refresh_token(&one), refresh_token(&other));
        let until = self.now() + Duration::from_secs(600);
        self.sessions[session] = refresh_token(&one);
        self.tokens.extend([one, other].map(|signed_in| Held { what: signed_in.access_token, until }));
    }

    async fn sign_url(&mut self) {
        let gate = self.any().moodify.media_gate().unwrap();
        let key = MediaKey::audio("01890000-0000-7000-8000-000000000000".parse().unwrap());
        let signed = gate.sign_get(&key, self.now(), 60 * MINUTE).await.unwrap();
        self.urls.push(Held { what: signed.url.to_string(), until: signed.expires_at });
    }

    /// Every process takes everything that is good.
    async fn verify_all(&mut self) {
        let now = self.now();
        self.tokens.retain(|held| held.until > now);
        self.urls.retain(|held| held.until > now);
        for process in &self.processes {
            for token in &self.tokens {
                process.moodify.accounts().authenticate(&token.what).await.unwrap();
            }
            for url in &self.urls {
                let url: url::Url = url.what.parse().unwrap();
                let query =
                    |name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
                let path = url.path().trim_start_matches("/media/");
                let gate = process.moodify.media_gate().unwrap();
                gate.verify(path, &query("expires"), &query("sig")).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn rotation_refuses_nothing_that_is_good() {
    let mut deployment = Deployment::new().await;
    let operator = deployment.processes[0].another(50);
    let keys = KeyRing::new(operator.store.clone(), operator.context());
    for step in 0..900 {
        // Three hours in steps of uneven length, so that caches age apart.
        let seconds = 1 + deployment.roll(23);
        operator.clock.advance(Duration::from_secs(u64::try_from(seconds).unwrap()));
        if deployment.roll(40) == 0 {
            keys.rotate(KeyPurpose::ALL[deployment.roll(3)]).await.unwrap();
        }
        if deployment.roll(30) == 0 {
            deployment.any().moodify.accounts().remove_expired().await.unwrap();
        }
        deployment.refresh().await;
        deployment.sign_url().await;
        if step % 10 == 0 {
            deployment.verify_all().await;
        }
    }
    let kept = operator.store.keys(KeyPurpose::AccessToken).await.unwrap();
    assert!(kept.len() < 8, "old keys go: {}", kept.len());
    assert!(keys.known(KeyPurpose::RefreshToken, &lives()).await.unwrap().len() > 1);
}

#[tokio::test]
async fn a_session_outlives_every_key_that_was_made_after_it() {
    let world = World::new();
    let keys = KeyRing::new(world.store.clone(), world.context());
    let mut old = refresh_token(&world.sign_up("ada@example.com").await);
    for _ in 0..17 {
        keys.rotate(KeyPurpose::RefreshToken).await.unwrap();
        world.clock.advance(5 * 24 * 60 * MINUTE);
        world.moodify.accounts().remove_expired().await.unwrap();
        old = refresh_token(&world.another(7).moodify.accounts().refresh(&old).await.unwrap());
    }
    // Ninety days after the second key began to sign, the first one is of no use to anybody.
    world.clock.advance(10 * 24 * 60 * MINUTE);
    let before = world.store.keys(KeyPurpose::RefreshToken).await.unwrap().len();
    world.moodify.accounts().remove_expired().await.unwrap();
    assert!(world.store.keys(KeyPurpose::RefreshToken).await.unwrap().len() < before);
    let refused = world.moodify.accounts().refresh(&old).await;
    assert!(matches!(refused, Err(Error::Unauthenticated(AuthFailure::InvalidToken))), "{refused:?}");
}

#[tokio::test]
async fn a_stolen_token_is_noticed_after_a_rotation_too() {
    let world = World::new();
    let keys = KeyRing::new(world.store.clone(), world.context());
    let stolen = refresh_token(&world.sign_up("ada@example.com").await);
    let mut newest = stolen.clone();
    for _ in 0..3 {
        keys.rotate(KeyPurpose::RefreshToken).await.unwrap();
        world.clock.advance(10 * MINUTE);
        newest = refresh_token(&world.another(7).moodify.accounts().refresh(&newest).await.unwrap());
    }
    for token in [stolen, newest] {
        assert!(world.moodify.accounts().refresh(&token).await.is_err());
    }
}

#[tokio::test]
async fn a_key_signs_when_everybody_knows_it_and_goes_when_nobody_needs_it() {
    let world = World::new();
    let (purpose, lives) = (KeyPurpose::AccessToken, lives());
    let keys = KeyRing::new(world.store.clone(), world.context());
    let states = async || {
        let known = keys.known(purpose, &lives).await.unwrap();
        known.into_iter().map(|known| known.state).collect::<Vec<_>>()
    };
    assert_eq!(states().await, []);
    let first = keys.current(purpose).await.unwrap();
    assert_eq!(states().await, [KeyState::Signs]);
    world.clock.advance(Duration::from_secs(1));
    let second = keys.rotate(purpose).await.unwrap();
    let from = world.clock.now() + KeyRing::ACTIVATION;
    assert_eq!(states().await, [KeyState::SignsFrom(from), KeyState::Signs]);
    let published = world.moodify.accounts().jwks().await.unwrap();
    let published: Vec<_> = published.keys.into_iter().map(|key| key.kid).collect();
    assert_eq!(published, [second.id.to_string(), first.id.to_string()]);

    world.clock.advance(KeyRing::ACTIVATION - Duration::from_micros(1));
    assert_eq!(keys.current(purpose).await.unwrap().id, first.id);
    world.clock.advance(Duration::from_micros(1));
    assert_eq!(keys.current(purpose).await.unwrap().id, second.id);
    let until = world.clock.now() + KeyRing::ACTIVATION + 10 * MINUTE;
    assert_eq!(states().await, [KeyState::Signs, KeyState::VerifiesUntil(until)]);

    world.clock.advance(KeyRing::ACTIVATION + 10 * MINUTE - Duration::from_micros(1));
    assert_eq!(keys.remove_retired(&lives).await.unwrap(), 0);
    world.clock.advance(Duration::from_micros(1));
    assert_eq!(keys.remove_retired(&lives).await.unwrap(), 1);
    assert_eq!(states().await, [KeyState::Signs]);
    world.clock.advance(1_000 * MINUTE);
    assert_eq!(keys.remove_retired(&lives).await.unwrap(), 0, "the last one stays");
}

/// Counts how often it is asked, and can be told to fail.
struct Watched {
    store: MemoryStore,
    asked: AtomicUsize,
    failing: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl KeyStore for Watched {
    async fn keys(&self, purpose: KeyPurpose) -> Result<Vec<StoredKey>, KeyStoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.failing.load(Ordering::Relaxed) {
            return Err(Unavailable::passing("unplugged").into());
        }
        self.store.keys(purpose).await
    }

    async fn add_key(&self, key: &StoredKey, only_if_none: bool) -> Result<bool, KeyStoreError> {
        self.store.add_key(key, only_if_none).await
    }

    async fn remove_key(&self, id: KeyId) -> Result<bool, KeyStoreError> {
        self.store.remove_key(id).await
    }
}

fn watched() -> (Arc<Watched>, Arc<FixedClock>, KeyRing) {
    let clock = Arc::new(FixedClock::default());
    let context = Context::new(clock.clone(), Arc::new(SeededRng::new(3)));
    let failing = false.into();
    let store = Arc::new(Watched { store: MemoryStore::new(), asked: AtomicUsize::new(0), failing });
    (store.clone(), clock, KeyRing::new(store, context))
}

#[tokio::test]
async fn made_up_keys_do_not_hammer_the_store() {
    let (store, clock, keys) = watched();
    let purpose = KeyPurpose::AccessToken;
    keys.all(purpose).await.unwrap();
    let before = store.asked.load(Ordering::Relaxed);
    for n in 0..1_000_u128 {
        assert!(keys.by_id(purpose, uuid::Uuid::from_u128(n).into()).await.unwrap().is_none());
        if n % 100 == 0 {
            clock.advance(Duration::from_secs(1));
        }
    }
    assert!(store.asked.load(Ordering::Relaxed) - before <= 2);
}

#[tokio::test]
async fn a_key_that_another_process_made_is_found_within_seconds() {
    let (store, clock, keys) = watched();
    let purpose = KeyPurpose::AccessToken;
    keys.all(purpose).await.unwrap();
    let context = Context::new(clock.clone(), Arc::new(SeededRng::new(4)));
    let made = KeyRing::new(store, context).rotate(purpose).await.unwrap();
    clock.advance(Duration::from_secs(5));
    assert!(keys.by_id(purpose, made.id).await.unwrap().is_some());
}

#[tokio::test]
async fn while_the_store_fails_the_known_keys_are_used_and_it_is_asked_seldom() {
    let (store, clock, keys) = watched();
    let purpose = KeyPurpose::MediaUrl;
    let known = keys.current(purpose).await.unwrap();
    store.failing.store(true, Ordering::Relaxed);
    let before = store.asked.load(Ordering::Relaxed);
    for _ in 0..100 {
        clock.advance(Duration::from_secs(1));
        assert_eq!(keys.current(purpose).await.unwrap().id, known.id);
    }
    assert!((2..=10).contains(&(store.asked.load(Ordering::Relaxed) - before)));
}
