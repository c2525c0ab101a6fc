//! Who has ended. Each service that turns them away has a collection of its own.

use jiff::Timestamp;
use mongodb::bson::{Bson, doc};
use moodify_core::port::Ended;

use super::database::Database;
use super::error::Fault;
use super::row::{Key, micros};

/// A collection of those who have ended.
#[derive(Clone, Copy)]
pub(super) struct EndedOnes(&'static str);

/// What the music service knows.
pub(super) const OF_MUSIC: EndedOnes = EndedOnes("ended");

/// What the sync service knows.
pub(super) const OF_SYNC: EndedOnes = EndedOnes("playback_ended");

impl EndedOnes {
    pub(super) async fn note(self, database: &Database, who: Ended, until: Timestamp) -> Result<(), Fault> {
        let later = doc! { "$max": { "until": micros(until) } };
        database.plain().upsert(self.0, doc! { "_id": id(who) }, later).await
    }

    pub(super) async fn has(self, database: &Database, who: &[Ended]) -> Result<bool, Fault> {
        let ids: Vec<Bson> = who.iter().map(|who| id(*who)).collect();
        if ids.is_empty() {
            return Ok(false);
        }
        database.plain().exists(self.0, doc! { "_id": { "$in": ids } }).await
    }

    /// Forgets at most `max` of those that may be forgotten by now. Returns how many.
    pub(super) async fn forget(self, database: &Database, now: Timestamp, max: usize) -> Result<u64, Fault> {
        database.plain().delete_some(self.0, doc! { "until": { "$lte": micros(now) } }, max).await
    }
}

/// No account has the identifier of a session.
fn id(who: Ended) -> Bson {
    match who {
        Ended::Account(id) => id.key(),
        Ended::Session(id) => id.key(),
    }
}
