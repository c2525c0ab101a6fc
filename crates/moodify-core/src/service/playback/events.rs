use async_trait::async_trait;

use super::Playback;
use crate::model::{Event, EventKind, EventPayload};
use crate::port::Consumer;
use crate::service::delivery::{HandleError, Handler};

#[async_trait]
impl Handler for Playback {
    fn consumer(&self) -> Consumer {
        Consumer { name: "sync", kinds: vec![EventKind::SessionRevoked] }
    }

    async fn handle(&self, event: &Event) -> Result<(), HandleError> {
        match &event.payload {
            EventPayload::SessionRevoked(revoked) => Ok(self.session_revoked(revoked).await?),
            _ => Ok(()),
        }
    }
}
