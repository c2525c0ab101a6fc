use std::collections::HashMap;

use crate::model::{AccountId, Kept, LibraryChange, LibraryItem, Playlist};

/// The change feed of each listener.
#[derive(Debug, Default)]
pub(super) struct Feeds(HashMap<AccountId, Feed>);

#[derive(Debug, Default)]
struct Feed {
    last: u64,
    entries: HashMap<LibraryItem, (u64, LibraryChange)>,
}

impl Feeds {
    /// Moves the entry of this thing to the end of the feed.
    pub(super) fn touch(&mut self, account: AccountId, item: LibraryItem, kept: Option<Kept>) {
        let feed = self.0.entry(account).or_default();
        feed.last += 1;
        feed.entries.insert(item, (feed.last, LibraryChange { item, kept }));
    }

    /// The same for a playlist that is there.
    pub(super) fn touch_playlist(&mut self, playlist: &Playlist) {
        let kept = Kept { at: playlist.updated_at, version: Some(playlist.version) };
        self.touch(playlist.owner_id, LibraryItem::Playlist(playlist.id), Some(kept));
    }

    /// The place of the last entry, and the entries behind this place in order.
    pub(super) fn behind(&self, account: AccountId, since: u64) -> (u64, Vec<(u64, LibraryChange)>) {
        let Some(feed) = self.0.get(&account) else { return (0, Vec::new()) };
        let mut found: Vec<_> = feed.entries.values().filter(|(place, _)| *place > since).copied().collect();
        found.sort_by_key(|(place, _)| *place);
        (feed.last, found)
    }

    pub(super) fn forget(&mut self, account: AccountId) {
        self.0.remove(&account);
    }
}
