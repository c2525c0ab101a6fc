//! Access tokens that were not made here, or not for this.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use moodify_core::model::KeyPurpose;
use moodify_core::port::KeyStore;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{Account, World};

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn decode(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A forger who knows a good token, and for some tests even the server's own key.
struct Forge {
    world: World,
    ada: Account,
    header: Value,
    claims: Value,
    key: SigningKey,
}

impl Forge {
    async fn new() -> Self {
        let world = World::new();
        let ada = world.listener("ada").await;
        let parts: Vec<&str> = ada.token.split('.').collect();
        let (header, claims) = (decode(parts[0]), decode(parts[1]));
        let keys = world.store.keys(KeyPurpose::AccessToken).await.unwrap();
        let key = SigningKey::from_bytes(&keys[0].expose());
        Self { world, ada, header, claims, key }
    }

    fn signed(header: &Value, claims: &Value, key: &SigningKey) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()).to_bytes());
        format!("{message}.{signature}")
    }

    fn with_header(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut header = self.header.clone();
        change(&mut header);
        Self::signed(&header, &self.claims, &self.key)
    }

    fn with_claims(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims.clone();
        change(&mut claims);
        Self::signed(&self.header, &claims, &self.key)
    }

    async fn assert_refused(&self, name: &str, token: &str) {
        let answer = self.world.get("/v1/me", token).await;
        assert_eq!(answer.any_problem()["code"], "invalid_token", "{name}");
        assert!(answer.header("www-authenticate").contains("invalid_token"), "{name}");
    }
}

#[tokio::test]
async fn the_forge_works() {
    let forge = Forge::new().await;
    let renewed = forge.with_claims(|claims| claims["jti"] = json!("another"));
    forge.world.get("/v1/me", &renewed).await.json(200);
}

#[tokio::test]
async fn other_algorithms_and_keys() {
    let forge = Forge::new().await;
    let unsigned = |alg: &str| {
        let mut header = forge.header.clone();
        header["alg"] = json!(alg);
        format!("{}.{}.", encode(&header), encode(&forge.claims))
    };
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        forge.assert_refused(alg, &unsigned(alg)).await;
    }
    let public = forge.key.verifying_key();
    for secret in [public.as_bytes().to_vec(), URL_SAFE_NO_PAD.encode(public.as_bytes()).into_bytes()] {
        let mut header = forge.header.clone();
        header["alg"] = json!("HS256");
        let message = format!("{}.{}", encode(&header), encode(&forge.claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
        mac.update(message.as_bytes());
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        forge.assert_refused("key confusion", &token).await;
    }
    let foreign = SigningKey::from_bytes(&[7; 32]);
    forge.assert_refused("foreign key", &Forge::signed(&forge.header, &forge.claims, &foreign)).await;
    let jwk = json!({
        "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(foreign.verifying_key().as_bytes()),
    });
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/x.pem")),
        ("kid", json!("01890000-0000-7000-8000-000000000000")),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("' UNION SELECT 'x' --")),
        ("crit", json!(["exp"])),
        ("zip", json!("DEF")),
    ] {
        let mut header = forge.header.clone();
        header[name] = value;
        forge.assert_refused(name, &Forge::signed(&header, &forge.claims, &foreign)).await;
    }
}

#[tokio::test]
async fn even_rightly_signed_headers_must_be_ours() {
    let forge = Forge::new().await;
    for (name, value) in [
        ("typ", json!("JWT")),
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("jku", json!("https://evil.example/jwks.json")),
        ("crit", json!(["exp"])),
        ("kid", Value::Null),
    ] {
        forge.assert_refused(name, &forge.with_header(|header| header[name] = value)).await;
    }
}

#[tokio::test]
async fn claims_are_all_required_and_right() {
    let forge = Forge::new().await;
    let now = forge.claims["iat"].as_i64().unwrap();
    for name in ["iss", "aud", "sub", "iat", "exp", "jti", "role", "sid"] {
        let without = forge.with_claims(|claims| {
            claims.as_object_mut().unwrap().remove(name);
        });
        forge.assert_refused(name, &without).await;
    }
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!("somebody-else")),
        ("sub", json!({"$ne": null})),
        ("sub", json!("01890000-0000-7000-8000-000000000000")),
        ("role", json!("admin")),
        ("exp", json!("tomorrow")),
        ("iat", json!(now + 3_600)),
    ] {
        forge.assert_refused(name, &forge.with_claims(|claims| claims[name] = value)).await;
    }
    let expired = forge.with_claims(|claims| claims["exp"] = json!(now - 60));
    forge.world.get("/v1/me", &expired).await.problem(401, "token_expired");
}

#[tokio::test]
async fn what_is_no_access_token() {
    let forge = Forge::new().await;
    let token = &forge.ada.token;
    let (message, signature) = token.rsplit_once('.').unwrap();
    for (name, token) in [
        ("refresh token", forge.ada.refresh_token.clone()),
        ("100 KB", "x".repeat(100_000)),
        ("100 KB of claims", format!("{}.{}.x", encode(&forge.header), "A".repeat(100_000))),
        ("rubbish", "..".to_owned()),
        ("one part", "x".to_owned()),
        ("no signature", format!("{message}.")),
        ("padded", format!("{token}=")),
        ("a part too many", format!("{token}.x")),
        ("cut", token[..token.len() - 2].to_owned()),
        ("other payload", format!("{}.{signature}", message.to_uppercase())),
    ] {
        forge.assert_refused(name, &token).await;
    }
}

#[tokio::test]
async fn other_schemes_and_several_headers() {
    let forge = Forge::new().await;
    let token = &forge.ada.token;
    for values in [
        vec![format!("Basic {token}")],
        vec![token.clone()],
        vec!["Bearer".to_owned()],
        vec!["Bearer ".to_owned()],
        vec![format!("Bearer {token} x")],
        vec![format!("Bearer {token}"), format!("Bearer {token}")],
        vec!["\u{e4}".to_owned()],
    ] {
        let request = values.iter().fold(http::Request::get("/v1/me"), |r, v| r.header("authorization", v));
        let answer = forge.world.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.any_problem()["status"], 401, "{values:?}");
    }
    let request = http::Request::get("/v1/me").header("authorization", format!("bearer {token}"));
    forge.world.send(request.body(axum::body::Body::empty()).unwrap()).await.json(200);
}
