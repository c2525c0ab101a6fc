use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::model::Mail;
use crate::port::{MailError, Mailer};

/// A mailer that keeps what it is given: once for each `message_id`.
#[derive(Debug, Default)]
pub struct MemoryMailer {
    sent: Mutex<Vec<Mail>>,
}

impl MemoryMailer {
    /// A mailer that has sent nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The mails sent so far, in their order.
    pub fn sent(&self) -> Vec<Mail> {
        self.mails().clone()
    }

    fn mails(&self) -> MutexGuard<'_, Vec<Mail>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let mut mails = self.mails();
        if mails.iter().all(|sent| sent.message_id != mail.message_id) {
            mails.push(mail.clone());
        }
        Ok(())
    }

    async fn check(&self) -> Result<(), MailError> {
        Ok(())
    }

    fn knows_messages(&self) -> bool {
        true
    }
}
