//! The server, and what runs for it in this process.

use std::sync::Arc;

use async_trait::async_trait;
use moodify_core::port::{PlaybackArchive, Unavailable};
use moodify_core::service::Context;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::RedisConfig;
use super::archive::Archivist;
use super::attendance::{Attendant, end};
use super::error::Fault;
use super::facts::Facts;
use super::hub::{Inner, RedisSyncHub};
use super::keys::Keys;
use super::playback_store::RedisPlaybackStore;
use super::session::{Opener, Scripts, Session};
use crate::hub::{Carrier, Here, Link, Outgoing, Tasks, publisher};

/// A Redis server, as hub and as store of playback.
pub struct Redis {
    base: Arc<Base>,
    hub: Arc<RedisSyncHub>,
    store: Arc<RedisPlaybackStore>,
    archivist: Option<Arc<Archivist>>,
}

/// What everything on a server needs.
pub(super) struct Base {
    pub(super) config: RedisConfig,
    pub(super) context: Context,
    pub(super) keys: Keys,
    pub(super) scripts: Scripts,
    pub(super) link: Link<Session, Fault>,
    /// This process.
    pub(super) me: Uuid,
}

/// What was found at a server that works.
#[derive(Clone, Debug)]
pub struct Examination {
    /// Program and version.
    pub version: String,
    /// What is doubtful, and what to do about it.
    pub doubts: Vec<(String, &'static str)>,
}

#[async_trait]
impl Carrier for Base {
    type Fault = Fault;

    fn context(&self) -> &Context {
        &self.context
    }

    async fn publish(&self, batch: &[Outgoing<Fault>]) -> Result<(), Fault> {
        let session = self.link.session()?;
        let mut commands = redis::pipe();
        for Outgoing { account, message, .. } in batch {
            commands.cmd("PUBLISH").arg(self.keys.hints(*account)).arg(message.as_slice()).ignore();
        }
        session.ask_all("publish hints", &commands).await
    }
}

impl Redis {
    /// Connects to the server, and from then on whenever the connection is lost, for ever. A server that is
    /// out of reach just now is no error: it is tried again and again.
    ///
    /// With an archive, what changes is written to it within a second, by one of all processes, and read
    /// from it when the server has lost it.
    ///
    /// # Errors
    /// When nothing but another configuration helps: a wrong password, a server that is not trusted, a
    /// replica, a cluster.
    pub async fn connect(
        config: RedisConfig,
        archive: Option<Arc<dyn PlaybackArchive>>,
        context: Context,
    ) -> Result<Self, Unavailable> {
        let base = Arc::new(Base {
            keys: Keys::new(&config.prefix),
            scripts: Scripts::new(),
            link: Link::new(),
            me: context.new_id(),
            context,
            config,
        });
        let (requests, asked) = mpsc::unbounded_channel();
        let (outbox, publisher) = publisher();
        let here = Here::new(base.context.clone(), base.me, base.config.timeout, outbox);
        let inner = Arc::new(Inner::new(base.clone(), here, requests));
        let opener = Opener::new(base.config.clone())?;
        let mut attendant = Attendant::new(inner.clone(), opener, asked);
        let first = attendant.open().await;
        if let Err(fault) = &first {
            if !fault.is_passing() {
                return Err(fault.clone().into());
            }
            tracing::warn!(%fault, "Redis cannot be used now; it is tried again and again");
        }
        let first = attendant.begin(first);
        let mut tasks = vec![tokio::spawn(attendant.run(first)), tokio::spawn(publisher.run(base.clone()))];
        let archivist = archive.clone().map(|archive| Arc::new(Archivist::new(base.clone(), archive)));
        if let Some(archivist) = archivist.clone() {
            tasks.push(tokio::spawn(async move { archivist.run().await }));
        }
        let tasks = Arc::new(Tasks::new(tasks));
        let hub = Arc::new(RedisSyncHub::new(inner, tasks.clone()));
        let store = Arc::new(RedisPlaybackStore::new(base.clone(), archive, tasks));
        Ok(Self { base, hub, store, archivist })
    }

    /// The hub.
    pub fn hub(&self) -> Arc<RedisSyncHub> {
        self.hub.clone()
    }

    /// The store.
    pub fn playback_store(&self) -> Arc<RedisPlaybackStore> {
        self.store.clone()
    }

    /// Whether it can be written to and read from.
    ///
    /// # Errors
    /// With what is wrong.
    pub async fn check(&self) -> Result<(), Unavailable> {
        let session = self.base.link.session()?;
        let mut tried = redis::pipe();
        let key = self.base.keys.process(self.base.me);
        tried.cmd("SET").arg(&key).arg(1).arg("PX").arg(1_000).ignore();
        tried.cmd("DEL").arg(&key).ignore();
        Ok(session.ask_all("write and delete a key", &tried).await?)
    }

    /// Looks at all that can be seen to be wrong with it.
    ///
    /// # Errors
    /// With what is wrong, if it cannot be used.
    pub async fn examine(&self) -> Result<Examination, Unavailable> {
        self.check().await?;
        let session = self.base.link.session()?;
        let mut word = redis::cmd("PUBLISH");
        word.arg(self.base.keys.process(self.base.me)).arg("");
        let _: i64 = session.ask("publish a word", &word).await?;
        let info: String = session.ask("tell about itself", &redis::cmd("INFO")).await?;
        let facts = Facts::read(&info);
        let mut doubts = Vec::new();
        if let Some(policy) = facts.eviction() {
            doubts.push((
                format!("it drops keys when its memory is full (maxmemory-policy {policy})"),
                "set maxmemory-policy noeviction: a listener's playback would be dropped in parts",
            ));
        }
        if self.archivist.is_none() && !facts.keeps_a_log() {
            doubts.push((
                "it keeps no log of what changes (appendonly no)".to_owned(),
                "set appendonly yes, or a restart of it loses playback states",
            ));
        }
        Ok(Examination { version: facts.version(), doubts })
    }

    /// Writes what is not in the archive yet, and takes leave: the others need not wait for it.
    pub async fn close(&self) {
        if let Some(archivist) = &self.archivist
            && let Err(error) = archivist.close().await
        {
            tracing::warn!(%error, "playback was not written to the database; another process does, or the next one");
        }
        if let Ok(session) = self.base.link.session()
            && let Err(fault) = self.take_leave(&session).await
        {
            tracing::debug!(%fault, "no leave was taken: the lease ends by itself");
        }
    }

    async fn take_leave(&self, session: &Session) -> Result<(), Fault> {
        // Somebody else looks after what may be left of it.
        let mut commands = redis::pipe();
        end(&mut commands, &self.base.keys, session.lease);
        session.ask_all("end a lease", &commands).await
    }
}
