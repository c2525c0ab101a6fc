use async_trait::async_trait;

use super::Playback;
use crate::model::{Event, EventKind, EventPayload};
use crate::port::Consumer;
use crate::service::delivery::{HandleError, Handler};

#[async_trait]
impl Handler for Playback {
    fn consumer(&self) -> Consumer {
        Consumer { name: "sync", kinds: vec![EventKind::SessionRevoked, EventKind::AccountDeleted] }
    }

    async fn handle(&self, event: &Event) -> Result<(), HandleError> {
        match &event.payload {
            EventPayload::SessionRevoked(revoked) => Ok(self.session_revoked(revoked).await?),
            EventPayload::AccountDeleted(deleted) => Ok(self.account_deleted(deleted).await?),
            _ => Ok(()),
        }
    }
}
