//! The collections, their indexes, and the version of all that.

use std::time::Duration;

use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;

use super::database::{COUNTERS, Database};
use super::error::Fault;
use super::row::Row;

/// Counts up with every change of what follows that an older program would not bear, or that needs more than
/// new indexes.
pub(super) const VERSION: i64 = 4;

/// Where the version is kept.
const COLLECTION: &str = "schema";

/// One index.
struct Index {
    collection: &'static str,
    name: &'static str,
    keys: Document,
    unique: bool,
    /// Only documents that pass this are in it.
    only: Option<Document>,
    /// How long after the moment in its field the server removes a document.
    ttl: Option<Duration>,
}

fn index(collection: &'static str, name: &'static str, keys: Document) -> Index {
    Index { collection, name, keys, unique: false, only: None, ttl: None }
}

fn unique(collection: &'static str, name: &'static str, keys: Document) -> Index {
    Index { unique: true, ..index(collection, name, keys) }
}

fn of_accounts() -> Vec<Index> {
    vec![
        unique("accounts", "by_email", doc! { "email": 1 }),
        index("sessions", "of_account", doc! { "account_id": 1, "_id": -1 }),
        index("sessions", "by_end", doc! { "ends_at": 1 }),
        unique("mail_tokens", "of_account", doc! { "account_id": 1, "purpose": 1 }),
        index("mail_tokens", "by_end", doc! { "expires_at": 1 }),
        unique("identities", "of_subject", doc! { "issuer": 1, "subject": 1 }),
        unique("identities", "of_account", doc! { "account_id": 1, "issuer": 1 }),
        index("keys", "newest", doc! { "purpose": 1, "created_at": -1, "_id": -1 }),
        Index {
            only: Some(doc! { "first": true }),
            ..unique("keys", "one_first", doc! { "purpose": 1, "first": 1 })
        },
        index("log_in_tallies", "by_end", doc! { "expires_at": 1 }),
    ]
}

fn of_catalogue() -> Vec<Index> {
    vec![
        index("artists", "most_followed", doc! { "follower_count": -1, "_id": -1 }),
        index("artists", "artists_with_word", doc! { "prefixes": 1, "follower_count": -1, "_id": -1 }),
        index("tracks", "newest", doc! { "listed": 1, "_id": -1 }),
        index("tracks", "popular", doc! { "listed": 1, "play_count": -1, "_id": -1 }),
        index("tracks", "by_title", doc! { "listed": 1, "title_folded": 1, "_id": 1 }),
        index("tracks", "of_genre", doc! { "genre_folded": 1, "listed": 1, "_id": -1 }),
        index(
            "tracks",
            "popular_of_genre",
            doc! { "genre_folded": 1, "listed": 1, "play_count": -1, "_id": -1 },
        ),
        index("tracks", "of_artist", doc! { "artist_id": 1, "listed": 1, "_id": -1 }),
        index("tracks", "tracks_with_word", doc! { "prefixes": 1, "listed": 1, "play_count": -1, "_id": -1 }),
        index("tracks", "uploads", doc! { "status": 1, "created_at": 1, "_id": 1 }),
        index("playlists", "of_owner", doc! { "owner_id": 1, "_id": -1 }),
        index("playlist_entries", "in_order", doc! { "playlist_id": 1, "rank": 1 }),
        index("playlist_entries", "of_track", doc! { "track_id": 1, "playlist_id": 1 }),
    ]
}

fn of_libraries() -> Vec<Index> {
    vec![
        unique("library_changes", "of_thing", doc! { "account_id": 1, "kind": 1, "thing_id": 1 }),
        unique("library_changes", "in_order", doc! { "account_id": 1, "place": 1 }),
        unique("likes", "of_account", doc! { "account_id": 1, "track_id": 1 }),
        index("likes", "newest", doc! { "account_id": 1, "liked_at": -1, "track_id": -1 }),
        index("likes", "of_track", doc! { "track_id": 1, "account_id": 1 }),
        unique("follows", "of_account", doc! { "account_id": 1, "artist_id": 1 }),
        index("follows", "newest", doc! { "account_id": 1, "followed_at": -1, "artist_id": -1 }),
        index("follows", "of_artist", doc! { "artist_id": 1, "account_id": 1 }),
        unique("plays", "of_account", doc! { "account_id": 1, "play_id": 1 }),
        index("plays", "newest", doc! { "account_id": 1, "started_at": -1, "play_id": -1 }),
        index("plays", "counted", doc! { "account_id": 1, "taken_until": 1 }),
        unique("play_days", "of_subject", doc! { "subject": 1, "day": 1 }),
        unique("audiences", "of_subject", doc! { "subject": 1, "day": 1, "day_before": 1 }),
        unique("listener_days", "of_subject", doc! { "subject": 1, "account_id": 1, "day": 1 }),
        index("listener_days", "of_account", doc! { "account_id": 1, "subject": 1 }),
        unique("follow_days", "of_artist", doc! { "artist_id": 1, "day": 1 }),
        index("ended", "by_end", doc! { "until": 1 }),
        index("uploads", "of_account", doc! { "account_id": 1, "_id": 1 }),
        index("uploads", "due", doc! { "due_at": 1, "_id": 1 }),
    ]
}

fn of_delivery() -> Vec<Index> {
    vec![
        index("outbox", "in_order", doc! { "seq": 1, "number": 1 }),
        unique("deliveries", "of_event", doc! { "event_id": 1, "consumer": 1 }),
        index("deliveries", "due", doc! { "consumer": 1, "state": 1, "due_at": 1, "seq": 1, "number": 1 }),
        index("deliveries", "dead", doc! { "consumer": 1, "state": 1, "died_at": 1, "event_id": 1 }),
        index("deliveries", "by_age", doc! { "state": 1, "published_at": 1 }),
        unique("send_log", "of_event", doc! { "event_id": 1, "kind": 1 }),
        index("send_log", "by_age", doc! { "aged_at": 1 }),
        index("recipients", "gone", doc! { "gone": 1, "told_at": 1 }),
        unique("recipient_follows", "of_artist", doc! { "artist_id": 1, "account_id": 1 }),
        index("recipient_follows", "of_account", doc! { "account_id": 1 }),
        index("recipient_follows", "ended", doc! { "following": 1, "told_at": 1 }),
        index("announcements", "by_age", doc! { "noted_at": 1 }),
    ]
}

fn of_playback() -> Vec<Index> {
    vec![
        unique("playback_devices", "of_account", doc! { "account_id": 1, "device_id": 1 }),
        unique("playback_commands", "of_account", doc! { "account_id": 1, "command_id": 1 }),
        index("playback_commands", "newest", doc! { "account_id": 1, "applied_at": -1, "rev": -1 }),
        index("playback_commands", "by_age", doc! { "applied_at": 1 }),
        index("playback_ended", "by_end", doc! { "until": 1 }),
        // Told by the change stream long before.
        Index { ttl: Some(Duration::from_secs(60)), ..index("sync_hints", "by_age", doc! { "at": 1 }) },
        index("sync_presence", "of_account", doc! { "account_id": 1 }),
        index("sync_presence", "of_lease", doc! { "lease": 1 }),
    ]
}

/// Collections that have no index but that of their identifiers.
const WITHOUT: [&str; 10] = [
    "claims",
    COUNTERS,
    "libraries",
    "playback_runs",
    "playback_states",
    "round_trips",
    "sender_paces",
    "subscriptions",
    "sync_leases",
    "upload_owners",
];

/// The version of the schema that is there; `None` on an empty database.
pub(super) async fn found(database: &Database) -> Result<Option<i64>, Fault> {
    let row = database.plain().find_one(COLLECTION, doc! { "_id": 1 }).await?;
    row.map(|row| row.int("version")).transpose()
}

/// Makes what is missing. Any number of processes may do it at once.
pub(super) async fn upgrade(database: &Database) -> Result<(), Fault> {
    // First: so that no step has to make a collection, which older servers refuse.
    for name in WITHOUT {
        create(database, name).await?;
    }
    let indexes = [of_accounts(), of_catalogue(), of_libraries(), of_delivery(), of_playback()];
    let mut indexes = indexes.into_iter().flatten().peekable();
    while let Some(first) = indexes.next() {
        let collection = first.collection;
        let mut models = vec![model(first)];
        while let Some(more) = indexes.next_if(|more| more.collection == collection) {
            models.push(model(more));
        }
        create(database, collection).await?;
        database.within(database.collection(collection).create_indexes(models)).await?;
    }
    for counter in ["outbox", "deliveries"] {
        let from = doc! { "$setOnInsert": { "last": 0_i64 } };
        database.plain().upsert(COUNTERS, doc! { "_id": counter }, from).await?;
    }
    // Not lower than another process has set it meanwhile.
    let version = doc! { "$max": { "version": VERSION } };
    database.plain().upsert(COLLECTION, doc! { "_id": 1 }, version).await
}

async fn create(database: &Database, collection: &str) -> Result<(), Fault> {
    /// What servers say of a collection that is there.
    const EXISTS: i32 = 48;
    match database.within(database.inner.create_collection(collection)).await {
        Err(fault) if fault.code() != Some(EXISTS) => Err(fault),
        _ => Ok(()),
    }
}

fn model(index: Index) -> IndexModel {
    let options = IndexOptions::builder().name(index.name.to_owned());
    let options = options.unique(index.unique.then_some(true)).partial_filter_expression(index.only);
    let options = options.expire_after(index.ttl);
    IndexModel::builder().keys(index.keys).options(options.build()).build()
}

/// Whether the server has transactions: those of a replica set, and what stands before shards.
pub(super) async fn has_transactions(database: &Database) -> Result<bool, Fault> {
    let hello = database.within(database.inner.run_command(doc! { "hello": 1 })).await?;
    let hello = Row(hello);
    Ok(hello.optional_text("setName")?.is_some() || hello.optional_text("msg")? == Some("isdbgrid"))
}
