use jiff::Timestamp;

use crate::memory::store::Tables;
use crate::model::{AccountId, ArtistId, Kept, LibraryItem, LikedTrack, Page, PageSize, TrackId};
use crate::port::{LibraryError, LikePosition};

pub(super) fn like(
    tables: &mut Tables,
    account: AccountId,
    track: TrackId,
    now: Timestamp,
) -> Result<bool, LibraryError> {
    if tables.catalog.track(track).is_none() {
        return Err(LibraryError::NotFound { what: "track" });
    }
    let library = &mut tables.library;
    if library.likes.contains_key(&(account, track)) {
        return Ok(false);
    }
    library.likes.insert((account, track), now);
    library.feeds.touch(account, LibraryItem::Like(track), Some(Kept { at: now, version: None }));
    Ok(true)
}

pub(super) fn unlike(tables: &mut Tables, account: AccountId, track: TrackId) -> bool {
    let library = &mut tables.library;
    let liked = library.likes.remove(&(account, track)).is_some();
    if liked {
        library.feeds.touch(account, LibraryItem::Like(track), None);
    }
    liked
}

pub(super) fn page(
    tables: &Tables,
    account: AccountId,
    viewer: Option<ArtistId>,
    size: PageSize,
    after: Option<&LikePosition>,
) -> Page<LikedTrack, LikePosition> {
    let mut found: Vec<LikedTrack> = tables
        .library
        .likes
        .iter()
        .filter(|((liker, _), _)| *liker == account)
        .filter_map(|((_, track), liked_at)| {
            let track = tables.catalog.track(*track).filter(|track| track.is_visible_to(viewer))?;
            Some(LikedTrack { track, liked_at: *liked_at })
        })
        .filter(|like| after.is_none_or(|after| (like.liked_at, like.track.id) < (after.liked_at, after.id)))
        .collect();
    found.sort_by_key(|like| std::cmp::Reverse((like.liked_at, like.track.id)));
    found.truncate(size.get() + 1);
    Page::from_surplus(found, size, |like| LikePosition { liked_at: like.liked_at, id: like.track.id })
}
