use std::collections::HashSet;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::join_all;
use moodify_core::model::{EventPayload, Role};
use moodify_core::port::{Outbox, UserStore};
use moodify_core::service::accounts::{LogIn, SignedIn};
use moodify_core::{AuthFailure, Error};

use crate::world::{PASSWORD, World, refresh_token};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn log_in(email: &str, password: &str, role: Role) -> LogIn {
    LogIn { email: email.to_owned(), password: password.to_owned(), role, user_agent: None, from: None }
}

fn failure(result: Result<SignedIn, Error>) -> AuthFailure {
    match result {
        Err(Error::Unauthenticated(failure)) => failure,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

async fn events(world: &World) -> Vec<EventPayload> {
    let leased = world.store.lease(100, world.context().now(), DAY).await.unwrap();
    leased.into_iter().map(|event| event.payload).collect()
}

#[tokio::test]
async fn a_hundred_identical_sign_ups_make_one_account_and_its_events() {
    let world = World::new();
    let accounts = world.moodify.accounts();
    let all = join_all((0..100).map(|_| accounts.sign_up(world.request("ada@example.com", None)))).await;
    assert_eq!(all.iter().filter(|result| result.is_ok()).count(), 1);
    for refused in all.into_iter().filter_map(Result::err) {
        assert!(
            matches!(refused, Error::Conflict { code: "email_taken", .. } | Error::Busy { .. }),
            "{refused:?}"
        );
    }
    assert_eq!(events(&world).await.len(), 2);
}

#[tokio::test]
async fn whatever_is_wrong_the_refusal_is_the_same() {
    let world = World::new();
    world.sign_up("ada@example.com").await;
    let accounts = world.moodify.accounts();
    for wrong in [
        log_in("ada@example.com", "wrong wrong wrong", Role::User),
        log_in("nobody@example.com", PASSWORD, Role::User),
        log_in("ada@example.com", PASSWORD, Role::Artist),
        log_in("{\"$ne\": null}", PASSWORD, Role::User),
        log_in("ada@example.com", &"x".repeat(100_000), Role::User),
        log_in("ada@example.com", "", Role::User),
    ] {
        let described = format!("{wrong:?}");
        assert_eq!(failure(accounts.log_in(wrong).await), AuthFailure::InvalidCredentials, "{described}");
    }
    let right = accounts.log_in(log_in("ADA@example.com", PASSWORD, Role::User)).await.unwrap();
    assert_eq!(right.account.email.as_str(), "ada@example.com");
}

#[tokio::test]
async fn a_refresh_token_works_once_and_hands_over_to_the_next() {
    let world = World::new();
    let accounts = world.moodify.accounts();
    let first = refresh_token(&world.sign_up("ada@example.com").await);
    let second = refresh_token(&accounts.refresh(&first).await.unwrap());
    assert_ne!(first, second);
    let third = accounts.refresh(&second).await.unwrap();
    assert_eq!(world.caller(&third).await.role, Role::User);
}

#[tokio::test]
async fn fifty_parallel_refreshes_agree_and_end_no_session() {
    let world = World::new();
    let accounts = world.moodify.accounts();
    let first = refresh_token(&world.sign_up("ada@example.com").await);
    let all = join_all((0..50).map(|_| accounts.refresh(&first))).await;
    let next: HashSet<String> = all.into_iter().map(|result| refresh_token(&result.unwrap())).collect();
    assert_eq!(next.len(), 1, "everybody gets the same successor");
    for token in next {
        accounts.refresh(&token).await.unwrap();
    }
}

#[tokio::test]
async fn a_rotated_token_that_comes_back_late_ends_its_session() {
    let world = World::new();
    let accounts = world.moodify.accounts();
    let stolen = refresh_token(&world.sign_up("ada@example.com").await);
    let current = refresh_token(&accounts.refresh(&stolen).await.unwrap());
    world.clock.advance(Duration::from_secs(31));
    assert_eq!(failure(accounts.refresh(&stolen).await), AuthFailure::InvalidToken);
    assert_eq!(failure(accounts.refresh(&current).await), AuthFailure::InvalidToken);
    let revoked = events(&world).await.into_iter().filter(|e| matches!(e, EventPayload::SessionRevoked(_)));
    assert_eq!(revoked.count(), 1);
}

#[tokio::test]
async fn a_much_older_token_of_the_chain_is_recognised_too() {
    let world = World::new();
    let accounts = world.moodify.accounts();
    let stolen = refresh_token(&world.sign_up("ada@example.com").await);
    let mut current = stolen.clone();
    for _ in 0..20 {
        current = refresh_token(&accounts.refresh(&current).await.unwrap());
    }
    assert_eq!(failure(accounts.refresh(&stolen).await), AuthFailure::InvalidToken);
    assert_eq!(failure(accounts.refresh(&current).await), AuthFailure::InvalidToken, "the session has ended");
}

#[tokio::test]
async fn a_guess_ends_nobodys_session() {
    let world = World::new();
    let accounts = world.moodify.accounts();
    let old = refresh_token(&world.sign_up("ada@example.com").await);
    let token = refresh_token(&accounts.refresh(&old).await.unwrap());
    world.clock.advance(Duration::from_secs(60));
    for guess in ["", "x", &"A".repeat(token.len()), &"A".repeat(100_000), "\0", "☃", &token[1..]] {
        assert_eq!(failure(accounts.refresh(guess).await), AuthFailure::InvalidToken, "{guess:.20}");
    }
    // Nobody but the server makes a token of this session: not from its own old one, at no generation.
    for known in [&old, &token] {
        let bytes = URL_SAFE_NO_PAD.decode(known).unwrap();
        for place in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[place] ^= 1;
            let forged = URL_SAFE_NO_PAD.encode(forged);
            assert_eq!(failure(accounts.refresh(&forged).await), AuthFailure::InvalidToken, "{place}");
            assert!(accounts.log_out_with(&forged).await.is_err() || place < 16, "{place}");
        }
    }
    accounts.refresh(&token).await.unwrap();
}

#[tokio::test]
async fn a_restored_backup_knows_no_token_from_its_future() {
    let world = World::new();
    let accounts = world.moodify.accounts();
    let signed_in = world.sign_up("ada@example.com").await;
    let first = refresh_token(&signed_in);
    let caller = world.caller(&signed_in).await;
    let session = world.store.session(caller.session_id).await.unwrap().unwrap();
    let second = refresh_token(&accounts.refresh(&first).await.unwrap());
    let third = refresh_token(&accounts.refresh(&second).await.unwrap());
    // The store as it was before both.
    world.store.end_session(session.id, &[]).await.unwrap();
    assert!(world.store.create_session(&session, 0).await.unwrap());
    for from_then in [&second, &third] {
        assert_eq!(failure(accounts.refresh(from_then).await), AuthFailure::InvalidToken);
    }
    assert_eq!(refresh_token(&accounts.refresh(&first).await.unwrap()), second);
}

#[tokio::test]
async fn what_a_log_in_brings_is_not_shown() {
    let world = World::new();
    let signed_in = world.sign_up("ada@example.com").await;
    let shown = format!("{signed_in:?}");
    assert_eq!(shown, format!("SignedIn {{ account: {:?}, .. }}", signed_in.account.id));
}

#[tokio::test]
async fn an_access_token_is_no_refresh_token_nor_the_other_way_round() {
    let world = World::new();
    let accounts = world.moodify.accounts();
    let signed_in = world.sign_up("ada@example.com").await;
    assert_eq!(failure(accounts.refresh(&signed_in.access_token).await), AuthFailure::InvalidToken);
    let swapped = accounts.authenticate(&refresh_token(&signed_in)).await;
    assert!(matches!(swapped, Err(Error::Unauthenticated(AuthFailure::InvalidToken))));
}

#[tokio::test]
async fn sessions_end_unused_after_thirty_days_and_in_any_case_after_ninety() {
    let world = World::new();
    let accounts = world.moodify.accounts();
    let unused = refresh_token(&world.sign_up("ada@example.com").await);
    let mut used = refresh_token(&world.sign_up("bob@example.com").await);
    for _ in 0..4 {
        world.clock.advance(DAY * 20);
        used = refresh_token(&accounts.refresh(&used).await.unwrap());
    }
    assert_eq!(failure(accounts.refresh(&unused).await), AuthFailure::ExpiredToken);
    world.clock.advance(DAY * 11);
    assert_eq!(failure(accounts.refresh(&used).await), AuthFailure::ExpiredToken);
}

#[tokio::test]
async fn logging_out_twice_revokes_once() {
    let world = World::new();
    let accounts = world.moodify.accounts();
    let signed_in = world.sign_up("ada@example.com").await;
    let caller = world.caller(&signed_in).await;
    accounts.log_out(&caller).await.unwrap();
    accounts.log_out(&caller).await.unwrap();
    assert_eq!(failure(accounts.refresh(&refresh_token(&signed_in)).await), AuthFailure::InvalidToken);
    let kinds: Vec<_> = events(&world).await.iter().map(|payload| payload.kind().as_str()).collect();
    assert_eq!(kinds, ["account_created", "email_verification_requested", "session_revoked"]);
}

#[tokio::test]
async fn short_passwords_are_refused_and_long_ones_are_not_cut() {
    let world = World::new();
    let accounts = world.moodify.accounts();
    assert_eq!(accounts.new_password("123456789", &[]).unwrap_err().code, "password_too_short");
    assert_eq!(accounts.new_password(&"x".repeat(1025), &[]).unwrap_err().code, "password_too_long");
    let long = "low water is not high".repeat(64)[..1024].to_owned();
    let mut request = world.request("ada@example.com", None);
    request.password = accounts.new_password(&long, &[]).unwrap();
    accounts.sign_up(request).await.unwrap();
    accounts.log_in(log_in("ada@example.com", &long, Role::User)).await.unwrap();
    let almost = accounts.log_in(log_in("ada@example.com", &long[1..], Role::User)).await;
    assert_eq!(failure(almost), AuthFailure::InvalidCredentials);
}
