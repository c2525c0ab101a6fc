//! New releases, told to the followers of the artist.
//!
//! They have a consumer of their own: a hundred thousand of them keep no mail about a password
//! waiting.

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use uuid::Builder;

use super::Notifications;
use crate::Error;
use crate::model::event::{ReleaseAnnounced, TrackPublished};
use crate::model::{AccountId, Event, EventId, EventKind, EventPayload, TrackId, Visibility};
use crate::port::Consumer;
use crate::service::delivery::{HandleError, Handler};

/// How many followers are told in one go: what the database does in a moment.
const PAGE: usize = 200;

/// Announces releases, as a consumer of its own.
pub struct Releases(Notifications);

impl Releases {
    /// The announcing part of this service.
    pub fn new(notifications: Notifications) -> Self {
        Self(notifications)
    }
}

#[async_trait]
impl Handler for Releases {
    fn consumer(&self) -> Consumer {
        let kinds = vec![EventKind::TrackPublished, EventKind::ReleaseAnnounced, EventKind::TrackDeleted];
        Consumer { name: "releases", kinds }
    }

    async fn handle(&self, event: &Event) -> Result<(), HandleError> {
        match &event.payload {
            EventPayload::TrackPublished(track) if track.visibility == Visibility::Public => {
                if self.0.announce(event, track).await? { Ok(()) } else { Err(HandleError::Unfinished) }
            }
            EventPayload::TrackDeleted(track) => Ok(self.0.announce_no_more(track.track_id).await?),
            EventPayload::ReleaseAnnounced(release) => self.0.new_release(event.id, release).await,
            _ => Ok(()),
        }
    }
}

impl Notifications {
    /// Publishes an event for each of the next followers, then notes how far it came: after a crash
    /// in between the same events are published again, with the same ids. Returns whether all
    /// followers were told.
    async fn announce(&self, event: &Event, track: &TrackPublished) -> Result<bool, Error> {
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

    /// A track that is gone is told to nobody: it counts as announced to the last of all followers.
    async fn announce_no_more(&self, track: TrackId) -> Result<(), Error> {
        let inner = &self.inner;
        Ok(inner.recipients.note_announced(track, everybody(), inner.context.now()).await?)
    }

    /// Whether the track was deleted, as far as is known.
    pub(super) async fn is_gone(&self, track: TrackId) -> Result<bool, Error> {
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
