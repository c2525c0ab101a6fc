//! What plays and what comes next.

use std::{ops::Deref, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{EntryId, TrackId};

/// One place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueEntry {
    /// Identifier of the place: a track may stand in the queue twice.
    pub entry_id: EntryId,
    /// The track.
    pub track_id: TrackId,
    /// Where the entry stands when shuffle is off; absent while it is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<u32>,
}

impl QueueEntry {
    /// An entry of a queue that is not shuffled.
    pub fn new(entry_id: EntryId, track_id: TrackId) -> Self {
        Self { entry_id, track_id, place: None }
    }
}

/// The entries in the order they play in. Cheap to clone: copies share the entries until one
/// changes.
///
/// While it is shuffled, every entry keeps its `place`, and the places are 0, 1, 2, … in some
/// order; otherwise none has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlayQueue(Arc<Vec<QueueEntry>>);

impl PlayQueue {
    /// Where this entry stands.
    pub fn position(&self, entry: EntryId) -> Option<usize> {
        self.iter().position(|there| there.entry_id == entry)
    }

    /// Puts entries before the one at this index; behind all others if there is none.
    ///
    /// In a shuffled queue they take their place behind the entry that they follow, or at the end
    /// if they are added there.
    pub fn insert(&mut self, index: usize, new: impl IntoIterator<Item = QueueEntry>) {
        let index = index.min(self.len());
        let mut new: Vec<_> = new.into_iter().collect();
        if self.is_shuffled() {
            let first = match index.checked_sub(1) {
                _ if index == self.len() => self.len(),
                None => 0,
                Some(before) => self[before].place.map_or(self.len(), |place| place as usize + 1),
            };
            for entry in Arc::make_mut(&mut self.0) {
                entry.place = entry.place.map(|place| {
                    if (place as usize) < first { place } else { place.saturating_add(as_place(new.len())) }
                });
            }
            for (n, entry) in new.iter_mut().enumerate() {
                entry.place = Some(as_place(first + n));
            }
        }
        Arc::make_mut(&mut self.0).splice(index..index, new);
    }

    /// Takes out the entries that are to go.
    pub fn remove(&mut self, goes: impl Fn(&QueueEntry) -> bool) {
        let shuffled = self.is_shuffled();
        let entries = Arc::make_mut(&mut self.0);
        entries.retain(|entry| !goes(entry));
        if shuffled {
            let mut places: Vec<usize> = (0..entries.len()).collect();
            places.sort_by_key(|index| entries[*index].place);
            for (place, index) in places.into_iter().enumerate() {
                entries[index].place = Some(as_place(place));
            }
        }
    }

    /// Lets an entry play at another time; where it stands when shuffle is off stays the same.
    pub fn relocate(&mut self, from: usize, to: usize) {
        if from < self.len() && to < self.len() {
            let entries = Arc::make_mut(&mut self.0);
            let entry = entries.remove(from);
            entries.insert(to, entry);
        }
    }

    /// Puts the entries into an order that follows from the seed, `first` before all others.
    /// A queue that is shuffled already keeps the places of its entries.
    pub fn shuffle(&mut self, first: Option<usize>, seed: u64) {
        let is_new = !self.is_shuffled();
        let entries = Arc::make_mut(&mut self.0);
        if is_new {
            for (place, entry) in entries.iter_mut().enumerate() {
                entry.place = Some(as_place(place));
            }
        }
        let mut rest = entries.as_mut_slice();
        if let Some(first) = first.filter(|first| *first < rest.len()) {
            rest.swap(0, first);
            rest = &mut rest[1..];
        }
        let mut dice = SplitMix(seed);
        for last in (1..rest.len()).rev() {
            rest.swap(last, dice.below(last + 1));
        }
    }

    /// Puts the entries back into the order they had.
    pub fn unshuffle(&mut self) {
        if self.is_shuffled() {
            let entries = Arc::make_mut(&mut self.0);
            entries.sort_by_key(|entry| entry.place);
            for entry in entries {
                entry.place = None;
            }
        }
    }

    fn is_shuffled(&self) -> bool {
        self.first().is_some_and(|entry| entry.place.is_some())
    }
}

// Queues have a limit that is far below.
fn as_place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// SplitMix64 (Steele, Lea and Flood 2014): good enough to mix music with, and the same everywhere.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    // The high half of a product: without the bias of a remainder towards small numbers.
    fn below(&mut self, bound: usize) -> usize {
        let product = u128::from(self.next()) * bound as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }
}

impl Deref for PlayQueue {
    type Target = [QueueEntry];

    fn deref(&self) -> &[QueueEntry] {
        &self.0
    }
}

impl FromIterator<QueueEntry> for PlayQueue {
    fn from_iter<I: IntoIterator<Item = QueueEntry>>(entries: I) -> Self {
        Self(Arc::new(entries.into_iter().collect()))
    }
}

impl Serialize for PlayQueue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_slice().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PlayQueue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|entries| Self(Arc::new(entries)))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn entry(n: u128) -> QueueEntry {
        QueueEntry::new(Uuid::from_u128(n).into(), Uuid::from_u128(1_000 + n).into())
    }

    fn queue(ns: impl IntoIterator<Item = u128>) -> PlayQueue {
        ns.into_iter().map(entry).collect()
    }

    fn order(queue: &PlayQueue) -> Vec<u128> {
        queue.iter().map(|entry| entry.entry_id.as_uuid().as_u128()).collect()
    }

    #[test]
    fn shuffle_keeps_the_first_and_comes_undone() {
        let mut shuffled = queue(0..50);
        shuffled.shuffle(Some(7), 1);
        assert_eq!(order(&shuffled)[0], 7);
        let mut same = queue(0..50);
        same.shuffle(Some(7), 1);
        assert_eq!(shuffled, same, "one seed, one order");
        let mut other = queue(0..50);
        other.shuffle(Some(7), 2);
        assert_ne!(shuffled, other);
        shuffled.unshuffle();
        assert_eq!(shuffled, queue(0..50));
    }

    #[test]
    fn every_order_of_four_is_as_likely() {
        let mut counts = std::collections::BTreeMap::<_, u32>::new();
        for seed in 0..24_000 {
            let mut shuffled = queue(0..4);
            shuffled.shuffle(None, seed);
            *counts.entry(order(&shuffled)).or_default() += 1;
        }
        assert_eq!(counts.len(), 24);
        assert!(counts.values().all(|count| (850..1_150).contains(count)), "{counts:?}");
    }

    #[test]
    fn what_joins_a_shuffled_queue_has_a_place_when_it_is_undone() {
        let mut shuffled = queue(0..5);
        shuffled.shuffle(Some(2), 3);
        shuffled.insert(1, [entry(10), entry(11)]);
        shuffled.insert(7, [entry(12)]);
        shuffled.remove(|there| there.entry_id == entry(4).entry_id);
        shuffled.relocate(0, 3);
        assert_eq!(order(&shuffled)[3], 2);
        shuffled.unshuffle();
        assert_eq!(order(&shuffled), [0, 1, 2, 10, 11, 3, 12]);
        assert_eq!(shuffled, queue([0, 1, 2, 10, 11, 3, 12]));
    }

    #[test]
    fn the_place_is_absent_where_it_means_nothing() {
        let json = serde_json::to_value(queue([1])).unwrap();
        assert_eq!(json[0].as_object().unwrap().len(), 2);
        assert_eq!(serde_json::from_value::<PlayQueue>(json).unwrap(), queue([1]));
    }
}
