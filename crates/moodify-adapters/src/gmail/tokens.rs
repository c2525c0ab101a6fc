//! Access tokens, fetched by a refresh token (RFC 6749, 6).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use moodify_core::model::{Timestamp, is_due, later};
use moodify_core::port::{Clock, Unavailable};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::GmailConfig;
use crate::smtp::AccessTokens;
use crate::web::Client;

/// A token is not handed out for the last minute of its life: a mail takes a while.
const RESERVE: Duration = Duration::from_secs(60);
/// Less than a mail may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an endpoint that is down or busy is left alone.
const BUSY: Duration = Duration::from_secs(5);
/// The same for one that refuses: until somebody acts it will.
const REFUSING: Duration = Duration::from_secs(60);
/// What RFC 6749, 5.1 leaves open, and Google does not.
const ASSUMED_LIFE: u64 = 3600;

/// One token for everybody who sends.
pub(super) struct RefreshedTokens {
    config: GmailConfig,
    client: Client,
    clock: Arc<dyn Clock>,
    // Held while one is fetched, so that all who wait get the same: a token, or the fault.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    failed: Option<Failed>,
}

struct Kept {
    token: SecretString,
    until: Timestamp,
}

/// Why none was granted, told to everybody until it is tried again.
struct Failed {
    retryable: bool,
    said: String,
    until: Timestamp,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: Option<u64>,
}

/// RFC 6749, 5.2.
#[derive(Deserialize)]
struct Denied {
    error: String,
    error_description: Option<String>,
}

impl RefreshedTokens {
    pub(super) fn new(config: GmailConfig, clock: Arc<dyn Clock>) -> Result<Self, Unavailable> {
        let client = Client::new(PATIENCE, config.server.authorities.as_deref())?;
        Ok(Self { config, client, clock, state: Mutex::default() })
    }

    async fn fetch(&self) -> Result<Granted, Unavailable> {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", self.config.client_id.as_str()),
            ("client_secret", self.config.client_secret.expose_secret()),
            ("refresh_token", self.config.refresh_token.expose_secret()),
        ];
        let (status, body) = self.client.post_form(&self.config.token_url, &form).await?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| {
                Unavailable::passing("the token endpoint answered something that holds no access token")
            });
        }
        let said = match serde_json::from_slice::<Denied>(&body) {
            Ok(Denied { error, error_description: Some(more) }) => format!("{error}: {more}"),
            Ok(Denied { error, .. }) => error,
            Err(_) => "nothing more".to_owned(),
        };
        let fault = format!("the token endpoint answered {status}, and said {said}");
        // Google is too busy, or asks to slow down.
        if status.is_server_error() || status.as_u16() == 429 {
            return Err(Unavailable::passing(fault));
        }
        Err(Unavailable::lasting(fault))
    }
}

#[async_trait]
impl AccessTokens for RefreshedTokens {
    async fn current(&self) -> Result<SecretString, Unavailable> {
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        if let Some(Kept { token, until }) = &state.kept
            && now < *until
        {
            return Ok(token.clone());
        }
        if let Some(Failed { retryable, said, until }) = &state.failed
            && !is_due(*until, now)
        {
            return Err(Unavailable { retryable: *retryable, source: said.clone().into() });
        }
        match self.fetch().await {
            Ok(Granted { access_token, expires_in }) => {
                let life = Duration::from_secs(expires_in.unwrap_or(ASSUMED_LIFE)).saturating_sub(RESERVE);
                let kept = Kept { token: access_token.clone(), until: later(now, life) };
                *state = State { kept: Some(kept), failed: None };
                Ok(access_token)
            }
            Err(fault) => {
                // The time that it took counts: whoever stood in line hears of this one.
                let wait = if fault.retryable { BUSY } else { REFUSING };
                let until = later(self.clock.now(), wait);
                let said = fault.source.to_string();
                state.failed = Some(Failed { retryable: fault.retryable, said, until });
                Err(fault)
            }
        }
    }

    async fn refused(&self, token: &SecretString) {
        let mut state = self.state.lock().await;
        // Another sender may have fetched a new one meanwhile.
        if state.kept.as_ref().is_some_and(|kept| kept.token.expose_secret() == token.expose_secret()) {
            state.kept = None;
        }
    }
}
