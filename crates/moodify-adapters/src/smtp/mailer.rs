use std::sync::Arc;

use async_trait::async_trait;
use deadpool::managed::{Object, Pool, PoolError};
use lettre::transport::smtp::extension::ClientId;
use moodify_core::model::Mail;
use moodify_core::port::{Clock, MailError, Mailer, Unavailable};

use super::connector::Connector;
use super::{SmtpConfig, error};
use crate::message;

/// Hands mails to a mail server, over connections that are used again.
pub struct SmtpMailer {
    connections: Pool<Connector>,
    config: SmtpConfig,
    clock: Arc<dyn Clock>,
}

impl SmtpMailer {
    /// A mailer for this server; nothing is opened yet. The clock gives the mails their date.
    ///
    /// # Errors
    /// [`Unavailable`] if the configuration's certificates cannot be used.
    pub fn new(config: SmtpConfig, clock: Arc<dyn Clock>) -> Result<Self, Unavailable> {
        // RFC 5321, 4.1.4: an address literal where there is no name to give.
        let connector = Connector::new(config.clone(), ClientId::default())?;
        let connections = Pool::builder(connector).max_size(config.max_connections).build();
        Ok(Self { connections: connections.map_err(Unavailable::lasting)?, config, clock })
    }

    async fn connection(&self) -> Result<Object<Connector>, Unavailable> {
        self.connections.get().await.map_err(|error| match error {
            PoolError::Backend(fault) => fault,
            error => Unavailable::passing(error),
        })
    }

    /// Whatever is asked of the server within the time that it has.
    async fn in_time<T, E: From<Unavailable>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match tokio::time::timeout(self.config.timeout, work).await {
            Ok(done) => done,
            Err(_) => {
                let within = self.config.timeout;
                Err(Unavailable::passing(format!("the mail server did not answer within {within:?}")).into())
            }
        }
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = message::message(mail, self.clock.now())?;
        let bytes = message.formatted();
        self.in_time(async {
            let mut lent = Lent(Some(self.connection().await?));
            if let Some(connection) = &mut lent.0 {
                connection.send(message.envelope(), &bytes).await.map_err(error::sending)?;
            }
            drop(lent.0.take());
            Ok(())
        })
        .await
    }

    async fn check(&self) -> Result<(), MailError> {
        // Getting one asks the server: it is opened, or an old one is tried.
        Ok(self.in_time(async { self.connection().await.map(drop) }).await?)
    }
}

/// A connection in the middle of an exchange. If that is cut off, nobody knows what the server would
/// answer next: it leaves the pool.
struct Lent(Option<Object<Connector>>);

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}
