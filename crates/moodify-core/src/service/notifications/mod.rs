//! The notification service: turns events into mails.

mod built_in;
mod lifetime;
mod links;
mod markup;
mod new_release;
mod pace;
mod password_changed;
mod recipients;
mod releases;
mod reset_password;
mod rest;
mod samples;
mod send;
mod shared_pace;
mod templates;
mod verify_email;
mod welcome;

use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

pub use built_in::sources as built_in_templates;
pub use releases::{Announcements, Releases};
pub use samples::{sample_mails, value_names};
pub use templates::{Rendered, TemplateFault, Templates};

use rest::Rest;
use shared_pace::SharedPace;

use super::Context;
use super::delivery::{HandleError, Handler};
use crate::Error;
use crate::config::{Config, MailLinks};
use crate::model::{Event, EventKind, EventPayload, Mailbox, Timestamp};
use crate::port::{Consumer, Mailer, Queue, RecipientStore, SendLog};

/// Sends each mail once. A duplicate is possible only if the process dies between the mail server's
/// acceptance and our note of it, or the send log cannot take that note for the rest of the 30 s that an
/// event has, or the server takes a mail and never says so; and not with a mailer that honours message ids.
#[derive(Clone)]
pub struct Notifications {
    inner: Arc<Inner>,
}

struct Inner {
    mailer: Arc<dyn Mailer>,
    log: Arc<dyn SendLog>,
    recipients: Arc<dyn RecipientStore>,
    queue: Arc<dyn Queue>,
    context: Context,
    config: Config,
    templates: Templates,
    sender: Mailbox,
    pace: Option<SharedPace>,
    rest: Rest,
}

/// What the notification service is made of.
#[derive(Clone)]
pub struct NotificationParts {
    /// How mails leave.
    pub mailer: Arc<dyn Mailer>,
    /// Which of them left.
    pub log: Arc<dyn SendLog>,
    /// To whom they may go.
    pub recipients: Arc<dyn RecipientStore>,
    /// Where announcements wait for their mails.
    pub queue: Arc<dyn Queue>,
}

impl Notifications {
    /// The service over these parts.
    ///
    /// # Errors
    /// [`Error::Internal`] with a [`TemplateFault`] if a template is broken.
    pub fn new(parts: NotificationParts, context: Context, config: &Config) -> Result<Self, Error> {
        let NotificationParts { mailer, log, recipients, queue } = parts;
        let templates = Templates::load(config).map_err(Error::internal)?;
        let (config, sender) = (config.clone(), config.mail.sender()?);
        let pace = config.mail.max_per_day.map(|max| SharedPace::new(max, sender.email.to_string()));
        let rest = Rest::new();
        let inner = Inner { mailer, log, recipients, queue, context, config, templates, sender, pace, rest };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A link, and for how long it works. One that works no more is not worth a mail.
    fn link_that_works(
        &self,
        expires_at: Timestamp,
        link: impl FnOnce(&MailLinks, &Url) -> String,
    ) -> Result<(String, String), HandleError> {
        let Some(valid_for) = lifetime::until(expires_at, self.inner.context.now()) else {
            let reason = format!("the link expired at {expires_at}, before the mail could leave");
            return Err(HandleError::Never { reason });
        };
        Ok((valid_for, link(&self.inner.config.mail.links, &self.inner.config.public_url)))
    }
}

#[async_trait]
impl Handler for Notifications {
    fn consumer(&self) -> Consumer {
        let kinds = vec![
            EventKind::AccountCreated,
            EventKind::AccountUpdated,
            EventKind::AccountDeleted,
            EventKind::RoleChanged,
            EventKind::EmailVerificationRequested,
            EventKind::PasswordResetRequested,
            EventKind::PasswordChanged,
            EventKind::ArtistFollowed,
            EventKind::ArtistUnfollowed,
        ];
        Consumer { name: "notification", kinds }
    }

    async fn handle(&self, event: &Event) -> Result<(), HandleError> {
        let (id, at) = (event.id, event.occurred_at);
        if self.is_about_somebody_gone(event).await? {
            return Ok(());
        }
        match &event.payload {
            EventPayload::AccountCreated(account) => {
                self.account_was_created(at, account).await?;
                self.welcome(id, account).await
            }
            EventPayload::AccountUpdated(account) => Ok(self.account_was_updated(at, account).await?),
            EventPayload::AccountDeleted(account) => Ok(self.account_was_deleted(at, account).await?),
            EventPayload::RoleChanged(changed) => Ok(self.role_was_changed(changed).await?),
            EventPayload::EmailVerificationRequested(requested) => self.verify_email(id, requested).await,
            EventPayload::PasswordResetRequested(requested) => self.reset_password(id, requested).await,
            EventPayload::PasswordChanged(changed) => self.password_changed(id, at, changed).await,
            EventPayload::ArtistFollowed(follow) => {
                Ok(self.following_is(true, follow.account_id, follow.artist_id, at).await?)
            }
            EventPayload::ArtistUnfollowed(follow) => {
                Ok(self.following_is(false, follow.account_id, follow.artist_id, at).await?)
            }
            _ => Ok(()),
        }
    }
}
