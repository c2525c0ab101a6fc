//! What is asked of an issuer, and when, by a clock that the test owns.
#![cfg(feature = "oidc")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../../../examples/server/tests/js/issuer.rs"]
mod issuer;

use std::sync::Arc;
use std::time::Duration;

use issuer::Issuer;
use moodify_adapters::oidc::{OidcConfig, OidcProvider};
use moodify_core::memory::{FixedClock, SystemClock, SystemRng};
use moodify_core::model::SignedDuration;
use moodify_core::port::{
    Authorization, Clock, IdentityError, IdentityProvider, Unavailable, VerifiedIdentity,
};
use secrecy::ExposeSecret;
use serde_json::json;
use url::Url;

const CALLBACK: &str = "https://music.example/v1/auth/google/callback";
const DISCOVERY: &str = "/.well-known/openid-configuration";

fn callback() -> Url {
    CALLBACK.parse().unwrap()
}

/// A client whose clock begins at the present: the issuer has one of its own.
fn client(issuer: &Issuer) -> (OidcProvider, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::new(SystemClock.now()));
    let config = OidcConfig::new(&issuer.url, "app", "app-secret".to_owned().into()).unwrap();
    // The issuer is a process of this machine, which may be busy.
    let config = OidcConfig { timeout: Duration::from_secs(20), ..config };
    (OidcProvider::new(config, clock.clone(), Arc::new(SystemRng)).unwrap(), clock)
}

/// What the browser brings from the issuer.
async fn visit(begun: &Authorization) -> (String, String) {
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = browser.get(begun.url.clone()).timeout(Duration::from_secs(60)).send().await.unwrap();
    let back = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    assert!(back.as_str().starts_with(CALLBACK), "{back}");
    let field = |name: &str| back.query_pairs().find(|(found, _)| found == name).unwrap().1.into_owned();
    assert_eq!(field("state"), begun.pending.state.expose_secret());
    (field("code"), field("iss"))
}

async fn sign_in(provider: &OidcProvider) -> Result<VerifiedIdentity, IdentityError> {
    let begun = provider.begin(&callback()).await?;
    let (code, iss) = visit(&begun).await;
    provider.finish(&begun.pending, &callback(), &code, Some(&iss)).await
}

fn reason(result: Result<VerifiedIdentity, IdentityError>) -> String {
    match result {
        Err(IdentityError::Refused { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_sign_in_gives_an_identity_once() {
    let Some(issuer) = Issuer::hostile().await else { return };
    let (provider, _) = client(&issuer);
    let begun = provider.begin(&callback()).await.unwrap();
    let query: Vec<_> = begun.url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
    for part in [
        "response_type=code",
        "client_id=app",
        "scope=openid email profile",
        "code_challenge_method=S256",
        "redirect_uri=https://music.example/v1/auth/google/callback",
    ] {
        assert!(query.contains(&part.to_owned()), "{part} in {query:?}");
    }
    assert!(!begun.url.as_str().contains(begun.pending.pkce_verifier.expose_secret()));
    let (code, iss) = visit(&begun).await;
    let other = provider.begin(&callback()).await.unwrap();
    let ada = provider.finish(&begun.pending, &callback(), &code, Some(&iss)).await.unwrap();
    assert_eq!((ada.identity.issuer(), ada.identity.subject()), (issuer.url.as_str(), "4711"));
    assert_eq!((ada.email.as_deref(), ada.email_verified), (Some("ada@example.com"), true));
    assert_eq!((ada.given_name.as_deref(), ada.family_name.as_deref()), (Some("Ada"), Some("Lovelace")));

    let again = provider.finish(&begun.pending, &callback(), &code, Some(&iss)).await;
    assert!(reason(again).contains("code"));
    let (code, iss) = visit(&begun).await;
    let elsewhere = "https://music.example/v1/auth/google/callback/".parse().unwrap();
    let moved = provider.finish(&begun.pending, &elsewhere, &code, Some(&iss)).await;
    assert!(reason(moved).contains("code"), "another redirect URI");
    let (code, _) = visit(&begun).await;
    let mixed = provider.finish(&begun.pending, &callback(), &code, Some("https://evil.example")).await;
    assert!(reason(mixed).contains("another issuer"));
    let (code, _) = visit(&begun).await;
    let swapped = provider.finish(&other.pending, &callback(), &code, None).await;
    assert!(reason(swapped).contains("code"), "another browser's verifier");
}

#[tokio::test]
async fn every_refusal_says_which_check_failed() {
    let Some(issuer) = Issuer::hostile().await else { return };
    let (provider, _) = client(&issuer);
    for (attack, said) in [
        ("wrong_aud", "Invalid audiences"),
        ("more_aud", "Invalid audiences"),
        ("wrong_azp", "authorized party"),
        ("wrong_iss", "Invalid issuer"),
        ("similar_iss", "Invalid issuer"),
        ("expired", "Expired"),
        ("no_nonce", "missing nonce"),
        ("other_nonce", "nonce mismatch"),
        ("alg_none", "Signature verification failed"),
        ("hs256_public_key", "Disallowed signature algorithm"),
        ("hs256_client_secret", "Disallowed signature algorithm"),
        ("rs512", "Disallowed signature algorithm"),
        ("anothers_key", "Signature verification failed"),
        ("own_jwk", "No matching key"),
        ("changed", "Signature verification failed"),
        ("no_token", "no identity token"),
        ("cut_off", "cannot be read"),
    ] {
        issuer.control(json!({ "token": attack })).await;
        let why = reason(sign_in(&provider).await);
        assert!(why.contains(said), "{attack}: {why}");
        assert!(!why.contains("eyJ") && !why.contains("app-secret"), "{attack}: {why}");
    }
    assert_eq!(issuer.asked("/stranger").await, 0, "no key that a token names is fetched");
}

#[tokio::test]
async fn userinfo_tells_what_the_token_does_not_and_of_nobody_else() {
    let Some(issuer) = Issuer::hostile().await else { return };
    let (provider, _) = client(&issuer);
    sign_in(&provider).await.unwrap();
    assert_eq!(issuer.asked("/userinfo").await, 0, "there is nothing to ask");
    let without = |userinfo| json!({"claims": {"email": null, "email_verified": null, "userinfo": userinfo}});
    issuer.control(without(json!({"email": "ada@example.org", "email_verified": true}))).await;
    let ada = sign_in(&provider).await.unwrap();
    assert_eq!((ada.email.as_deref(), ada.email_verified), (Some("ada@example.org"), true));
    assert_eq!(ada.given_name.as_deref(), Some("Ada"));
    issuer.control(without(json!({"email": "ada@example.org"}))).await;
    assert!(!sign_in(&provider).await.unwrap().email_verified);
    issuer.control(without(json!({"sub": "4712", "email": "ada@example.org", "email_verified": true}))).await;
    assert!(reason(sign_in(&provider).await).contains("another subject"));
    issuer.control(without(json!({"email": 4711}))).await;
    assert!(reason(sign_in(&provider).await).contains("userinfo"));
}

#[tokio::test]
async fn the_issuer_is_asked_as_seldom_as_possible() {
    let Some(issuer) = Issuer::hostile().await else { return };
    let (provider, clock) = client(&issuer);
    assert_eq!(issuer.asked(DISCOVERY).await, 0, "not before somebody comes");
    for _ in 0..3 {
        sign_in(&provider).await.unwrap();
    }
    assert_eq!((issuer.asked(DISCOVERY).await, issuer.asked("/jwks").await), (1, 1));
    let back = callback();
    let at_once = (0..8).map(|_| provider.begin(&back));
    for begun in futures::future::join_all(at_once).await {
        begun.unwrap();
    }
    assert_eq!(issuer.asked(DISCOVERY).await, 1);
    clock.advance(Duration::from_secs(60 * 60));
    provider.begin(&callback()).await.unwrap();
    assert_eq!((issuer.asked(DISCOVERY).await, issuer.asked("/jwks").await), (2, 2));
    // What is known works on while the issuer is down, and it is asked again after a minute.
    clock.advance(Duration::from_secs(60 * 60));
    issuer.control(json!({"trouble": {DISCOVERY: "500"}})).await;
    provider.begin(&callback()).await.unwrap();
    provider.begin(&callback()).await.unwrap();
    assert_eq!(issuer.asked(DISCOVERY).await, 3);
    clock.advance(Duration::from_secs(60));
    provider.begin(&callback()).await.unwrap();
    assert_eq!(issuer.asked(DISCOVERY).await, 4);
    // A clock that is set back makes nothing known for longer.
    issuer.control(json!({"trouble": {}})).await;
    clock.set(clock.now() - SignedDuration::from_hours(5));
    provider.begin(&callback()).await.unwrap();
    assert_eq!(issuer.asked(DISCOVERY).await, 5);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_fetches_five_times_and_one_more_each_half_minute() {
    let Some(issuer) = Issuer::hostile().await else { return };
    let (provider, clock) = client(&issuer);
    issuer.control(json!({"token": "unknown_kid"})).await;
    for _ in 0..10 {
        assert!(reason(sign_in(&provider).await).contains("No matching key"));
    }
    assert_eq!(issuer.asked("/jwks").await, 1 + 5);
    clock.advance(Duration::from_secs(30));
    for _ in 0..3 {
        assert!(reason(sign_in(&provider).await).contains("No matching key"));
    }
    assert_eq!(issuer.asked("/jwks").await, 1 + 5 + 1);
    clock.advance(Duration::from_secs(30));
    issuer.control(json!({"token": "good", "rotate": true, "claims": {"exp": 4_000_000_000_u64}})).await;
    sign_in(&provider).await.unwrap();
    assert_eq!(issuer.asked("/jwks").await, 1 + 5 + 2);
    sign_in(&provider).await.unwrap();
    assert_eq!(issuer.asked("/jwks").await, 1 + 5 + 2);
}

#[tokio::test]
async fn an_issuer_that_is_down_is_not_asked_by_everybody() {
    let Some(issuer) = Issuer::hostile().await else { return };
    let (provider, clock) = client(&issuer);
    issuer.control(json!({"trouble": {DISCOVERY: "500"}})).await;
    for _ in 0..5 {
        let begun = provider.begin(&callback()).await;
        assert!(matches!(begun, Err(IdentityError::Unavailable(Unavailable { retryable: true, .. }))));
    }
    assert_eq!(issuer.asked(DISCOVERY).await, 1);
    issuer.control(json!({"trouble": {}})).await;
    clock.advance(Duration::from_secs(2));
    sign_in(&provider).await.unwrap();
}

#[tokio::test]
async fn a_check_tells_a_good_client_from_a_wrong_one_and_from_a_wrong_issuer() {
    let Some(issuer) = Issuer::hostile().await else { return };
    let (provider, _) = client(&issuer);
    provider.check().await.unwrap();
    let with = |issuer: &str, secret: &str| {
        let config = OidcConfig::new(issuer, "app", secret.to_owned().into()).unwrap();
        OidcProvider::new(config, Arc::new(SystemClock), Arc::new(SystemRng)).unwrap()
    };
    let fault = |checked: Result<(), IdentityError>| match checked {
        Err(IdentityError::Unavailable(fault)) => fault,
        other => panic!("{other:?}"),
    };
    let wrong = fault(with(&issuer.url, "hunter2").check().await);
    assert!(!wrong.retryable && wrong.source.to_string().contains("invalid_client"), "{wrong}");
    assert!(!format!("{wrong:?}").contains("hunter2"));
    issuer.control(json!({"says": "https://accounts.google.com"})).await;
    let other = fault(with(&issuer.url, "app-secret").check().await);
    assert!(!other.retryable && other.source.to_string().contains("another one"), "{other}");
    let gone = fault(with("http://127.0.0.1:1", "app-secret").check().await);
    assert!(gone.retryable, "{gone}");
}
