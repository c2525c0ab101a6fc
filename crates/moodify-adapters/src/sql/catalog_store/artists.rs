use moodify_core::model::{Artist, ArtistId};
use moodify_core::port::CatalogError;

use super::words;
use crate::sql::SqlStore;
use crate::sql::database::{Row, Statement};
use crate::sql::error::Fault;

pub(super) async fn upsert(store: &SqlStore, artist: &Artist) -> Result<(), CatalogError> {
    let mut transaction = store.database.begin().await?;
    let upsert = Statement::new(
        "INSERT INTO artists (id, account_id, name, named_at, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, named_at = excluded.named_at
         WHERE artists.named_at < excluded.named_at AND artists.name <> excluded.name",
    )
    .bind(artist.id)
    .bind(artist.account_id)
    .bind(artist.name.as_str())
    .bind(artist.named_at)
    .bind(artist.created_at);
    // Most calls tell of the name that it has: every other change of the account does.
    if transaction.run(upsert).await? > 0 {
        words::rename_artist(&mut transaction, artist).await?;
    } else {
        let confirm =
            Statement::new("UPDATE artists SET named_at = $1 WHERE id = $2 AND name = $3 AND named_at < $1");
        let confirm = confirm.bind(artist.named_at).bind(artist.id).bind(artist.name.as_str());
        transaction.run(confirm).await?;
    }
    Ok(transaction.commit().await?)
}

pub(super) async fn find(store: &SqlStore, id: ArtistId) -> Result<Option<Artist>, CatalogError> {
    let query =
        Statement::new("SELECT id, account_id, name, named_at, created_at FROM artists WHERE id = $1");
    Ok(store.database.optional(query.bind(id)).await?.as_ref().map(artist).transpose()?)
}

pub(in crate::sql) fn artist(row: &Row) -> Result<Artist, Fault> {
    Ok(Artist {
        id: row.id("id")?,
        account_id: row.id("account_id")?,
        name: row.checked("name")?,
        named_at: row.time("named_at")?,
        created_at: row.time("created_at")?,
    })
}
