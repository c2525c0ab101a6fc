use async_trait::async_trait;

use super::Catalog;
use crate::model::{Event, EventKind, EventPayload};
use crate::port::Consumer;
use crate::service::delivery::{HandleError, Handler};

#[async_trait]
impl Handler for Catalog {
    fn consumer(&self) -> Consumer {
        Consumer { name: "music", kinds: vec![EventKind::TrackDeleted] }
    }

    async fn handle(&self, event: &Event) -> Result<(), HandleError> {
        match &event.payload {
            EventPayload::TrackDeleted(deleted) => Ok(self.track_was_deleted(deleted).await?),
            _ => Ok(()),
        }
    }
}
