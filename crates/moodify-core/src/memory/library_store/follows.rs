use jiff::Timestamp;

use super::Library;
use super::artists::summary;
use crate::memory::store::Tables;
use crate::model::{AccountId, ArtistId, Day, FollowedArtist, Kept, LibraryItem, Page, PageSize};
use crate::port::{FollowPosition, LibraryError};

pub(super) fn follow(
    tables: &mut Tables,
    account: AccountId,
    artist: ArtistId,
    now: Timestamp,
) -> Result<bool, LibraryError> {
    if !tables.catalog.artists.contains_key(&artist) {
        return Err(LibraryError::NotFound { what: "artist" });
    }
    let library = &mut tables.library;
    if library.follows.contains_key(&(account, artist)) {
        return Ok(false);
    }
    library.follows.insert((account, artist), now);
    library.follow_days.entry((artist, Day::of(now))).or_default().0 += 1;
    library.feeds.touch(account, LibraryItem::Follow(artist), Some(Kept { at: now, version: None }));
    Ok(true)
}

pub(super) fn unfollow(tables: &mut Tables, account: AccountId, artist: ArtistId, now: Timestamp) -> bool {
    let followed = lose(&mut tables.library, account, artist, now);
    if followed {
        tables.library.feeds.touch(account, LibraryItem::Follow(artist), None);
    }
    followed
}

/// Takes a follower away, without a word in the feed.
pub(super) fn lose(library: &mut Library, account: AccountId, artist: ArtistId, now: Timestamp) -> bool {
    let followed = library.follows.remove(&(account, artist)).is_some();
    if followed {
        library.follow_days.entry((artist, Day::of(now))).or_default().1 += 1;
    }
    followed
}

pub(super) fn page(
    tables: &Tables,
    account: AccountId,
    size: PageSize,
    after: Option<&FollowPosition>,
) -> Page<FollowedArtist, FollowPosition> {
    let position = |follow: &FollowedArtist| FollowPosition {
        followed_at: follow.followed_at,
        id: follow.summary.artist.id,
    };
    let key = |position: &FollowPosition| (position.followed_at, position.id);
    let mut found: Vec<FollowedArtist> = tables
        .library
        .follows
        .iter()
        .filter(|((follower, _), _)| *follower == account)
        .filter_map(|((_, artist), followed_at)| {
            Some(FollowedArtist { summary: summary(tables, *artist)?, followed_at: *followed_at })
        })
        .filter(|follow| after.is_none_or(|after| key(&position(follow)) < key(after)))
        .collect();
    found.sort_by_key(|follow| std::cmp::Reverse(key(&position(follow))));
    found.truncate(size.get() + 1);
    Page::from_surplus(found, size, position)
}
