use serde::Serialize;

use super::Notifications;
use crate::Error;
use crate::model::event::ReleaseAnnounced;
use crate::model::{EventId, MailKind, Mailbox};
use crate::service::delivery::HandleError;

/// What the template `new_release` may use.
#[derive(Serialize)]
pub(super) struct NewRelease<'a> {
    pub(super) first_name: &'a str,
    pub(super) artist_name: &'a str,
    pub(super) title: &'a str,
    pub(super) track_link: String,
    pub(super) artist_link: String,
}

impl Notifications {
    /// Tells one follower of a new track: who has left, unfollowed or lost the mailbox since is not
    /// told, and nobody is once the track is known to be gone or hidden.
    pub(super) async fn new_release(
        &self,
        event: EventId,
        release: &ReleaseAnnounced,
    ) -> Result<(), HandleError> {
        let inner = &self.inner;
        let recipient = inner.recipients.recipient(release.account_id).await.map_err(Error::from)?;
        let Some(recipient) = recipient.filter(|recipient| recipient.email_verified) else { return Ok(()) };
        let following = inner.recipients.is_following(release.account_id, release.artist_id);
        if !following.await.map_err(Error::from)? || self.is_withdrawn(release.track_id).await? {
            return Ok(());
        }
        let (links, own) = (&inner.config.mail.links, &inner.config.public_url);
        let first_name = recipient.first_name.as_str();
        let data = NewRelease {
            first_name,
            artist_name: release.artist_name.as_str(),
            title: release.title.as_str(),
            track_link: links.track(own, &release.track_id.to_string()),
            artist_link: links.artist(own, &release.artist_id.to_string()),
        };
        let to = Mailbox { name: first_name.to_owned(), email: recipient.email };
        self.send(event, MailKind::NewRelease, to, &data).await
    }
}
