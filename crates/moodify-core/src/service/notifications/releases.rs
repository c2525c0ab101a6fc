//! New releases, told to the followers of the artist.
//!
//! They have consumers of their own: a hundred thousand of them keep no mail about a password waiting. And
//! finding the followers has another one than telling them: how much waits there says when to go on.

use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use uuid::Builder;

use super::Notifications;
use crate::Error;
use crate::model::event::{ReleaseAnnounced, TrackPublished};
use crate::model::{AccountId, Event, EventId, EventKind, EventPayload, TrackId, Visibility, later};
use crate::port::Consumer;
use crate::service::delivery::{HandleError, Handler};

/// How many followers are found in one go: what the database does in a moment.
const PAGE: usize = 200;
/// While so many announcements wait, no more followers are found. A mail server that takes thirty a second
/// has something to do until [`AGAIN`].
const ENOUGH: u64 = 1_000;
/// How soon it is looked whether they are fewer.
const AGAIN: Duration = Duration::from_secs(30);
/// Who sends the mails.
const ANNOUNCEMENTS: &str = "announcements";

/// Finds those who are to hear of a release, as a consumer of its own.
pub struct Releases(Notifications);

/// Tells them, as a consumer of its own.
pub struct Announcements(Notifications);

impl Releases {
    /// This part of the service.
    pub fn new(notifications: Notifications) -> Self {
        Self(notifications)
    }
}

impl Announcements {
    /// This part of the service.
    pub fn new(notifications: Notifications) -> Self {
        Self(notifications)
    }
}

#[async_trait]
impl Handler for Releases {
    fn consumer(&self) -> Consumer {
        let kinds = vec![EventKind::TrackPublished, EventKind::TrackHidden, EventKind::TrackDeleted];
        Consumer { name: "releases", kinds }
    }

    async fn handle(&self, event: &Event) -> Result<(), HandleError> {
        self.0.about_a_release(event).await
    }
}

#[async_trait]
impl Handler for Announcements {
    fn consumer(&self) -> Consumer {
        let kinds = vec![EventKind::ReleaseAnnounced, EventKind::AccountDeleted];
        Consumer { name: ANNOUNCEMENTS, kinds }
    }

    async fn handle(&self, event: &Event) -> Result<(), HandleError> {
        self.0.about_a_release(event).await
    }
}

impl Notifications {
    /// For both: what one of them asked for in an older version waits there still.
    async fn about_a_release(&self, event: &Event) -> Result<(), HandleError> {
        match &event.payload {
            EventPayload::TrackPublished(track) if track.visibility == Visibility::Public => {
                self.announce(event, track).await
            }
            EventPayload::TrackHidden(track) => Ok(self.announce_no_more(track.track_id).await?),
            EventPayload::TrackDeleted(track) => Ok(self.announce_no_more(track.track_id).await?),
            EventPayload::ReleaseAnnounced(release) => self.new_release(event.id, release).await,
            // The other consumer may hear of it later, and until then a mail would go out.
            EventPayload::AccountDeleted(account) => {
                Ok(self.account_was_deleted(event.occurred_at, account).await?)
            }
            _ => Ok(()),
        }
    }

    async fn announce(&self, event: &Event, track: &TrackPublished) -> Result<(), HandleError> {
        let inner = &self.inner;
        if inner.queue.depth(ANNOUNCEMENTS).await.map_err(Error::from)?.waiting >= ENOUGH {
            return Err(HandleError::Held { until: later(inner.context.now(), AGAIN) });
        }
        if self.announce_page(event, track).await? { Ok(()) } else { Err(HandleError::Unfinished) }
    }

    /// Publishes an event for each of the next followers, then notes how far it came: after a crash
    /// in between the same events are published again, with the same ids. Returns whether all
    /// followers were told.
    async fn announce_page(&self, event: &Event, track: &TrackPublished) -> Result<bool, Error> {
        let inner = &self.inner;
        let after = inner.recipients.announced_up_to(track.track_id).await?;
        let page = inner.recipients.followers(track.artist_id, after, PAGE).await?;
        let Some(last) = page.last().copied() else { return Ok(true) };
        let announced = page.iter().map(|account| {
            let payload = EventPayload::ReleaseAnnounced(ReleaseAnnounced {
                account_id: *account,
                track_id: track.track_id,
                artist_id: track.artist_id,
                artist_name: track.artist_name.clone(),
                title: track.title.clone(),
            });
            let id = announcement_id(track.track_id, *account);
            Event::new(id, event.occurred_at, event.trace, payload)
        });
        let announced: Vec<Event> = announced.collect();
        inner.queue.publish_all(&announced, inner.context.now()).await?;
        inner.recipients.note_announced(track.track_id, last, inner.context.now()).await?;
        Ok(page.len() < PAGE)
    }

    /// A track that is gone, or hidden, is told to nobody: it counts as announced to the last of all
    /// followers.
    async fn announce_no_more(&self, track: TrackId) -> Result<(), Error> {
        let inner = &self.inner;
        Ok(inner.recipients.note_announced(track, everybody(), inner.context.now()).await?)
    }

    /// Whether the track was deleted or hidden, as far as is known.
    pub(super) async fn is_withdrawn(&self, track: TrackId) -> Result<bool, Error> {
        Ok(self.inner.recipients.announced_up_to(track).await? == Some(everybody()))
    }
}

/// No account comes behind this one, and none has its identifier.
fn everybody() -> AccountId {
    uuid::Uuid::max().into()
}

/// The same for the same track and follower: a track that is hidden and published again, or whose
/// event comes twice, is announced once.
fn announcement_id(track: TrackId, account: AccountId) -> EventId {
    let mut hash = Sha256::new();
    hash.update(b"release_announced");
    hash.update(track.as_uuid().as_bytes());
    hash.update(account.as_uuid().as_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Builder::from_custom_bytes(bytes).into_uuid().into()
}
