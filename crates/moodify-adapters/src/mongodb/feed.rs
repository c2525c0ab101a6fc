//! The change feeds: every write that changes a library goes through here, in its own atomic step.
//!
//! The counter of a listener is a document that every change of the library counts up: of two steps that do
//! it at once one begins again. That is why a reader who has seen place 7 never later finds a new place 6,
//! with however many writers.

use mongodb::bson::{Bson, Document, doc};
use moodify_core::model::{AccountId, Kept, LibraryItem, Playlist};

use super::error::Fault;
use super::row::{Key, keys, micros, number};
use super::step::{Find, Step};

pub(super) const LIBRARIES: &str = "libraries";
pub(super) const CHANGES: &str = "library_changes";

/// Lets nobody else change this library until the step ends.
pub(super) async fn hold(step: &mut Step<'_>, account: AccountId) -> Result<(), Fault> {
    step.upsert(
        LIBRARIES,
        doc! { "_id": account.key() },
        doc! { "$inc": { "held": 1_i64, "last_change": 0_i64 } },
    )
    .await
}

/// Moves the entry of this thing to the end of the listener's feed.
pub(super) async fn touch(
    step: &mut Step<'_>,
    account: AccountId,
    item: LibraryItem,
    kept: Option<Kept>,
) -> Result<(), Fault> {
    let count_up = doc! { "$inc": { "last_change": 1_i64 } };
    let library = step.update_returning(LIBRARIES, doc! { "_id": account.key() }, count_up, true).await?;
    let place = library.ok_or_else(|| Fault::stored("last_change"))?.int("last_change")?;
    let (entry, change) = change(account, item, place, kept);
    step.upsert(CHANGES, entry, change).await
}

/// The same for a playlist that is there.
pub(super) async fn touch_playlist(step: &mut Step<'_>, playlist: &Playlist) -> Result<(), Fault> {
    let kept = Kept { at: playlist.updated_at, version: Some(playlist.version) };
    touch(step, playlist.owner_id, LibraryItem::Playlist(playlist.id), Some(kept)).await
}

/// Tells these listeners that the same thing is gone from their libraries.
pub(super) async fn touch_gone(
    step: &mut Step<'_>,
    accounts: &[AccountId],
    item: LibraryItem,
) -> Result<(), Fault> {
    if accounts.is_empty() {
        return Ok(());
    }
    let count_up =
        |account: &AccountId| (doc! { "_id": account.key() }, doc! { "$inc": { "last_change": 1_i64 } });
    step.upsert_each(LIBRARIES, accounts.iter().map(count_up)).await?;
    let libraries = Find::new(LIBRARIES, doc! { "_id": { "$in": keys(accounts) } });
    let mut changes = Vec::with_capacity(accounts.len());
    for library in step.find(libraries).await? {
        changes.push(change(library.id("_id")?, item, library.int("last_change")?, None));
    }
    step.upsert_each(CHANGES, changes).await
}

/// The entry of a thing, and how it is changed.
fn change(account: AccountId, item: LibraryItem, place: i64, kept: Option<Kept>) -> (Document, Document) {
    let (kind, id) = match item {
        LibraryItem::Like(id) => ("like", id.key()),
        LibraryItem::Follow(id) => ("follow", id.key()),
        LibraryItem::Playlist(id) => ("playlist", id.key()),
    };
    let version = kept.and_then(|kept| kept.version);
    let set = doc! {
        "place": place,
        "kept_at": kept.map_or(Bson::Null, |kept| micros(kept.at).into()),
        "version": version.map_or(Bson::Null, |version| number(version).into()),
    };
    (doc! { "account_id": account.key(), "kind": kind, "thing_id": id }, doc! { "$set": set })
}
