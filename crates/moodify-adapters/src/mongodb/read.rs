//! Reads that are asked often: from the bytes of the server's answers, in sessions that are used again.

use std::sync::Mutex;

use futures::TryStreamExt;
use mongodb::bson::Document;
use mongodb::raw_batch_cursor::RawBatch;
use mongodb::{Client, ClientSession};

use super::error::Fault;
use super::row::{Flat, Row};
use super::step::{Find, Step};

/// Documents as they stand in the server's answers.
pub(super) struct Batches(Vec<RawBatch>);

impl Batches {
    /// All of them, each read by this.
    pub(super) fn each<'d, T>(
        &'d self,
        read: impl Fn(&Row<Flat<'d>>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut all = Vec::new();
        for batch in &self.0 {
            for document in batch.doc_slices()? {
                let document = document.ok().and_then(|document| document.as_document());
                let document = document.ok_or_else(|| Fault::stored("a document"))?;
                all.push(read(&Row(Flat::of(document)?))?);
            }
        }
        Ok(all)
    }
}

/// Sessions of reads. For each that it makes for one command the driver spawns a task, and another piece of work when
/// that is over.
pub(super) struct Sessions(Mutex<Option<Vec<ClientSession>>>);

impl Sessions {
    /// More than reads run side by side.
    const MOST: usize = 64;

    pub(super) fn new() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }

    async fn take(&self, client: &Client) -> mongodb::error::Result<ClientSession> {
        let kept = self.0.lock().ok().and_then(|mut kept| kept.as_mut()?.pop());
        match kept {
            Some(session) => Ok(session),
            // As those of the driver's own are. Reads of a majority at the primary see what was answered before.
            None => client.start_session().causal_consistency(false).await,
        }
    }

    /// For the next read. One in which something failed is not kept: the driver knows what becomes of it.
    fn keep(&self, session: ClientSession) {
        if let Ok(mut kept) = self.0.lock()
            && let Some(kept) = kept.as_mut()
            && kept.len() < Self::MOST
        {
            kept.push(session);
        }
    }

    /// Ends all that wait for a read, and keeps none any more: who closes the client waits for every one.
    pub(super) fn end(&self) {
        if let Ok(mut kept) = self.0.lock() {
            *kept = None;
        }
    }
}

impl Step<'_> {
    /// What a query finds, without making maps of it.
    pub(super) async fn read(&mut self, query: Find) -> Result<Batches, Fault> {
        let database = self.database;
        let collection = database.collection(query.collection);
        let find = query.on(&collection);
        let found = match &mut self.session {
            Some(session) => {
                let all = async {
                    let mut cursor = find.session(&mut *session).batch().await?;
                    cursor.stream(session).try_collect().await
                };
                database.within(all).await
            }
            None => {
                let all = async {
                    let mut session = database.sessions.take(&database.client).await?;
                    let mut cursor = find.session(&mut session).batch().await?;
                    let found: Vec<RawBatch> = cursor.stream(&mut session).try_collect().await?;
                    database.sessions.keep(session);
                    mongodb::error::Result::Ok(found)
                };
                database.within(all).await
            }
        };
        let found: Vec<RawBatch> = self.noted(found)?;
        Ok(Batches(found))
    }

    /// What an aggregation finds, in the same way. Only outside of a step.
    pub(super) async fn read_aggregate(
        &mut self,
        collection: &str,
        pipeline: Vec<Document>,
    ) -> Result<Batches, Fault> {
        let database = self.database;
        let collection = database.collection(collection);
        let aggregate = collection.aggregate(pipeline);
        let all = async {
            let mut session = database.sessions.take(&database.client).await?;
            let mut cursor = aggregate.session(&mut session).batch().await?;
            let found: Vec<RawBatch> = cursor.stream(&mut session).try_collect().await?;
            database.sessions.keep(session);
            mongodb::error::Result::Ok(found)
        };
        let found = database.within(all).await;
        Ok(Batches(self.noted(found)?))
    }
}
