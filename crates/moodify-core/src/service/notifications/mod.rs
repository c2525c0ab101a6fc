//! The notification service: turns events into mails.

mod render;
mod send;
mod welcome;

use std::sync::Arc;

use async_trait::async_trait;

use self::render::Renderer;
use super::Context;
use super::delivery::{HandleError, Handler};
use crate::Error;
use crate::config::Config;
use crate::model::{Event, EventKind, EventPayload, Mailbox};
use crate::port::{Consumer, Mailer, SendLog};

/// Sends each mail once. A duplicate is possible only if the process dies between the mail server's
/// acceptance and our note of it, and not with a mailer that honours message ids.
#[derive(Clone)]
pub struct Notifications {
    inner: Arc<Inner>,
}

struct Inner {
    mailer: Arc<dyn Mailer>,
    log: Arc<dyn SendLog>,
    context: Context,
    renderer: Renderer,
    sender: Mailbox,
}

impl Notifications {
    /// The service over these parts.
    ///
    /// # Errors
    /// [`Error::Internal`] if a template is broken.
    pub fn new(
        mailer: Arc<dyn Mailer>,
        log: Arc<dyn SendLog>,
        context: Context,
        config: &Config,
    ) -> Result<Self, Error> {
        let renderer = Renderer::new(config)?;
        let sender = config.mail.sender()?;
        Ok(Self { inner: Arc::new(Inner { mailer, log, context, renderer, sender }) })
    }
}

#[async_trait]
impl Handler for Notifications {
    fn consumer(&self) -> Consumer {
        Consumer { name: "notification", kinds: vec![EventKind::AccountCreated] }
    }

    async fn handle(&self, event: &Event) -> Result<(), HandleError> {
        match &event.payload {
            EventPayload::AccountCreated(account) => self.welcome(event.id, account).await,
            _ => Ok(()),
        }
    }
}
