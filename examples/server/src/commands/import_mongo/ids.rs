//! New identifiers, always the same ones for the same old ones: what was imported is recognised by them,
//! also where nobody has kept a journal.

use moodify_adapters::mongodb::mongoose::OldId;
use moodify_core::model::{
    AccountId, ArtistId, EntryId, MediaId, PlaylistId, Timestamp, TrackId, id::uuid_v7,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub(super) fn account(user: &OldId) -> AccountId {
    new_id("account", user, 0).into()
}

pub(super) fn artist(user: &OldId) -> ArtistId {
    new_id("artist", user, 0).into()
}

pub(super) fn track(music: &OldId) -> TrackId {
    new_id("track", music, 0).into()
}

pub(super) fn audio(music: &OldId) -> MediaId {
    new_id("audio", music, 0).into()
}

pub(super) fn cover(music: &OldId) -> MediaId {
    new_id("cover", music, 0).into()
}

pub(super) fn playlist(playlist: &OldId) -> PlaylistId {
    new_id("playlist", playlist, 0).into()
}

/// The place at this index of a playlist.
pub(super) fn entry(playlist: &OldId, index: usize) -> EntryId {
    new_id("entry", playlist, index).into()
}

/// Of the moment when the old one was made, so that they sort alike: by seconds, then by the counter that an
/// ObjectId ends in. An id that is none tells no time, and comes before all others.
fn new_id(kind: &str, old: &OldId, index: usize) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(format!("moodify import-mongo\0{kind}\0{index}\0{old}"));
    let hash: [u8; 32] = hash.finalize().into();
    let mut random = [0; 10];
    random.copy_from_slice(&hash[..10]);
    let Some((made_at, counter)) = old.made_at() else { return uuid_v7(Timestamp::UNIX_EPOCH, &random) };
    // Around the bits in which a UUID says what it is: four of the first byte and two of the third.
    let [_, a, b, c] = counter.to_be_bytes();
    random[0] = a >> 4;
    random[1] = a << 4 | b >> 4;
    random[2] = (b & 0x0f) << 2 | c >> 6;
    random[3] = c << 2 | random[3] & 0x03;
    uuid_v7(made_at, &random)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn old(seconds: u32, counter: u32) -> OldId {
        let mut bytes = [7; 12];
        bytes[..4].copy_from_slice(&seconds.to_be_bytes());
        bytes[9..].copy_from_slice(&counter.to_be_bytes()[1..]);
        OldId::from_object_id(bytes)
    }

    #[test]
    fn they_sort_as_the_old_ones_do() {
        let counters = [0, 1, 0x3f, 0x40, 0xff, 0x100, 0xfff, 0x1000, 0xf_ffff, 0x10_0000, 0xff_ffff];
        let olds = [1_700_000_000, 1_700_000_001].map(|seconds| counters.map(|count| old(seconds, count)));
        let ids: Vec<TrackId> = olds.iter().flatten().map(track).collect();
        assert!(ids.is_sorted(), "{ids:?}");
        assert!(ids.iter().all(|id| id.as_uuid().get_version_num() == 7));
    }

    #[test]
    fn the_same_one_is_made_of_the_same_one_alone() {
        let one = old(1_700_000_000, 5);
        assert_eq!(track(&one), track(&one.clone()));
        let all = [
            account(&one).as_uuid(),
            artist(&one).as_uuid(),
            track(&one).as_uuid(),
            audio(&one).as_uuid(),
            cover(&one).as_uuid(),
            playlist(&one).as_uuid(),
            entry(&one, 0).as_uuid(),
            entry(&one, 1).as_uuid(),
            account(&old(1_700_000_000, 6)).as_uuid(),
        ];
        assert_eq!(HashSet::from(all).len(), all.len());
    }
}
