//! How many commands the reads and writes of requests send: each costs this process more than all that it carries.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mongodb::bson::{Bson, Document};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use moodify_core::conformance::samples;
use moodify_core::model::{
    AccountId, AppliedCommand, CommandId, Epoch, EventKind, PageSize, PlaybackState, Track, TrackFilter,
    TrackId,
};
use moodify_core::port::{CatalogStore, Ended, LibraryStore, Outbox, PlaybackStore, UserStore};

use super::connect::{self, Upgrade};
use super::hints::Listener;
use super::plans::server;
use super::{MongoConfig, MongoStore};

/// What was sent, each as `command collection`.
type Sent = Arc<Mutex<Vec<String>>>;

async fn counted(name: &str) -> Option<(MongoStore, Sent)> {
    let server = server::shared(0)?;
    let mut config =
        MongoConfig::new(server::url_of(server, &format!("moodify_{name}_{}", std::process::id())));
    // A slow machine is no lost connection, after which the driver reads again.
    (config.connect_timeout, config.operation_timeout) = (Duration::from_secs(90), Duration::from_secs(90));
    let mut options = connect::options(&config).await.unwrap();
    let sent = Sent::default();
    let noted = Arc::clone(&sent);
    options.command_event_handler = Some(EventHandler::callback(move |event: CommandEvent| {
        if let CommandEvent::Started(event) = event
            && let Some(told) = told(&event.command_name, &event.command)
        {
            noted.lock().unwrap().push(told);
        }
    }));
    let database = Arc::new(connect::open_with(options, &config, Upgrade::Yes).await.unwrap());
    let listener = Listener::start(Arc::clone(&database));
    Some((MongoStore { database, listener }, sent))
}

/// Nothing of the change stream that listens beside.
fn told(name: &str, command: &Document) -> Option<String> {
    let of_a_stream = |collection: &str| collection.starts_with('$');
    match command.get(name)? {
        Bson::Int32(_) | Bson::Int64(_) if name == "aggregate" => None,
        Bson::String(collection) if of_a_stream(collection) => None,
        Bson::String(collection) => Some(format!("{name} {collection}")),
        _ if matches!(command.get_str("collection"), Ok(collection) if of_a_stream(collection)) => None,
        _ => match command.get_str("collection") {
            Ok(collection) => Some(format!("{name} {collection}")),
            Err(_) => Some(name.to_owned()),
        },
    }
}

/// What this sends.
async fn sends<T>(sent: &Sent, work: impl Future<Output = T>) -> (T, Vec<String>) {
    sent.lock().unwrap().clear();
    let done = work.await;
    (done, std::mem::take(&mut *sent.lock().unwrap()))
}

/// So many tracks that everybody may find, the oldest first.
async fn tracks(store: &MongoStore, count: usize) -> Vec<Track> {
    let artist = samples::artist();
    store.upsert_artist(&artist).await.unwrap();
    let mut tracks = Vec::new();
    for _ in 0..count {
        let track = samples::track(&artist);
        store.create_track(&track).await.unwrap();
        tracks.push(track);
    }
    tracks.sort_by_key(|track| track.id);
    tracks
}

#[tokio::test]
async fn what_a_player_asks_all_day_is_one_command() {
    let Some((store, sent)) = counted("reads").await else { return };
    let tracks = tracks(&store, 102).await;
    let (owner, listener) = (samples::id(), samples::id());
    let playlist = samples::playlist(owner);
    // More than a page, one track twice.
    let entries = samples::entries(tracks.iter().chain(&tracks[..1]));
    store.create_playlist(&playlist, &entries).await.unwrap();
    let liked = [tracks[0].id, tracks[101].id];
    for track in liked {
        store.like(listener, track, samples::moment()).await.unwrap();
    }
    store.like(owner, tracks[1].id, samples::moment()).await.unwrap();
    let known = store.for_listener().unwrap();
    let all = TrackFilter::default();

    // A page of the most that a page has fits into the first answer too.
    for size in [PageSize::default(), PageSize::MAX] {
        let (page, commands) = sends(&sent, known.list_tracks_for(listener, &all, size, None)).await;
        assert_eq!(commands, ["aggregate tracks"]);
        let (page, likes) = page.unwrap();
        let (plain, commands) = sends(&sent, store.list_tracks(&all, size, None)).await;
        assert_eq!(commands, ["find tracks"]);
        assert_eq!(page, plain.unwrap());
        let ids: Vec<TrackId> = page.items.iter().map(|track| track.id).collect();
        let (among, commands) = sends(&sent, store.liked_among(listener, &ids)).await;
        assert_eq!(commands, ["find likes"]);
        assert_eq!(likes, among.unwrap());
        assert!(likes.contains(&liked[1]) && !likes.contains(&tracks[1].id));
    }

    let read = known.playlist_for(listener, playlist.id, PageSize::MAX);
    let (found, commands) = sends(&sent, read).await;
    assert_eq!(commands, ["aggregate playlists"]);
    let found = found.unwrap().unwrap();
    assert_eq!(Some(found.playlist), store.playlist(playlist.id).await.unwrap());
    assert_eq!(found.entries.items.len(), 100);
    assert_eq!(found.liked.into_iter().collect::<Vec<_>>(), [tracks[0].id]);
    let (first, commands) = sends(&sent, store.playlist_entries(playlist.id, PageSize::MAX, None)).await;
    assert_eq!(commands, ["find playlists", "find playlist_entries", "find tracks"]);
    let first = first.unwrap();
    assert_eq!(found.entries, first);
    let rest = store.playlist_entries(playlist.id, PageSize::MAX, first.next.as_ref()).await.unwrap();
    assert_eq!(rest.items.len() + first.items.len(), entries.len());
    assert_eq!(known.playlist_for(listener, samples::id(), PageSize::MAX).await.unwrap(), None);

    let nothing = TrackFilter { words: vec!["nobody-sings-this".to_owned()], ..all };
    let (page, likes) = known.list_tracks_for(listener, &nothing, PageSize::MAX, None).await.unwrap();
    assert!(page.items.is_empty() && page.next.is_none() && likes.is_empty());
    let (_, commands) = sends(&sent, store.track(tracks[0].id)).await;
    assert_eq!(commands, ["find tracks"]);
    let ended = [Ended::Account(listener)];
    let asks = LibraryStore::has_ended(&store, &ended);
    let (_, commands) = sends(&sent, asks).await;
    assert_eq!(commands, ["find ended"]);
    store.database.inner.drop().await.unwrap();
}

#[tokio::test]
async fn signing_in_and_relaying_send_no_more_than_they_need() {
    let Some((store, sent)) = counted("writes").await else { return };
    let (new, event) = (samples::account(), samples::event(EventKind::AccountCreated));
    let session = samples::session(&new.account);
    let events = std::slice::from_ref(&event);
    let (created, commands) = sends(&sent, store.create_account(&new, &session, events)).await;
    created.unwrap();
    let mut expected = vec!["find accounts", "insert accounts"];
    if new.verification.is_some() {
        expected.push("insert mail_tokens");
    }
    expected.extend(["insert sessions", "findAndModify counters", "insert outbox", "commitTransaction"]);
    assert_eq!(commands, expected);

    let (known, commands) = sends(&sent, store.credentials(&new.account.email)).await;
    assert_eq!(commands, ["find accounts"]);
    let revision = known.unwrap().unwrap().revision;
    let another = samples::session(&new.account);
    let (created, commands) = sends(&sent, store.create_session(&another, revision)).await;
    assert!(created.unwrap());
    assert_eq!(commands, ["update accounts", "insert sessions", "commitTransaction"]);

    let lease = std::time::Duration::from_secs(30);
    let (leased, commands) = sends(&sent, store.lease(100, samples::moment(), lease)).await;
    assert_eq!(leased.unwrap(), std::slice::from_ref(&event));
    assert_eq!(commands, ["find outbox", "update outbox", "find outbox"]);
    let (published, commands) = sends(&sent, store.mark_published(&[event.id])).await;
    published.unwrap();
    assert_eq!(commands, ["delete outbox"]);
    store.database.inner.drop().await.unwrap();
}

#[tokio::test]
async fn a_command_of_a_device_sends_no_more_than_it_needs() {
    let Some((store, sent)) = counted("playback").await else { return };
    let (account, now): (AccountId, _) = (samples::id(), samples::moment());
    let first = PlaybackState::initial(samples::id::<Epoch>(), now);
    store.create(account, &first).await.unwrap();
    let second = PlaybackState { rev: 1, playing: true, ..first.clone() };
    let id = CommandId::parse("a-command").unwrap();
    let applied = AppliedCommand { id, version: second.version(), at_us: second.at_us };
    let (replaced, commands) =
        sends(&sent, store.replace(account, first.version(), &second, Some(&applied), now)).await;
    replaced.unwrap();
    assert_eq!(commands, ["update playback_states", "update playback_commands", "commitTransaction"]);
    let third = PlaybackState { rev: 2, ..second.clone() };
    let (replaced, commands) =
        sends(&sent, store.replace(account, second.version(), &third, None, now)).await;
    replaced.unwrap();
    assert_eq!(commands, ["update playback_states"]);
    let (loaded, commands) = sends(&sent, store.load(account)).await;
    assert_eq!(loaded.unwrap(), Some(third));
    assert_eq!(commands, ["find playback_states"]);
    assert_eq!(store.applied(account, &applied.id, now).await.unwrap(), Some(applied));
    store.database.inner.drop().await.unwrap();
}
