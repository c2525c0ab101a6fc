//! Races about accounts: each has one winner, and the end of all sessions is the end of all.

use std::time::Duration;

use futures::FutureExt;
use futures::future::{join, join_all};
use moodify_core::model::{EventPayload, MailToken, Role};
use moodify_core::port::UserStore;
use moodify_core::service::accounts::{LogIn, ProfileChange};
use moodify_core::{AuthFailure, Error};

use crate::world::{PASSWORD, World, refresh_token};

const NEW_PASSWORD: &str = "low tide, low water";

fn log_in(password: &str) -> LogIn {
    let (email, password) = ("ada@example.com".to_owned(), password.to_owned());
    LogIn { email, password, role: Role::User, user_agent: None, from: None }
}

async fn reset_token(world: &World) -> MailToken {
    world.news().await;
    world.moodify.accounts().forgot_password("ada@example.com".parse().unwrap()).await.unwrap();
    match world.news().await.remove(0) {
        EventPayload::PasswordResetRequested(asked) => asked.token,
        other => panic!("{other:?}"),
    }
}

fn is_token_invalid<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Invalid(fields)) if fields[0].code == "token_invalid")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_who_use_one_link_one_succeeds() {
    let world = World::new();
    world.sign_up("ada@example.com").await;
    let token = reset_token(&world).await;
    let all = (0..20).map(|n| {
        let (accounts, token) = (world.moodify.accounts().clone(), token.clone());
        tokio::spawn(async move {
            let password = format!("low tide number {n}");
            (accounts.reset_password(&token, &password).await, password)
        })
    });
    let all: Vec<_> = join_all(all).await.into_iter().map(Result::unwrap).collect();
    let won: Vec<_> = all.iter().filter(|(result, _)| result.is_ok()).collect();
    assert_eq!(won.len(), 1);
    assert_eq!(all.iter().filter(|(result, _)| is_token_invalid(result)).count(), 19);
    world.moodify.accounts().log_in(log_in(&won[0].1)).await.unwrap();
    let changed = world.news().await;
    let changed = changed.iter().filter(|payload| matches!(payload, EventPayload::PasswordChanged(_)));
    assert_eq!(changed.count(), 1);
}

/// Log-ins with the old password that race with a change: whoever comes through before it is ended
/// by it, and nobody comes through after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_log_in_with_the_old_password_survives_its_change() {
    for _ in 0..3 {
        let world = World::new();
        let ada = world.sign_up("ada@example.com").await;
        let caller = world.caller(&ada).await;
        let log_ins = (0..12).map(|_| {
            let accounts = world.moodify.accounts().clone();
            tokio::spawn(async move { accounts.log_in(log_in(PASSWORD)).await })
        });
        let log_ins: Vec<_> = log_ins.collect();
        world.moodify.accounts().change_password(&caller, PASSWORD, NEW_PASSWORD).await.unwrap();
        for log_in in join_all(log_ins).await {
            match log_in.unwrap() {
                Ok(signed_in) => {
                    let refreshed = world.moodify.accounts().refresh(&refresh_token(&signed_in)).await;
                    assert!(refreshed.is_err(), "a session of the old password lives on");
                }
                Err(Error::Unauthenticated(AuthFailure::InvalidCredentials)) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        world.moodify.accounts().refresh(&refresh_token(&ada)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_log_in_survives_the_deletion_of_its_account() {
    let world = World::new();
    let ada = world.sign_up("ada@example.com").await;
    let caller = world.caller(&ada).await;
    let log_ins = (0..12).map(|_| {
        let accounts = world.moodify.accounts().clone();
        tokio::spawn(async move { accounts.log_in(log_in(PASSWORD)).await })
    });
    let log_ins: Vec<_> = log_ins.collect();
    world.moodify.accounts().delete_account(&caller).await.unwrap();
    for log_in in join_all(log_ins).await {
        match log_in.unwrap() {
            Ok(signed_in) => {
                assert!(world.moodify.accounts().refresh(&refresh_token(&signed_in)).await.is_err());
            }
            Err(Error::Unauthenticated(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(world.store.account(caller.account_id).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_at_the_same_time_lose_nothing() {
    let world = World::new();
    let ada = world.sign_up("ada@example.com").await;
    let caller = world.caller(&ada).await;
    let token = match &world.news().await[1] {
        EventPayload::EmailVerificationRequested(asked) => asked.token.clone(),
        other => panic!("{other:?}"),
    };
    let accounts = world.moodify.accounts();
    let first = ProfileChange { first_name: Some("Grace".parse_name()), ..ProfileChange::default() };
    let last = ProfileChange { last_name: Some("Hopper".parse_name()), ..ProfileChange::default() };
    let names = join(accounts.change_profile(&caller, &first), accounts.change_profile(&caller, &last));
    let (verified, (first, last)) = join(accounts.verify_email(&token), names).await;
    verified.unwrap();
    first.unwrap();
    last.unwrap();
    let account = accounts.account(&caller).await.unwrap();
    assert_eq!((account.first_name.as_str(), account.last_name.as_str()), ("Grace", "Hopper"));
    assert!(account.email_verified);
    let news = world.news().await;
    let Some(EventPayload::AccountUpdated(last)) = news.last() else { panic!("{news:?}") };
    assert!(last.email_verified && last.first_name.as_str() == "Grace", "the last event says how it is");
}

trait ParseName {
    fn parse_name(&self) -> moodify_core::model::PersonName;
}

impl ParseName for str {
    fn parse_name(&self) -> moodify_core::model::PersonName {
        moodify_core::model::PersonName::parse(self).unwrap()
    }
}

#[tokio::test]
async fn the_answer_to_a_forgotten_password_waits_for_nothing() {
    let world = World::new();
    world.sign_up("ada@example.com").await;
    world.news().await;
    for email in ["ada@example.com", "nobody@example.com"] {
        // Answered without any other task having had its turn: nothing was looked up yet.
        let asked = world.moodify.accounts().forgot_password(email.parse().unwrap()).now_or_never();
        asked.expect("at once").unwrap();
    }
    assert_eq!(world.news().await.len(), 1);
}

#[tokio::test]
async fn a_flood_of_forgotten_passwords_is_turned_away() {
    let world = World::new();
    let accounts = world.moodify.accounts();
    let mut busy = 0;
    for n in 0..200 {
        let email = format!("listener{n}@example.com").parse().unwrap();
        if let Err(error) = accounts.forgot_password(email).await {
            assert!(matches!(error, Error::Busy { .. }), "{error:?}");
            busy += 1;
        }
    }
    assert_eq!(busy, 200 - 64);
    accounts.settle().await;
    accounts.forgot_password("ada@example.com".parse().unwrap()).await.unwrap();
}

#[tokio::test]
async fn what_has_expired_is_forgotten() {
    let world = World::new();
    let ada = world.sign_up("ada@example.com").await;
    let caller = world.caller(&ada).await;
    let accounts = world.moodify.accounts();
    assert_eq!(accounts.remove_expired().await.unwrap(), 0);
    world.clock.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(accounts.remove_expired().await.unwrap(), 1, "the token of the first mail");
    world.clock.advance(Duration::from_secs(29 * 24 * 60 * 60));
    assert_eq!(accounts.remove_expired().await.unwrap(), 1, "the session");
    assert!(world.store.session(caller.session_id).await.unwrap().is_none());
    assert!(world.store.account(caller.account_id).await.unwrap().is_some());
}
