//! A clock that is set back: nothing that is good is refused, and nothing lives much too long.

use std::time::Duration;

use moodify_core::memory::{MemoryMediaStore, SeededRng};
use moodify_core::model::{MediaId, MediaKey, earlier, later};
use moodify_core::port::{Clock, MediaSigner};
use moodify_core::service::{Context, KeyRing, MediaGate};
use moodify_core::{AuthFailure, Error};
use uuid::Uuid;

use crate::world::{World, refresh_token};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

impl World {
    fn set_back(&self, by: Duration) {
        self.clock.set(earlier(self.clock.now(), by));
    }
}

#[tokio::test]
async fn access_tokens_survive_a_step_and_still_end() {
    let world = World::new();
    let ada = world.sign_up("ada@example.com").await;
    let issued = world.clock.now();
    let accounts = world.moodify.accounts();
    for step in [Duration::from_secs(1), MINUTE, 9 * MINUTE] {
        world.clock.set(issued);
        world.set_back(step);
        accounts.authenticate(&ada.access_token).await.unwrap();
        world.clock.set(later(issued, 10 * MINUTE + Duration::from_secs(5)));
        let refused = accounts.authenticate(&ada.access_token).await.unwrap_err();
        assert!(matches!(refused, Error::Unauthenticated(AuthFailure::ExpiredToken)), "{refused}");
    }
    // After a long step the token would live for hours: its holder gets a new one instead.
    world.clock.set(issued);
    world.set_back(HOUR);
    let refused = accounts.authenticate(&ada.access_token).await.unwrap_err();
    assert!(matches!(refused, Error::Unauthenticated(AuthFailure::InvalidToken)), "{refused}");
    let next = accounts.refresh(&refresh_token(&ada)).await.unwrap();
    accounts.authenticate(&next.access_token).await.unwrap();
    // What the step had refused is good again when the clock has caught up, until it ends.
    world.clock.set(later(issued, MINUTE));
    accounts.authenticate(&ada.access_token).await.unwrap();
}

#[tokio::test]
async fn sessions_survive_a_step_and_still_end() {
    let world = World::new();
    let mut ada = world.sign_up("ada@example.com").await;
    let accounts = world.moodify.accounts();
    for _ in 0..3 {
        world.set_back(30 * 24 * HOUR);
        ada = accounts.refresh(&refresh_token(&ada)).await.unwrap();
        accounts.authenticate(&ada.access_token).await.unwrap();
    }
    world.clock.advance(31 * 24 * HOUR);
    let refused = accounts.refresh(&refresh_token(&ada)).await.unwrap_err();
    assert!(matches!(refused, Error::Unauthenticated(AuthFailure::ExpiredToken)), "{refused}");
}

#[tokio::test]
async fn a_parallel_tab_survives_a_step_and_the_window_still_closes() {
    for step in [Duration::from_secs(31), HOUR, 24 * HOUR] {
        let world = World::new();
        let ada = world.sign_up("ada@example.com").await;
        let accounts = world.moodify.accounts();
        let one = accounts.refresh(&refresh_token(&ada)).await.unwrap();
        let rotated = world.clock.now();
        world.set_back(step);
        let other = accounts.refresh(&refresh_token(&ada)).await.unwrap();
        assert_eq!(refresh_token(&other), refresh_token(&one), "{step:?}");
        world.clock.set(later(rotated, Duration::from_secs(31)));
        let refused = accounts.refresh(&refresh_token(&ada)).await.unwrap_err();
        assert!(matches!(refused, Error::Unauthenticated(AuthFailure::InvalidToken)), "{refused}");
        assert!(accounts.refresh(&refresh_token(&one)).await.is_err(), "reuse ends the session");
    }
}

#[tokio::test]
async fn after_a_step_of_more_than_a_day_an_old_token_is_refused_and_nobody_signed_out() {
    let world = World::new();
    let ada = world.sign_up("ada@example.com").await;
    let accounts = world.moodify.accounts();
    let next = accounts.refresh(&refresh_token(&ada)).await.unwrap();
    world.set_back(25 * HOUR);
    let refused = accounts.refresh(&refresh_token(&ada)).await.unwrap_err();
    assert!(matches!(refused, Error::Unauthenticated(AuthFailure::InvalidToken)), "{refused}");
    let next = accounts.refresh(&refresh_token(&next)).await.unwrap();
    // By now its rotation is of the new time.
    world.clock.advance(Duration::from_secs(31));
    accounts.refresh(&refresh_token(&next)).await.unwrap();
}

#[tokio::test]
async fn media_addresses_survive_a_step_and_still_end() {
    let world = World::new();
    let context = Context::new(world.clock.clone(), std::sync::Arc::new(SeededRng::new(1)));
    let keys = std::sync::Arc::new(KeyRing::new(world.store.clone(), context.clone()));
    let url = "https://moodify.example/".parse().unwrap();
    let gate = MediaGate::new(std::sync::Arc::new(MemoryMediaStore::new()), keys, context, &url);
    let key = MediaKey::audio(MediaId::from(Uuid::from_u128(7)));
    let signed = gate.sign_get(&key, world.clock.now(), HOUR).await.unwrap();
    let query: Vec<(String, String)> = signed.url.query_pairs().into_owned().collect();
    let verify = async || gate.verify(key.as_str(), &query[0].1, &query[1].1).await;
    world.set_back(HOUR);
    verify().await.unwrap();
    let again = gate.sign_get(&key, world.clock.now(), HOUR).await.unwrap();
    assert!(again.expires_at <= later(world.clock.now(), HOUR), "new ones end by the new clock");
    world.clock.set(signed.expires_at);
    assert!(matches!(verify().await, Err(Error::Forbidden { code: "url_expired", .. })));
}
