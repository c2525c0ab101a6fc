use async_trait::async_trait;

use super::Catalog;
use crate::model::{Event, EventKind, EventPayload};
use crate::port::Consumer;
use crate::service::delivery::{HandleError, Handler};

#[async_trait]
impl Handler for Catalog {
    fn consumer(&self) -> Consumer {
        Consumer {
            name: "music",
            kinds: vec![
                EventKind::AccountCreated,
                EventKind::AccountDeleted,
                EventKind::AccountUpdated,
                EventKind::PlayReported,
                EventKind::RoleChanged,
                EventKind::SessionRevoked,
                EventKind::TrackDeleted,
            ],
        }
    }

    async fn handle(&self, event: &Event) -> Result<(), HandleError> {
        let at = event.occurred_at;
        match &event.payload {
            EventPayload::AccountCreated(created) => {
                let profile = created.artist_id.zip(created.artist_name.clone());
                Ok(self.artist_is_called(created.account_id, profile, at).await?)
            }
            EventPayload::AccountDeleted(deleted) => self.account_was_deleted(deleted, at).await,
            EventPayload::AccountUpdated(updated) => {
                let profile = updated.artist_id.zip(updated.artist_name.clone());
                Ok(self.artist_is_called(updated.account_id, profile, at).await?)
            }
            EventPayload::PlayReported(reported) => Ok(self.play_was_reported(reported, at).await?),
            EventPayload::RoleChanged(changed) => {
                let profile = changed.artist_id.zip(changed.artist_name.clone());
                Ok(self.artist_is_called(changed.account_id, profile, at).await?)
            }
            EventPayload::SessionRevoked(revoked) => Ok(self.session_was_revoked(revoked, at).await?),
            EventPayload::TrackDeleted(deleted) => Ok(self.track_was_deleted(deleted).await?),
            _ => Ok(()),
        }
    }
}
