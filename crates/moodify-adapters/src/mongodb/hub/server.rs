//! A database that processes share, and what runs for it in this process.

use std::sync::Arc;

use moodify_core::port::Unavailable;
use moodify_core::service::Context;
use tokio::sync::mpsc;

use super::MongoSyncConfig;
use super::attendance::Attendant;
use super::base::Base;
use super::error::Fault;
use super::playback_store::MongoSharedPlayback;
use super::sync_hub::{Inner, MongoSyncHub};
use crate::hub::{Here, Tasks, publisher};
use crate::mongodb::MongoStore;

/// A MongoDB database, as hub and as store of playback for any number of processes.
pub struct MongoSync {
    base: Arc<Base>,
    hub: Arc<MongoSyncHub>,
    store: Arc<MongoSharedPlayback>,
    tasks: Arc<Tasks>,
}

impl MongoSync {
    /// Joins the other processes that use this database, and joins them again whenever the connection is lost,
    /// for ever. A server that is away just now is no error: it is tried again and again.
    ///
    /// [`close`](Self::close) it before the store: the driver's change stream has to end first.
    ///
    /// # Errors
    /// When nothing but another configuration helps: a user who may not do it.
    pub async fn join(
        store: Arc<MongoStore>,
        config: MongoSyncConfig,
        context: Context,
    ) -> Result<Self, Unavailable> {
        let base = Arc::new(Base::new(store, config, context));
        let (requests, asked) = mpsc::unbounded_channel();
        let (outbox, publisher) = publisher();
        let here = Here::new(base.context.clone(), base.me, base.config.timeout, outbox);
        let inner = Arc::new(Inner::new(base.clone(), here, requests));
        let mut attendant = Attendant::new(inner.clone(), asked);
        let first = attendant.open().await;
        if let Err(fault) = &first {
            if !fault.is_passing() {
                return Err(fault.clone().into());
            }
            tracing::warn!(%fault, "other processes cannot be reached now; it is tried again and again");
        }
        let first = attendant.begin(first);
        let tasks = vec![tokio::spawn(attendant.run(first)), tokio::spawn(publisher.run(base.clone()))];
        let tasks = Arc::new(Tasks::new(tasks));
        let hub = Arc::new(MongoSyncHub::new(inner, tasks.clone()));
        let store = Arc::new(MongoSharedPlayback::new(base.clone()));
        Ok(Self { base, hub, store, tasks })
    }

    /// The hub.
    pub fn hub(&self) -> Arc<MongoSyncHub> {
        self.hub.clone()
    }

    /// The store.
    pub fn playback_store(&self) -> Arc<MongoSharedPlayback> {
        self.store.clone()
    }

    /// Whether the others can be reached, and the database answers.
    ///
    /// # Errors
    /// With what is wrong.
    pub async fn check(&self) -> Result<(), Unavailable> {
        self.base.link.session()?;
        self.base.server_time().await?;
        Ok(())
    }

    /// Stores a word and waits until the change stream tells it.
    ///
    /// # Errors
    /// With what is wrong, if it cannot be used.
    pub async fn examine(&self) -> Result<(), Unavailable> {
        self.check().await?;
        let number = self.base.pulse().await?;
        let mut echo = self.base.echo.subscribe();
        let patience = self.base.config.timeout;
        match tokio::time::timeout(patience, echo.wait_for(|heard| *heard >= number)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(Fault::Lost.into()),
            Err(_) => Err(Fault::Silent(patience, "what was just stored, over a change stream").into()),
        }
    }

    /// Takes leave: the others need not wait for it. Nothing more is heard from then on.
    pub async fn close(&self) {
        let session = self.base.link.session();
        self.tasks.end().await;
        self.base.link.set(Err(Fault::Lost));
        if let Ok(session) = session
            && let Err(fault) = self.base.end_leases(std::slice::from_ref(&session.lease)).await
        {
            tracing::debug!(%fault, "no leave was taken: the lease ends by itself");
        }
    }
}
