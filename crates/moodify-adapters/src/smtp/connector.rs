//! Opens connections, and finds out whether an old one still stands.

use std::time::Duration;

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use lettre::transport::smtp::{
    self,
    authentication::{Credentials, Mechanism},
    client::{AsyncSmtpConnection, Certificate, TlsParameters},
    extension::ClientId,
};
use moodify_core::port::Unavailable;
use secrecy::{ExposeSecret, SecretString};

use super::{Encryption, LogIn, SmtpConfig, error};

/// How long an old connection has to answer before a new one takes its place.
const ASKED: Duration = Duration::from_secs(5);

pub(super) struct Connector {
    config: SmtpConfig,
    hello: ClientId,
    tls: Option<TlsParameters>,
}

/// What became of a token.
enum Welcome {
    In,
    Refused(smtp::Error),
}

impl Connector {
    pub(super) fn new(config: SmtpConfig, hello: ClientId) -> Result<Self, Unavailable> {
        let tls = match config.encryption {
            Encryption::Off => None,
            Encryption::Implicit | Encryption::StartTls => Some(tls(&config)?),
        };
        Ok(Self { config, hello, tls })
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Unavailable> {
        match &self.config.log_in {
            LogIn::Nobody => self.connect().await,
            LogIn::Password { user, password } => {
                let mut connection = self.connect().await?;
                let who = Credentials::new(user.clone(), password.expose_secret().to_owned());
                let greeted = connection.auth(&[Mechanism::Plain, Mechanism::Login], &who).await;
                greeted.map_err(error::opening)?;
                Ok(connection)
            }
            LogIn::Token { user, tokens } => {
                let token = tokens.current().await?;
                let mut connection = self.connect().await?;
                let Welcome::Refused(_) = present(&mut connection, user, &token).await? else {
                    return Ok(connection);
                };
                // Tokens are revoked, and clocks differ: a new one gets one chance.
                tokens.refused(&token).await;
                let token = tokens.current().await?;
                let mut connection = self.connect().await?;
                match present(&mut connection, user, &token).await? {
                    Welcome::In => Ok(connection),
                    Welcome::Refused(error) => Err(Unavailable::lasting(error)),
                }
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Unavailable> {
        let config = &self.config;
        let implicit = self.tls.clone().filter(|_| config.encryption == Encryption::Implicit);
        let server = (config.host.trim_matches(['[', ']']), config.port);
        let opened =
            AsyncSmtpConnection::connect_tokio1(server, Some(config.timeout), &self.hello, implicit, None);
        let mut connection = opened.await.map_err(error::opening)?;
        if let (Encryption::StartTls, Some(tls)) = (config.encryption, &self.tls) {
            connection.starttls(tls.clone(), &self.hello).await.map_err(error::opening)?;
        }
        Ok(connection)
    }
}

impl Manager for Connector {
    type Type = AsyncSmtpConnection;
    type Error = Unavailable;

    async fn create(&self) -> Result<AsyncSmtpConnection, Unavailable> {
        // A handshake has a large state; without the box whoever sends a mail would carry it.
        Box::pin(self.open()).await
    }

    async fn recycle(&self, connection: &mut AsyncSmtpConnection, _: &Metrics) -> RecycleResult<Unavailable> {
        if connection.has_broken() {
            return Err(RecycleError::message("it broke"));
        }
        match tokio::time::timeout(ASKED, connection.test_connected()).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(RecycleError::message("the server has closed it")),
        }
    }
}

/// A server tells a bad token by a challenge that nobody can answer, or by a plain refusal.
async fn present(
    connection: &mut AsyncSmtpConnection,
    user: &str,
    token: &SecretString,
) -> Result<Welcome, Unavailable> {
    let who = Credentials::new(user.to_owned(), token.expose_secret().to_owned());
    match connection.auth(&[Mechanism::Xoauth2], &who).await {
        Ok(_) => Ok(Welcome::In),
        Err(error) if error.is_permanent() || error.is_client() => {
            connection.abort().await;
            Ok(Welcome::Refused(error))
        }
        Err(error) => Err(error::opening(error)),
    }
}

fn tls(config: &SmtpConfig) -> Result<TlsParameters, Unavailable> {
    let mut tls = TlsParameters::builder(config.host.trim_matches(['[', ']']).to_owned());
    if let Some(pem) = &config.authorities {
        tls = tls.add_root_certificate(Certificate::from_pem(pem.as_bytes()).map_err(Unavailable::lasting)?);
    }
    tls.build_rustls().map_err(Unavailable::lasting)
}
