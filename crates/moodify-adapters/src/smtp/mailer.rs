use std::sync::Arc;

use async_trait::async_trait;
use deadpool::managed::{Object, Pool, PoolError};
use lettre::transport::smtp::extension::ClientId;
use moodify_core::model::Mail;
use moodify_core::port::{Clock, MailError, Mailer, Unavailable};
use tokio::sync::Semaphore;

use super::connector::Connector;
use super::exchange::{Exchange, Lent};
use super::{SmtpConfig, error};
use crate::message;

/// How many answers that are late are waited for at once, each on a connection beside those that mails are sent
/// over.
const LATE: usize = 16;

/// Hands mails to a mail server, over connections that are used again.
pub struct SmtpMailer {
    connections: Pool<Connector>,
    turns: Semaphore,
    late: Arc<Semaphore>,
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
        let connections = Pool::builder(connector).max_size(config.max_connections + LATE).build();
        let connections = connections.map_err(Unavailable::lasting)?;
        let (turns, late) = (Semaphore::new(config.max_connections), Arc::new(Semaphore::new(LATE)));
        Ok(Self { connections, turns, late, config, clock })
    }

    async fn connection(&self) -> Result<Object<Connector>, Unavailable> {
        self.connections.get().await.map_err(|error| match error {
            PoolError::Backend(fault) => fault,
            error => Unavailable::passing(error),
        })
    }

    fn silence(&self) -> String {
        format!("the mail server did not answer within {:?}", self.config.timeout)
    }

    /// The server has the mail, and whoever sends it has no more time.
    fn leave(&self, exchange: Exchange) -> MailError {
        let permit = Arc::clone(&self.late).try_acquire_owned().ok();
        let late = permit.map(|permit| exchange.later(self.config.answer_timeout, permit));
        MailError::Unanswered { reason: self.silence(), late }
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = message::message(mail, self.clock.now())?;
        let (envelope, bytes) = (message.envelope().clone(), message.formatted());
        let mut exchange = None;
        let begun = &mut exchange;
        let work = async {
            let _turn = self.turns.acquire().await.map_err(Unavailable::passing)?;
            let lent = Lent::new(self.connection().await.map_err(error::greeting)?);
            begun.insert(Exchange::new(lent, envelope, bytes)).answer().await
        };
        let done = tokio::time::timeout(self.config.timeout, work).await;
        match (done, exchange) {
            (Ok(done), _) => done,
            (Err(_), Some(exchange)) if exchange.is_whole() => Err(self.leave(exchange)),
            (Err(_), _) => Err(Unavailable::passing(self.silence()).into()),
        }
    }

    async fn check(&self) -> Result<(), MailError> {
        // Getting one asks the server: it is opened, or an old one is tried.
        let asked = async {
            let _turn = self.turns.acquire().await.map_err(Unavailable::passing)?;
            self.connection().await.map(drop)
        };
        match tokio::time::timeout(self.config.timeout, asked).await {
            Ok(answered) => Ok(answered?),
            Err(_) => Err(Unavailable::passing(self.silence()).into()),
        }
    }
}
