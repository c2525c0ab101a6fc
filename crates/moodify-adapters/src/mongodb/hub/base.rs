//! What everything that shares a database between processes needs.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use mongodb::bson::{Binary, Bson, DateTime, Document, doc, spec::BinarySubtype};
use moodify_core::service::Context;
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

use super::MongoSyncConfig;
use super::error::Fault;
use crate::hub::{Carrier, Link, Outgoing};
use crate::mongodb::MongoStore;
use crate::mongodb::error::Fault as DatabaseFault;
use crate::mongodb::row::Key;
use crate::mongodb::step::Step;

/// What processes tell each other, until the server removes it a minute later.
pub(super) const HINTS: &str = "sync_hints";

/// A process in the database.
pub(super) struct Base {
    pub(super) store: Arc<MongoStore>,
    pub(super) config: MongoSyncConfig,
    pub(super) context: Context,
    pub(super) link: Link<Session, Fault>,
    /// This process.
    pub(super) me: Uuid,
    /// The number of what was sent last. Held while something is stored: numbers come in their order.
    sent: Mutex<i64>,
    /// The number of the pulse of this process that was heard last.
    pub(super) echo: watch::Sender<i64>,
}

/// What there is while the others can be heard.
pub(super) struct Session {
    /// Under which this process is present.
    pub(super) lease: String,
}

impl Base {
    pub(super) fn new(store: Arc<MongoStore>, config: MongoSyncConfig, context: Context) -> Self {
        let me = context.new_id();
        let (link, sent, echo) = (Link::new(), Mutex::new(0), watch::Sender::new(0));
        Self { store, config, context, link, me, sent, echo }
    }

    /// Operations that are each a step of their own.
    pub(super) fn step(&self) -> Step<'_> {
        self.store.database.plain()
    }

    /// The database's answer, if it comes in time.
    pub(super) async fn ask<T>(
        &self,
        what: &'static str,
        asked: impl Future<Output = Result<T, DatabaseFault>>,
    ) -> Result<T, Fault> {
        let patience = self.config.timeout;
        match tokio::time::timeout(patience, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(fault)) => Err(Fault::Database(what, Arc::new(fault))),
            Err(_) => Err(Fault::Silent(patience, what)),
        }
    }

    /// The server's clock: those of processes differ.
    pub(super) async fn server_time(&self) -> Result<DateTime, Fault> {
        self.ask("tell the time", crate::mongodb::claim::now(&self.store.database)).await
    }

    /// Says that this process is there: whoever hears it finds out whether something is missing before it.
    /// Returns its number.
    pub(super) async fn pulse(&self) -> Result<i64, Fault> {
        self.store_all(vec![doc! { "pulse_of": self.me.to_string() }]).await
    }

    /// Stores these in their order, with the next numbers. Returns the last of them.
    async fn store_all(&self, mut hints: Vec<Document>) -> Result<i64, Fault> {
        let at = DateTime::from_millis(self.context.now().as_millisecond());
        let mut sent = self.sent.lock().await;
        for hint in &mut hints {
            // Also of what is not stored in the end: so the others see that something is missing.
            *sent += 1;
            hint.insert("number", *sent);
            hint.insert("at", at);
        }
        self.ask("keep hints", self.step().insert_all(HINTS, hints)).await?;
        Ok(*sent)
    }
}

#[async_trait]
impl Carrier for Base {
    type Fault = Fault;

    fn context(&self) -> &Context {
        &self.context
    }

    async fn publish(&self, batch: &[Outgoing<Fault>]) -> Result<(), Fault> {
        if let Err(fault) = self.link.session() {
            // The others are to see that something is missing.
            *self.sent.lock().await += i64::try_from(batch.len()).unwrap_or(i64::MAX);
            return Err(fault);
        }
        let hint = |outgoing: &Outgoing<Fault>| {
            let bytes = outgoing.message.clone();
            let message = Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes });
            doc! { "from": self.me.to_string(), "account_id": outgoing.account.key(), "message": message }
        };
        self.store_all(batch.iter().map(hint).collect()).await?;
        Ok(())
    }
}
