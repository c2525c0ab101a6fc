use jiff::Timestamp;
use mongodb::bson::doc;
use moodify_core::model::playlist::NewEntry;
use moodify_core::model::{
    AccountId, LibraryItem, Page, PageSize, Playlist, PlaylistChange, PlaylistId, Rank,
};
use moodify_core::port::{CatalogError, PlaylistPosition};

use super::{entries, tracks};
use crate::mongodb::error::Fault;
use crate::mongodb::row::{Fields, Key, Row, micros, number};
use crate::mongodb::step::{Find, Step};
use crate::mongodb::{MongoStore, feed};

pub(in crate::mongodb) const COLLECTION: &str = "playlists";

pub(super) async fn create(
    store: &MongoStore,
    playlist: &Playlist,
    new: &[NewEntry],
) -> Result<(), CatalogError> {
    let created = store.database.atomically(|step| {
        Box::pin(async move {
            let document = doc! {
                "_id": playlist.id.key(),
                "owner_id": playlist.owner_id.key(),
                "title": playlist.title.as_str(),
                "description": playlist.description.as_str(),
                "visibility": playlist.visibility.as_str(),
                "entry_count": number(new.len()),
                "created_at": micros(playlist.created_at),
                "updated_at": micros(playlist.updated_at),
                "version": number(playlist.version),
                "ranking": 0_i64,
            };
            step.insert(COLLECTION, document).await?;
            entries::insert(step, playlist.id, new, &Rank::spread(new.len())).await?;
            Ok(feed::touch_playlist(step, playlist).await?)
        })
    });
    created.await
}

pub(super) async fn find(store: &MongoStore, id: PlaylistId) -> Result<Option<Playlist>, CatalogError> {
    let row = store.database.plain().find_one(COLLECTION, doc! { "_id": id.key() }).await?;
    Ok(row.as_ref().map(playlist).transpose()?)
}

/// The playlist, in the expected version.
pub(super) async fn expect(
    step: &mut Step<'_>,
    id: PlaylistId,
    expected: Option<u64>,
) -> Result<Playlist, CatalogError> {
    let row = step.find_one(COLLECTION, doc! { "_id": id.key() }).await?;
    let known = playlist(&row.ok_or(CatalogError::NotFound { what: "playlist" })?)?;
    tracks::require_version(expected, known.version)?;
    Ok(known)
}

/// Stores what has changed of a playlist with its next version, and tells so in its owner's feed.
pub(super) async fn write(
    step: &mut Step<'_>,
    mut changed: Playlist,
    now: Timestamp,
) -> Result<Playlist, Fault> {
    changed.version += 1;
    changed.updated_at = now;
    let set = doc! {
        "title": changed.title.as_str(),
        "description": changed.description.as_str(),
        "visibility": changed.visibility.as_str(),
        "entry_count": i64::from(changed.entry_count),
        "updated_at": micros(now),
        "version": number(changed.version),
    };
    step.update(COLLECTION, doc! { "_id": changed.id.key() }, doc! { "$set": set }).await?;
    feed::touch_playlist(step, &changed).await?;
    Ok(changed)
}

pub(super) async fn update(
    store: &MongoStore,
    id: PlaylistId,
    expected: Option<u64>,
    change: &PlaylistChange,
    now: Timestamp,
) -> Result<Playlist, CatalogError> {
    let updated = store.database.atomically(|step| {
        Box::pin(async move {
            let mut changed = expect(step, id, expected).await?;
            changed.title = change.title.clone().unwrap_or(changed.title);
            changed.description = change.description.clone().unwrap_or(changed.description);
            changed.visibility = change.visibility.unwrap_or(changed.visibility);
            Ok(write(step, changed, now).await?)
        })
    });
    updated.await
}

pub(super) async fn delete(
    store: &MongoStore,
    id: PlaylistId,
    expected: Option<u64>,
) -> Result<(), CatalogError> {
    let deleted = store.database.atomically(|step| {
        Box::pin(async move {
            let gone = expect(step, id, expected).await?;
            step.delete(COLLECTION, doc! { "_id": id.key() }).await?;
            step.delete_all(entries::COLLECTION, doc! { "playlist_id": id.key() }).await?;
            Ok(feed::touch(step, gone.owner_id, LibraryItem::Playlist(id), None).await?)
        })
    });
    deleted.await
}

pub(super) async fn page(
    store: &MongoStore,
    owner: AccountId,
    size: PageSize,
    after: Option<&PlaylistPosition>,
) -> Result<Page<Playlist, PlaylistPosition>, CatalogError> {
    let mut filter = doc! { "owner_id": owner.key() };
    if let Some(after) = after {
        filter.insert("_id", doc! { "$lt": after.id.key() });
    }
    let query = Find::new(COLLECTION, filter).sort(doc! { "_id": -1 }).limit(size.get() + 1);
    let rows = store.database.plain().find(query).await?;
    let playlists = rows.iter().map(playlist).collect::<Result<_, _>>()?;
    Ok(Page::from_surplus(playlists, size, |playlist| PlaylistPosition { id: playlist.id }))
}

pub(super) fn playlist<D: Fields>(row: &Row<D>) -> Result<Playlist, Fault> {
    Ok(Playlist {
        id: row.id("_id")?,
        owner_id: row.id("owner_id")?,
        title: row.checked("title")?,
        description: row.checked("description")?,
        visibility: tracks::visibility(row)?,
        entry_count: row.unsigned("entry_count")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        version: row.unsigned("version")?,
    })
}
