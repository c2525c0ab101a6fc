use jiff::Timestamp;

use super::follows::lose;
use crate::memory::store::Tables;
use crate::model::{AccountId, ArtistId, LibraryItem, TrackId};

pub(super) fn track(tables: &mut Tables, id: TrackId) {
    let library = &mut tables.library;
    let likers: Vec<AccountId> =
        library.likes.keys().filter(|(_, track)| *track == id).map(|(account, _)| *account).collect();
    for account in likers {
        library.likes.remove(&(account, id));
        library.feeds.touch(account, LibraryItem::Like(id), None);
    }
}

pub(super) fn listener(tables: &mut Tables, id: AccountId, now: Timestamp) {
    let library = &mut tables.library;
    library.likes.retain(|(account, _), _| *account != id);
    let follows: Vec<ArtistId> =
        library.follows.keys().filter(|(account, _)| *account == id).map(|(_, artist)| *artist).collect();
    for artist in follows {
        lose(library, id, artist, now);
    }
    library.plays.retain(|(account, _), _| *account != id);
    library.numbers.remove(&id);
    library.feeds.forget(id);
    tables.catalog.playlists.retain(|_, stored| stored.playlist.owner_id != id);
}

pub(super) fn artist(tables: &mut Tables, id: ArtistId) -> bool {
    let library = &mut tables.library;
    let followers: Vec<AccountId> =
        library.follows.keys().filter(|(_, artist)| *artist == id).map(|(account, _)| *account).collect();
    for account in followers {
        library.follows.remove(&(account, id));
        library.feeds.touch(account, LibraryItem::Follow(id), None);
    }
    library.follow_days.retain(|(artist, _), _| *artist != id);
    library.heard.retain(|heard| heard.artist != id);
    let has_tracks = tables.catalog.tracks.values().any(|track| track.artist_id == id);
    if !has_tracks {
        tables.catalog.artists.remove(&id);
    }
    !has_tracks
}
