//! Reads the database of a deployment on Express and Mongoose, as far as Moodify can take it over: the
//! collections `users`, `musics` and `playlists`. Nothing is ever written there.
//!
//! Schemas of that kind are alike, not equal, and MongoDB holds nobody to them: a field is looked for under the
//! names that it usually has, and one that is missing or of another type is just not there.

mod documents;
mod fields;
mod id;

use futures::stream::{self, BoxStream, StreamExt};
use mongodb::bson::{RawDocument, RawDocumentBuf, doc};
use mongodb::{Collection, Cursor};
use moodify_core::port::Unavailable;

pub use documents::{MediaName, OldMusic, OldPlaylist, OldUser};
pub use id::OldId;

use super::config::MongoConfig;
use super::connect;
use super::database::Database;
use super::error::{Fault, MongoConnectError};

/// The database that Mongoose uses where its URL names none.
const DEFAULT_NAME: &str = "test";

const USERS: &str = "users";
const MUSICS: &str = "musics";
const PLAYLISTS: &str = "playlists";

/// How many documents come at once. A server forgets who asks no more for ten minutes: few enough for files to
/// be stored in between.
const BATCH: u32 = 20;

/// The database of a deployment on Express and Mongoose.
pub struct MongooseReader {
    database: Database,
}

/// How many documents there are, about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OldCounts {
    /// In `users`.
    pub users: u64,
    /// In `musics`.
    pub musics: u64,
    /// In `playlists`.
    pub playlists: u64,
}

/// A document, and what Moodify knows of it.
trait Read: Send + Sized + 'static {
    fn read(document: &RawDocument) -> Self;
}

impl MongooseReader {
    /// Opens the database.
    ///
    /// # Errors
    /// [`MongoConnectError`] says what is wrong and what to do; a database of Moodify's own is
    /// [`NotForeign`](MongoConnectError::NotForeign).
    pub async fn connect(config: &MongoConfig) -> Result<Self, MongoConnectError> {
        connect::open_foreign(config, DEFAULT_NAME).await.map(|database| Self { database })
    }

    /// How much there is to read.
    ///
    /// # Errors
    /// [`Unavailable`] if the database does not answer, or does not allow it.
    pub async fn counts(&self) -> Result<OldCounts, Unavailable> {
        Ok(OldCounts {
            users: self.count(USERS).await?,
            musics: self.count(MUSICS).await?,
            playlists: self.count(PLAYLISTS).await?,
        })
    }

    async fn count(&self, name: &str) -> Result<u64, Fault> {
        self.database.within(self.collection(name).estimated_document_count()).await
    }

    /// Every user, in the order of their ids: the oldest first, where these are ObjectIds.
    pub fn users(&self) -> BoxStream<'_, Result<OldUser, Unavailable>> {
        self.all(USERS)
    }

    /// Every music, in the order of their ids.
    pub fn musics(&self) -> BoxStream<'_, Result<OldMusic, Unavailable>> {
        self.all(MUSICS)
    }

    /// Every playlist, in the order of their ids.
    pub fn playlists(&self) -> BoxStream<'_, Result<OldPlaylist, Unavailable>> {
        self.all(PLAYLISTS)
    }

    /// The user with this id; `None` when there is none.
    ///
    /// # Errors
    /// [`Unavailable`] if the database does not answer.
    pub async fn user(&self, id: &OldId) -> Result<Option<OldUser>, Unavailable> {
        let Some(wanted) = id.query() else { return Ok(None) };
        let users = self.collection(USERS);
        let found = self.database.within(users.find_one(doc! { "_id": { "$in": wanted } })).await?;
        Ok(found.map(|document| OldUser::read(&document)))
    }

    /// Ends the connections.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// One cursor from the first to the last. Beginning again behind an id would pass over ids of other types:
    /// comparisons stay within one.
    fn all<T: Read>(&self, name: &'static str) -> BoxStream<'_, Result<T, Unavailable>> {
        let documents = stream::try_unfold(None, move |cursor| async move {
            let mut cursor = match cursor {
                Some(cursor) => cursor,
                None => self.open(name).await?,
            };
            if !self.database.within(cursor.advance()).await? {
                return Ok(None);
            }
            let document = T::read(cursor.current());
            Ok::<_, Unavailable>(Some((document, Some(cursor))))
        });
        documents.boxed()
    }

    async fn open(&self, name: &str) -> Result<Cursor<RawDocumentBuf>, Fault> {
        let all = self.collection(name);
        self.database.within(all.find(doc! {}).sort(doc! { "_id": 1 }).batch_size(BATCH)).await
    }

    /// As they lie there: a text that is no UTF-8 spoils one field, not a whole batch.
    fn collection(&self, name: &str) -> Collection<RawDocumentBuf> {
        self.database.inner.collection(name)
    }
}
