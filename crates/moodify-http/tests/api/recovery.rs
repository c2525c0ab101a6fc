//! Mails that prove a mailbox or bring a new password.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use moodify_core::Services;
use moodify_core::memory::MemoryMailer;
use moodify_core::model::EventPayload;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{Account, Answer, PASSWORD, World};

const NEW_PASSWORD: &str = "low tide, low water";
const MINUTE: Duration = Duration::from_secs(60);

/// The tokens of the mails that are on their way, oldest first.
async fn mailed(world: &World) -> Vec<String> {
    let token = |payload| match payload {
        EventPayload::EmailVerificationRequested(asked) => Some(asked.token.expose().to_owned()),
        EventPayload::PasswordResetRequested(asked) => Some(asked.token.expose().to_owned()),
        _ => None,
    };
    world.news().await.into_iter().filter_map(token).collect()
}

async fn verify(world: &World, token: &str) -> Answer {
    world.post("/v1/auth/email/verify", "", json!({"token": token})).await
}

async fn forgot(world: &World, email: &str) -> Answer {
    world.post("/v1/auth/password/forgot", "", json!({"email": email})).await
}

async fn reset(world: &World, token: &str, password: &str) -> Answer {
    world.post("/v1/auth/password/reset", "", json!({"token": token, "password": password})).await
}

/// A link for a new password of Ada's.
async fn reset_token(world: &World) -> String {
    mailed(world).await;
    forgot(world, "ada@example.com").await.empty(202);
    let tokens = mailed(world).await;
    assert_eq!(tokens.len(), 1);
    tokens[0].clone()
}

async fn log_in(world: &World, password: &str) -> Answer {
    let body = json!({"email": "ada@example.com", "password": password});
    world.post("/v1/auth/users/login", "", body).await
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    assert_eq!(answer.field_errors(), [("/token".to_owned(), "token_invalid".to_owned())]);
}

async fn is_verified(world: &World, account: &Account) -> bool {
    world.get("/v1/me", &account.token).await.json(200)["email_verified"] == true
}

#[tokio::test]
async fn the_mail_of_a_sign_up_proves_the_mailbox_once() {
    let world = World::new();
    let ada = world.listener("ada").await;
    let news = world.news().await;
    let [EventPayload::AccountCreated(_), EventPayload::EmailVerificationRequested(asked)] = news.as_slice()
    else {
        panic!("{news:?}")
    };
    assert_eq!(asked.email.as_str(), "ada@example.com");
    assert_eq!(asked.expires_at.to_string(), "2026-01-02T00:00:00Z");
    let token = asked.token.expose();
    assert!(token.len() >= 43 && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
    assert!(!is_verified(&world, &ada).await);
    verify(&world, token).await.empty(204);
    assert!(is_verified(&world, &ada).await);
    let news = world.news().await;
    let [EventPayload::AccountUpdated(updated)] = news.as_slice() else { panic!("{news:?}") };
    assert!(updated.email_verified);
    assert_refused(&verify(&world, token).await);
    assert_eq!(world.news().await, []);
}

#[tokio::test]
async fn a_mail_that_is_sent_again_replaces_the_first() {
    let world = World::new();
    let ada = world.listener("ada").await;
    let first = mailed(&world).await;
    let resend = || world.post_raw("/v1/auth/email/resend", &ada.token, "");
    resend().await.empty(202);
    assert_eq!(mailed(&world).await.len(), 0, "not so soon");
    world.clock.advance(MINUTE);
    resend().await.empty(202);
    resend().await.empty(202);
    let second = mailed(&world).await;
    assert_eq!(second.len(), 1);
    assert_refused(&verify(&world, &first[0]).await);
    verify(&world, &second[0]).await.empty(204);
    world.clock.advance(MINUTE);
    resend().await.empty(202);
    assert_eq!(mailed(&world).await.len(), 0, "there is nothing to prove any more");
}

#[tokio::test]
async fn a_verification_expires_after_a_day() {
    let world = World::new();
    world.listener("ada").await;
    let tokens = mailed(&world).await;
    world.clock.advance(24 * 60 * MINUTE - Duration::from_secs(1));
    let almost = mailed_again(&world).await;
    world.clock.advance(Duration::from_secs(1));
    assert_refused(&verify(&world, &tokens[0]).await);
    verify(&world, &almost).await.empty(204);
}

/// The verification of somebody who signs up right now.
async fn mailed_again(world: &World) -> String {
    world.listener("bob").await;
    mailed(world).await[0].clone()
}

#[tokio::test]
async fn what_is_no_token() {
    let world = World::new();
    world.listener("ada").await;
    let good = mailed(&world).await.remove(0);
    let flipped = format!("{}{}", if good.starts_with('A') { "B" } else { "A" }, &good[1..]);
    for token in
        ["", "x", "\u{0}", &flipped, &good[1..], &format!("{good}="), &"A".repeat(43), &"A".repeat(60_000)]
    {
        assert_refused(&verify(&world, token).await);
        assert_refused(&reset(&world, token, NEW_PASSWORD).await);
    }
    assert_refused(&reset(&world, &good, NEW_PASSWORD).await);
    let other = reset_token(&world).await;
    assert_refused(&verify(&world, &other).await);
    verify(&world, &good).await.empty(204);
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_its_mail() {
    let world = World::new();
    let ada = world.listener("ada").await;
    let token = reset_token(&world).await;
    reset(&world, &token, NEW_PASSWORD).await.empty(204);
    let kinds: Vec<_> = world.news().await.iter().map(|payload| payload.kind().as_str()).collect();
    assert_eq!(kinds, ["password_changed", "account_updated", "session_revoked"]);
    log_in(&world, PASSWORD).await.problem(401, "invalid_credentials");
    let again = Account::from(log_in(&world, NEW_PASSWORD).await.json(200));
    assert!(is_verified(&world, &again).await, "who reads the mail has the mailbox");
    let body = json!({"refresh_token": ada.refresh_token});
    world.post("/v1/auth/refresh", "", body).await.problem(401, "invalid_token");
    world.get("/v1/me", &ada.token).await.problem(401, "invalid_token");
    assert_refused(&reset(&world, &token, PASSWORD).await);
    log_in(&world, NEW_PASSWORD).await.json(200);
}

#[tokio::test]
async fn whoever_asks_gets_the_same_answer() {
    let world = World::new();
    world.listener("ada").await;
    mailed(&world).await;
    let mut answers = Vec::new();
    for email in ["ada@example.com", "nobody@example.com", "ada@example.com"] {
        let mut answer = forgot(&world, email).await;
        answer.empty(202);
        answer.headers.remove("x-request-id");
        answers.push(answer.headers);
    }
    assert!(answers.iter().all(|headers| *headers == answers[0]));
    assert_eq!(mailed(&world).await.len(), 1, "one mail in five minutes");
    world.clock.advance(5 * MINUTE);
    forgot(&world, "ADA@example.com").await.empty(202);
    assert_eq!(mailed(&world).await.len(), 1);
    let errors = forgot(&world, "ada@example.com\r\nBcc: eve@example.com").await.field_errors();
    assert_eq!(errors, [("/email".to_owned(), "invalid_email".to_owned())]);
}

#[tokio::test]
async fn a_reset_expires_after_an_hour_and_is_replaced_by_the_next() {
    let world = World::new();
    world.listener("ada").await;
    let first = reset_token(&world).await;
    world.clock.advance(5 * MINUTE);
    let second = reset_token(&world).await;
    assert_refused(&reset(&world, &first, NEW_PASSWORD).await);
    world.clock.advance(60 * MINUTE);
    assert_refused(&reset(&world, &second, NEW_PASSWORD).await);
    log_in(&world, PASSWORD).await.json(200);
}

#[tokio::test]
async fn a_new_password_follows_the_rules_and_a_refused_one_spends_nothing() {
    let world = World::new();
    let ada = world.listener("ada").await;
    let token = reset_token(&world).await;
    for (password, code) in [("short", "password_too_short"), (&*"x".repeat(1025), "password_too_long")] {
        let errors = reset(&world, &token, password).await.field_errors();
        assert_eq!(errors, [("/password".to_owned(), code.to_owned())]);
        let body = json!({"current_password": PASSWORD, "new_password": password});
        let errors = world.post("/v1/auth/password/change", &ada.token, body).await.field_errors();
        assert_eq!(errors, [("/new_password".to_owned(), code.to_owned())]);
    }
    reset(&world, &token, NEW_PASSWORD).await.empty(204);
}

async fn change(world: &World, account: &Account, current: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": NEW_PASSWORD});
    world.post("/v1/auth/password/change", &account.token, body).await
}

#[tokio::test]
async fn a_change_of_password_ends_the_other_sessions_and_the_link_under_way() {
    let world = World::new();
    let ada = world.listener("ada").await;
    let other = Account::from(log_in(&world, PASSWORD).await.json(200));
    let token = reset_token(&world).await;
    change(&world, &ada, PASSWORD).await.empty(204);
    let news = world.news().await;
    let [EventPayload::PasswordChanged(changed), EventPayload::SessionRevoked(_)] = news.as_slice() else {
        panic!("{news:?}")
    };
    assert_eq!(changed.email.as_str(), "ada@example.com");
    for (account, status) in [(&ada, 200), (&other, 401)] {
        let body = json!({"refresh_token": account.refresh_token});
        assert_eq!(world.post("/v1/auth/refresh", "", body).await.status.as_u16(), status);
    }
    assert_refused(&reset(&world, &token, PASSWORD).await);
    log_in(&world, PASSWORD).await.problem(401, "invalid_credentials");
    log_in(&world, NEW_PASSWORD).await.json(200);
}

#[tokio::test]
async fn without_the_current_password_nothing_changes() {
    let world = World::new();
    let ada = world.listener("ada").await;
    world.news().await;
    for wrong in ["", "wrong horse battery", &"x".repeat(10_000), &PASSWORD.to_uppercase()] {
        let errors = change(&world, &ada, wrong).await.field_errors();
        assert_eq!(errors, [("/current_password".to_owned(), "wrong_password".to_owned())]);
    }
    assert_eq!(world.news().await, []);
    log_in(&world, PASSWORD).await.json(200);
}

#[tokio::test]
async fn a_deleted_account_takes_its_links_with_it() {
    let world = World::new();
    let ada = world.listener("ada").await;
    let verification = mailed(&world).await.remove(0);
    let token = reset_token(&world).await;
    world.delete("/v1/me", &ada.token).await.empty(204);
    world.listener("ada").await;
    assert_refused(&verify(&world, &verification).await);
    assert_refused(&reset(&world, &token, NEW_PASSWORD).await);
    log_in(&world, PASSWORD).await.json(200);
}

#[tokio::test]
async fn no_answer_and_no_log_of_the_store_holds_a_token() {
    let world = World::new();
    world.listener("ada").await;
    let token = reset_token(&world).await;
    let stored = format!("{:?}", world.store);
    assert!(!stored.contains(&token));
    let answers: [Value; 2] =
        [reset(&world, &token, "short").await.any_problem(), verify(&world, &token).await.any_problem()];
    for answer in answers {
        assert!(!answer.to_string().contains(&token));
    }
}

#[tokio::test]
async fn links_in_mails_lead_home_whatever_host_the_request_names() {
    let mailer = Arc::new(MemoryMailer::new());
    let world = World::mailing(mailer.clone());
    world.moodify.declare_consumers().await.unwrap();
    let foreign = async |path: &str, body: Value| {
        let request = world.request(Method::POST, path, "").header("content-type", "application/json");
        let request = ["x-forwarded-host", "x-host", "x-forwarded-server", "x-original-host"]
            .into_iter()
            .fold(request, |request, name| request.header(name, "evil.example"))
            .header("host", "evil.example")
            .header("forwarded", "host=evil.example;proto=http")
            .header("origin", "https://evil.example")
            .header("referer", "https://evil.example/win");
        world.send(request.body(body.to_string().into()).unwrap()).await
    };
    let ada = json!({"email": "ada@example.com", "password": PASSWORD, "first_name": "A", "last_name": "L"});
    foreign("/v1/auth/users/signup", ada).await.json(201);
    foreign("/v1/auth/password/forgot", json!({"email": "ada@example.com"})).await.empty(202);
    world.moodify.accounts().settle().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (moodify, stop) = (world.moodify.clone(), stop.clone());
        async move { moodify.run(Services::ALL, stop).await }
    });
    tokio::time::timeout(Duration::from_secs(30), async {
        while mailer.sent().len() < 3 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    stop.cancel();
    running.await.unwrap().unwrap();
    for mail in mailer.sent() {
        let whole = format!("{mail:?}");
        assert!(!whole.contains("evil"), "{whole}");
        assert!(mail.text.contains("http://music.test/"), "{}", mail.text);
    }
}
