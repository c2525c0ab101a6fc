//! Attacks on access tokens (RFC 8725).

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use moodify_core::model::KeyPurpose;
use moodify_core::port::KeyStore;
use moodify_core::{AuthFailure, Error};
use serde_json::{Value, json};

use crate::world::World;

/// A world, somebody's good token, and the key that signed it.
struct Attack {
    world: World,
    token: String,
    key: SigningKey,
}

impl Attack {
    async fn new() -> Self {
        let world = World::new();
        let token = world.sign_up("ada@example.com").await.access_token;
        let stored = world.store.keys(KeyPurpose::AccessToken).await.unwrap().remove(0);
        Self { world, token, key: SigningKey::from_bytes(&stored.expose()) }
    }

    fn part(&self, index: usize) -> Value {
        let part = self.token.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    /// The token with this header and these claims, signed by this key.
    fn forge(key: &SigningKey, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).to_bytes());
        format!("{signed}.{signature}")
    }

    async fn refused(&self, token: &str, what: &str) -> AuthFailure {
        match self.world.moodify.accounts().authenticate(token).await {
            Err(Error::Unauthenticated(failure)) => failure,
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_forgery_itself_works_when_nothing_is_changed() {
    let attack = Attack::new().await;
    let token = Attack::forge(&attack.key, &attack.part(0), &attack.part(1));
    attack.world.moodify.accounts().authenticate(&token).await.unwrap();
}

#[tokio::test]
async fn headers_decide_nothing() {
    let attack = Attack::new().await;
    let kid = attack.part(0)["kid"].clone();
    let foreign = SigningKey::from_bytes(&[7; 32]);
    let header = |extra: Value| {
        let mut header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid});
        header.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        header
    };
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(foreign.verifying_key())});
    for (key, extra) in [
        (&attack.key, json!({"alg": "none"})),
        (&attack.key, json!({"alg": "HS256"})),
        (&attack.key, json!({"alg": "ES256"})),
        (&attack.key, json!({"typ": "JWT"})),
        (&attack.key, json!({"crit": ["exp"]})),
        (&attack.key, json!({"kid": "../../dev/null"})),
        (&attack.key, json!({"kid": "01890000-0000-7000-8000-000000000000"})),
        (&foreign, json!({})),
        (&foreign, json!({"jwk": jwk})),
        (&foreign, json!({"jku": "https://evil.example/jwks.json"})),
    ] {
        let forged = Attack::forge(key, &header(extra.clone()), &attack.part(1));
        assert_eq!(attack.refused(&forged, &extra.to_string()).await, AuthFailure::InvalidToken);
    }
}

#[tokio::test]
async fn every_claim_is_required_and_checked() {
    let attack = Attack::new().await;
    let good = attack.part(1);
    for claim in ["iss", "aud", "sub", "iat", "exp", "jti", "role", "sid", "name"] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(claim);
        let forged = Attack::forge(&attack.key, &attack.part(0), &claims);
        assert_eq!(attack.refused(&forged, claim).await, AuthFailure::InvalidToken);
    }
    let later = good["iat"].as_i64().unwrap() + 606;
    for (claim, value) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!("other")),
        ("aud", json!(["moodify"])),
        ("role", json!("admin")),
        ("sub", json!("1 OR 1=1")),
        ("iat", json!(later)),
        ("exp", json!("soon")),
        ("exp", json!(i64::MAX)),
        ("exp", json!(1e300)),
    ] {
        let mut claims = good.clone();
        claims[claim] = value;
        let forged = Attack::forge(&attack.key, &attack.part(0), &claims);
        assert_eq!(attack.refused(&forged, claim).await, AuthFailure::InvalidToken);
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused_at_any_size() {
    let attack = Attack::new().await;
    let token = attack.token.clone();
    let unsigned = token.rsplit_once('.').unwrap().0;
    for text in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        unsigned,
        &format!("{unsigned}."),
        &format!("{token}="),
        &format!("{token}.x"),
        &format!(" {token}"),
        &"A".repeat(100_000),
        &format!("{token}{}", "A".repeat(100_000)),
        "\0\0\0",
    ] {
        assert_eq!(attack.refused(text, &format!("{text:.30}")).await, AuthFailure::InvalidToken);
    }
}

/// Its signature is not verified again; everything else is.
#[tokio::test]
async fn a_token_that_was_good_vouches_for_no_other_and_for_no_other_time() {
    let attack = Attack::new().await;
    let accounts = attack.world.moodify.accounts();
    for _ in 0..2 {
        accounts.authenticate(&attack.token).await.unwrap();
    }
    let mut claims = attack.part(1);
    claims["role"] = json!("artist");
    let (signed, signature) = attack.token.rsplit_once('.').unwrap();
    let header = signed.split_once('.').unwrap().0;
    let raised = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    assert_eq!(attack.refused(&raised, "raised").await, AuthFailure::InvalidToken);

    let other = Attack::forge(&SigningKey::from_bytes(&[7; 32]), &attack.part(0), &attack.part(1));
    let signature = other.rsplit_once('.').unwrap().1;
    assert_eq!(attack.refused(&format!("{signed}.{signature}"), "foreign").await, AuthFailure::InvalidToken);

    attack.world.clock.advance(Duration::from_secs(606));
    assert_eq!(attack.refused(&attack.token, "old").await, AuthFailure::ExpiredToken);
}

#[tokio::test]
async fn a_token_ends_after_ten_minutes_and_five_seconds_of_leeway() {
    let attack = Attack::new().await;
    attack.world.clock.advance(Duration::from_secs(604));
    attack.world.moodify.accounts().authenticate(&attack.token).await.unwrap();
    attack.world.clock.advance(Duration::from_secs(1));
    assert_eq!(attack.refused(&attack.token, "late").await, AuthFailure::ExpiredToken);
}

#[tokio::test]
async fn the_published_key_verifies_and_nothing_secret_is_published() {
    let attack = Attack::new().await;
    let jwks = attack.world.moodify.accounts().jwks().await.unwrap();
    let jwks = serde_json::to_value(&jwks).unwrap();
    let key = jwks["keys"][0].as_object().unwrap();
    assert_eq!(key["x"], URL_SAFE_NO_PAD.encode(attack.key.verifying_key()));
    assert_eq!(key["kid"], attack.part(0)["kid"]);
    let mut names: Vec<_> = key.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"]);
}
