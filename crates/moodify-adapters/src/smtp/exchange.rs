//! One mail, from `MAIL` to the answer to its last line; and whether the server had all of it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool::managed::Object;
use lettre::Address;
use lettre::address::Envelope;
use lettre::transport::smtp;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use moodify_core::port::{LateAnswer, MailError, Unavailable};
use tokio::sync::OwnedSemaphorePermit;

use super::connector::Connector;
use super::error;

/// How long a server has to say goodbye after it refused a mail.
const PARTING: Duration = Duration::from_secs(1);

/// A connection in the middle of an exchange. If that is cut off, nobody knows what the server would
/// answer next: it leaves the pool.
pub(super) struct Lent(Option<Object<Connector>>);

impl Lent {
    pub(super) fn new(connection: Object<Connector>) -> Self {
        Self(Some(connection))
    }

    /// Back into the pool: the exchange ended well.
    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}

/// A mail on its way to the server. It goes on only while somebody waits for its answer.
pub(super) struct Exchange {
    answer: Pin<Box<dyn Future<Output = Result<(), MailError>> + Send>>,
    whole: Arc<AtomicBool>,
}

impl Exchange {
    pub(super) fn new(lent: Lent, envelope: Envelope, message: Vec<u8>) -> Self {
        let whole = Arc::new(AtomicBool::new(false));
        let answer = Box::pin(hand_over(lent, envelope, message, Arc::clone(&whole)));
        Self { answer, whole }
    }

    /// What the server says of it. May be given up, and asked again.
    pub(super) async fn answer(&mut self) -> Result<(), MailError> {
        self.answer.as_mut().await
    }

    /// Whether the server may have all of the mail, and so may deliver it whatever happens here.
    pub(super) fn is_whole(&self) -> bool {
        self.whole.load(Ordering::SeqCst)
    }

    /// Goes on waiting for this long, as one of those that may.
    pub(super) fn later(self, patience: Duration, permit: OwnedSemaphorePermit) -> LateAnswer {
        LateAnswer::new(async move {
            let answered = tokio::time::timeout(patience, self.answer).await;
            drop(permit);
            answered.unwrap_or_else(|_| {
                Err(MailError::Unanswered { reason: format!("not within {patience:?}"), late: None })
            })
        })
    }
}

async fn hand_over(
    mut lent: Lent,
    envelope: Envelope,
    message: Vec<u8>,
    whole: Arc<AtomicBool>,
) -> Result<(), MailError> {
    let Some(connection) = lent.0.as_deref_mut() else {
        return Err(Unavailable::passing("the connection is given back").into());
    };
    let options = options(connection, &envelope, &message)?;
    match converse(connection, &envelope, options, &message, &whole).await {
        Ok(()) => {
            lent.give_back();
            Ok(())
        }
        // Whatever came, it was no answer.
        Err(error) if error.status().is_none() && whole.load(Ordering::SeqCst) => {
            Err(MailError::Unanswered { reason: error::one_line(&error), late: None })
        }
        Err(error) => {
            // A courtesy, beside: the answer is known, and waits for nothing.
            tokio::spawn(async move {
                if let Some(connection) = lent.0.as_deref_mut() {
                    let _ = tokio::time::timeout(PARTING, connection.abort()).await;
                }
            });
            Err(error::sending(error))
        }
    }
}

async fn converse(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    options: Vec<MailParameter>,
    message: &[u8],
    whole: &AtomicBool,
) -> Result<(), smtp::Error> {
    connection.command(Mail::new(envelope.from().cloned(), options)).await?;
    for to in envelope.to() {
        connection.command(Rcpt::new(to.clone(), Vec::new())).await?;
    }
    connection.command(Data).await?;
    connection.message_iter(Body { message: Some(message), whole }).await?;
    Ok(())
}

/// What has to be said of a mail beforehand (RFC 6152, RFC 6531).
///
/// # Errors
/// [`MailError::Refused`] if this server cannot carry it.
fn options(
    connection: &AsyncSmtpConnection,
    envelope: &Envelope,
    message: &[u8],
) -> Result<Vec<MailParameter>, MailError> {
    let server = connection.server_info();
    let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
    let mut options = Vec::new();
    if !envelope.from().into_iter().chain(envelope.to()).all(is_ascii) {
        if !server.supports_feature(Extension::SmtpUtfEight) {
            return Err(refused("the address is not ASCII, and the server does not support SMTPUTF8"));
        }
        options.push(MailParameter::SmtpUtfEight);
    }
    if !message.is_ascii() {
        if !server.supports_feature(Extension::EightBitMime) {
            return Err(refused("the mail is not ASCII, and the server does not support 8BITMIME"));
        }
        options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(options)
}

fn refused(reason: &str) -> MailError {
    MailError::Refused { reason: reason.to_owned() }
}

/// A message in one piece. The connection asks for another one right before it writes the line that ends the
/// mail: from then on the server may have all of it.
struct Body<'a> {
    message: Option<&'a [u8]>,
    whole: &'a AtomicBool,
}

impl<'a> Iterator for Body<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let piece = self.message.take();
        if piece.is_none() {
            self.whole.store(true, Ordering::SeqCst);
        }
        piece
    }
}
