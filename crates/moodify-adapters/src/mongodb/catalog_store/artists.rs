use mongodb::bson::doc;
use moodify_core::model::{Artist, ArtistId};
use moodify_core::port::CatalogError;

use super::tracks;
use crate::mongodb::MongoStore;
use crate::mongodb::error::Fault;
use crate::mongodb::row::{Key, Row, micros};
use crate::mongodb::search;
use crate::mongodb::step::{Find, Step};

pub(in crate::mongodb) const COLLECTION: &str = "artists";

pub(super) async fn upsert(store: &MongoStore, artist: &Artist) -> Result<(), CatalogError> {
    let upserted = store.database.atomically(|step| {
        Box::pin(async move {
            let by_id = doc! { "_id": artist.id.key() };
            let Some(known) = step.find_one(COLLECTION, by_id.clone()).await? else {
                return Ok(insert(step, artist).await?);
            };
            if known.time("named_at")? >= artist.named_at {
                return Ok(());
            }
            let mut set = doc! { "named_at": micros(artist.named_at) };
            // Most calls tell of the name that it has: every other change of the account does.
            if known.text("name")? != artist.name.as_str() {
                set.insert("name", artist.name.as_str());
                set.extend(search::fields([artist.name.as_str()]));
                rename_tracks(step, artist).await?;
            }
            step.update(COLLECTION, by_id, doc! { "$set": set }).await?;
            Ok(())
        })
    });
    upserted.await
}

async fn insert(step: &mut Step<'_>, artist: &Artist) -> Result<(), Fault> {
    let mut document = doc! {
        "_id": artist.id.key(),
        "account_id": artist.account_id.key(),
        "name": artist.name.as_str(),
        "named_at": micros(artist.named_at),
        "created_at": micros(artist.created_at),
        "follower_count": 0_i64,
    };
    document.extend(search::fields([artist.name.as_str()]));
    step.insert(COLLECTION, document).await
}

/// Each track holds the name of its artist, so that a list reads one collection.
async fn rename_tracks(step: &mut Step<'_>, artist: &Artist) -> Result<(), Fault> {
    let of_artist = Find::new(tracks::COLLECTION, doc! { "artist_id": artist.id.key() });
    let of_artist = of_artist.fields(doc! { "title": 1 });
    let name = artist.name.as_str();
    let mut renamed = Vec::new();
    for row in step.find(of_artist).await? {
        let mut set = doc! { "artist_name": name };
        set.extend(search::fields([row.text("title")?, name]));
        renamed.push((doc! { "_id": row.0.get("_id") }, doc! { "$set": set }));
    }
    step.upsert_each(tracks::COLLECTION, renamed).await
}

pub(super) async fn find(store: &MongoStore, id: ArtistId) -> Result<Option<Artist>, CatalogError> {
    let row = store.database.plain().find_one(COLLECTION, doc! { "_id": id.key() }).await?;
    Ok(row.as_ref().map(artist).transpose()?)
}

pub(in crate::mongodb) fn artist(row: &Row) -> Result<Artist, Fault> {
    Ok(Artist {
        id: row.id("_id")?,
        account_id: row.id("account_id")?,
        name: row.checked("name")?,
        named_at: row.time("named_at")?,
        created_at: row.time("created_at")?,
    })
}
