//! Asks the auth service for its keys.

use std::time::Duration;

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hyper::StatusCode;
use moodify_core::port::{BoxError, PublishedKey, PublishedKeys, PublishedKeysError, Unavailable};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::web::Client;

/// A request may wait for this.
const PATIENCE: Duration = Duration::from_secs(5);

/// The keys that stand at an address.
pub struct JwksKeys {
    client: Client,
    url: Url,
}

#[derive(Debug, thiserror::Error)]
#[error("{url} does not answer: {source}")]
struct Silent {
    url: Url,
    source: BoxError,
}

/// Each key as it is, so that a strange one spoils no other.
#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    kid: String,
    x: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
}

impl JwksKeys {
    /// Those at this `http` or `https` address.
    ///
    /// # Errors
    /// [`Unavailable::lasting`] if TLS cannot be set up.
    pub fn new(url: Url) -> Result<Self, Unavailable> {
        Ok(Self { client: Client::new(PATIENCE, None)?, url })
    }
}

#[async_trait]
impl PublishedKeys for JwksKeys {
    async fn fetch(&self) -> Result<Vec<PublishedKey>, PublishedKeysError> {
        let Self { client, url } = self;
        let strange = |what: String| Unavailable::passing(format!("{url} {what}"));
        let (status, body) = client
            .get(url)
            .await
            .map_err(|fault| Unavailable::passing(Silent { url: url.clone(), source: fault.source }))?;
        if status != StatusCode::OK {
            return Err(strange(format!("answered {status}")).into());
        }
        let keys = parse(&body).map_err(|error| strange(format!("answered no JWKS: {error}")))?;
        if keys.is_empty() {
            return Err(strange("has no Ed25519 key".to_owned()).into());
        }
        Ok(keys)
    }
}

fn parse(body: &[u8]) -> Result<Vec<PublishedKey>, serde_json::Error> {
    let Jwks { keys } = serde_json::from_slice(body)?;
    Ok(keys.into_iter().filter_map(|key| usable(serde_json::from_value(key).ok()?)).collect())
}

fn usable(key: Jwk) -> Option<PublishedKey> {
    let fits = key.kty == "OKP"
        && key.crv == "Ed25519"
        && key.alg.is_none_or(|alg| alg == "EdDSA")
        && key.usage.is_none_or(|usage| usage == "sig");
    if !fits {
        return None;
    }
    let public = URL_SAFE_NO_PAD.decode(key.x).ok()?.try_into().ok()?;
    Some(PublishedKey { id: key.kid.parse().ok()?, public })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig",
        "kid":"01890000-0000-7000-8000-000000000000","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    /// Answers one request with this, and returns the address.
    fn server(answer: String) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/.well-known/jwks.json", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            assert!(request.starts_with(b"GET /.well-known/jwks.json HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        url.parse().unwrap()
    }

    fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    async fn fetched(answer: String) -> Result<Vec<PublishedKey>, String> {
        let keys = JwksKeys::new(server(answer)).unwrap().fetch().await;
        keys.map_err(|PublishedKeysError::Unavailable(fault)| {
            assert!(fault.retryable);
            fault.to_string()
        })
    }

    #[tokio::test]
    async fn keys_that_fit_are_taken_and_others_passed_over() {
        let others = [
            KEY.replace("Ed25519", "X25519"),
            KEY.replace("sig", "enc"),
            KEY.replace("EdDSA", "HS256"),
            KEY.replace("11qY", "11q"),
            KEY.replace("01890000-", ""),
            r#"{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}"#.to_owned(),
            "7".to_owned(),
        ];
        let body = format!(r#"{{"keys":[{},{KEY}],"more":1}}"#, others.join(","));
        let keys = fetched(ok(&body)).await.unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].id.to_string(), "01890000-0000-7000-8000-000000000000");
        assert_eq!((keys[0].public[0], keys[0].public[31]), (0xd7, 0x1a));
    }

    #[tokio::test]
    async fn every_other_answer_is_a_fault_that_may_pass() {
        for (answer, expected) in [
            ("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n".to_owned(), "answered 502"),
            ("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".to_owned(), "answered 302"),
            (ok("<html>"), "answered no JWKS"),
            (ok(r#"{"keys":[]}"#), "has no Ed25519 key"),
            (ok(&format!(r#"{{"keys":[{KEY}],"more":"{}"}}"#, "x".repeat(1 << 16))), "jwks.json"),
            ("SSH-2.0-x\r\n".to_owned(), "jwks.json"),
        ] {
            let said = fetched(answer).await.unwrap_err();
            assert!(said.contains(expected), "{said}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_told_with_the_address() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let keys = JwksKeys::new(format!("http://{free}/keys").parse().unwrap()).unwrap();
        let PublishedKeysError::Unavailable(fault) = keys.fetch().await.unwrap_err();
        assert!(fault.to_string().contains(&format!("http://{free}/keys")), "{fault}");
    }
}
