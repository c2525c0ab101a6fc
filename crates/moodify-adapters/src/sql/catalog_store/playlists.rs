use jiff::Timestamp;
use moodify_core::model::playlist::NewEntry;
use moodify_core::model::{
    AccountId, Description, LibraryItem, Page, PageSize, Playlist, PlaylistChange, PlaylistId, Rank, Title,
    Visibility,
};
use moodify_core::port::{CatalogError, PlaylistPosition};

use super::{entries, tracks};
use crate::sql::database::{Row, Statement};
use crate::sql::error::Fault;
use crate::sql::{SqlStore, feed};

pub(super) async fn create(
    store: &SqlStore,
    playlist: &Playlist,
    new: &[NewEntry],
) -> Result<(), CatalogError> {
    let mut transaction = store.database.begin().await?;
    let insert = Statement::new(
        "INSERT INTO playlists (id, owner_id, title, description, visibility, entry_count, created_at,
                                updated_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    );
    let insert = insert
        .bind(playlist.id)
        .bind(playlist.owner_id)
        .bind(playlist.title.as_str())
        .bind(playlist.description.as_str())
        .bind(playlist.visibility.as_str())
        .bind(new.len())
        .bind(playlist.created_at)
        .bind(playlist.updated_at)
        .bind(playlist.version);
    transaction.run(insert).await?;
    entries::insert(&mut transaction, playlist.id, new, &Rank::spread(new.len())).await?;
    feed::touch_playlist(&mut transaction, playlist).await?;
    Ok(transaction.commit().await?)
}

pub(super) async fn find(store: &SqlStore, id: PlaylistId) -> Result<Option<Playlist>, CatalogError> {
    let query = Statement::new("SELECT * FROM playlists WHERE id = $1").bind(id);
    Ok(store.database.optional(query).await?.as_ref().map(playlist).transpose()?)
}

pub(super) async fn update(
    store: &SqlStore,
    id: PlaylistId,
    expected_version: Option<u64>,
    change: &PlaylistChange,
    now: Timestamp,
) -> Result<Playlist, CatalogError> {
    let mut transaction = store.database.begin().await?;
    let update = Statement::new(
        "UPDATE playlists SET title = COALESCE($1, title), description = COALESCE($2, description),
                              visibility = COALESCE($3, visibility), version = version + 1, updated_at = $4
         WHERE id = $5 RETURNING *, version - 1 AS old_version",
    );
    let update = update
        .bind(change.title.as_ref().map(Title::as_str))
        .bind(change.description.as_ref().map(Description::as_str))
        .bind(change.visibility.map(Visibility::as_str))
        .bind(now)
        .bind(id);
    let changed = expected(transaction.optional(update).await?, expected_version)?;
    feed::touch_playlist(&mut transaction, &changed).await?;
    transaction.commit().await?;
    Ok(changed)
}

pub(super) async fn delete(
    store: &SqlStore,
    id: PlaylistId,
    expected_version: Option<u64>,
) -> Result<(), CatalogError> {
    let mut transaction = store.database.begin().await?;
    // Its entries go with it.
    let delete = Statement::new("DELETE FROM playlists WHERE id = $1 RETURNING *, version AS old_version");
    let gone = expected(transaction.optional(delete.bind(id)).await?, expected_version)?;
    feed::touch(&mut transaction, gone.owner_id, LibraryItem::Playlist(id), None).await?;
    Ok(transaction.commit().await?)
}

/// The playlist that a write returned, if it was there and in the expected version.
pub(super) fn expected(row: Option<Row>, expected: Option<u64>) -> Result<Playlist, CatalogError> {
    let row = row.ok_or(CatalogError::NotFound { what: "playlist" })?;
    tracks::require_version(expected, row.unsigned("old_version")?)?;
    Ok(playlist(&row)?)
}

pub(super) async fn page(
    store: &SqlStore,
    owner: AccountId,
    size: PageSize,
    after: Option<&PlaylistPosition>,
) -> Result<Page<Playlist, PlaylistPosition>, CatalogError> {
    let mut query = Statement::new("SELECT * FROM playlists WHERE owner_id = $1").bind(owner);
    if let Some(after) = after {
        query.push(" AND id < ").push_bind(after.id);
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(size.get() + 1);
    let rows = store.database.all(query).await?;
    let playlists = rows.iter().map(playlist).collect::<Result<_, _>>()?;
    Ok(Page::from_surplus(playlists, size, |playlist| PlaylistPosition { id: playlist.id }))
}

pub(super) fn playlist(row: &Row) -> Result<Playlist, Fault> {
    Ok(Playlist {
        id: row.id("id")?,
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
