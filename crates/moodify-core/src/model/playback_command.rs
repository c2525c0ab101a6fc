//! What a device asks for.

use serde::{Deserialize, Serialize};

use super::{CommandId, DeviceId, EntryId, PlaybackVersion, PositionMs, Rate, Repeat, TrackId, Volume};

/// What a device asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Its key.
    pub id: CommandId,
    /// The state it was meant for: it is refused when that is not the current one.
    pub expect: Option<PlaybackVersion>,
    /// What is to happen.
    pub operation: Operation,
}

/// What is to happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Let time pass.
    Play {
        /// Jump to this. Without it the current track goes on.
        what: Option<PlayWhat>,
        /// Start here. Without it a new track starts at its beginning, the current one where it is.
        position_ms: Option<PositionMs>,
    },
    /// Let time stand still.
    Pause,
    /// Go to a place in the current track.
    Seek {
        /// The place.
        position_ms: PositionMs,
    },
    /// Go to the next entry.
    Next {
        /// The current entry has come to its end by itself: it begins again if it is to be
        /// repeated.
        ended: bool,
        /// The entry to go on from: refused when another one is current by now.
        from: Option<EntryId>,
    },
    /// Go to the start of the track, or, at its start, to the entry before.
    Previous,
    /// Play something else.
    SetQueue {
        /// The tracks.
        tracks: Vec<TrackId>,
        /// Which of them is current.
        index: usize,
        /// Start here.
        position_ms: PositionMs,
        /// Whether it plays; without it that stays as it is.
        play: Option<bool>,
    },
    /// Add tracks to the queue.
    QueueAdd {
        /// The tracks.
        tracks: Vec<TrackId>,
        /// Where.
        position: QueuePosition,
    },
    /// Take entries out of the queue.
    QueueRemove {
        /// Which.
        entries: Vec<EntryId>,
    },
    /// Let an entry play earlier or later.
    QueueMove {
        /// Which.
        entry: EntryId,
        /// Where it stands afterwards.
        index: usize,
    },
    /// Play slower or faster.
    SetRate {
        /// How fast.
        rate: Rate,
    },
    /// Decide what happens at the end.
    SetRepeat {
        /// What.
        repeat: Repeat,
    },
    /// Mix the queue, or put it back into its order.
    SetShuffle {
        /// Whether to mix.
        shuffle: bool,
    },
    /// Make a device louder or quieter.
    SetVolume {
        /// How loud.
        volume: Volume,
        /// Which; without it the device that asks.
        device: Option<DeviceId>,
    },
    /// Let other devices make the sound: one, or several together.
    Transfer {
        /// Which. The first one leads.
        to: Vec<DeviceId>,
    },
}

/// What to play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlayWhat {
    /// This track: at its first place in the queue, or, if it is not there, as a new queue of this
    /// track alone.
    Track(TrackId),
    /// This entry of the queue.
    Entry(EntryId),
}

/// Where tracks join the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueuePosition {
    /// Behind the current entry.
    Next,
    /// Behind all others.
    #[default]
    End,
    /// Before the entry with this index.
    Index(usize),
}

/// A command that took effect: what its sender is told, also when it asks again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedCommand {
    /// The command.
    pub id: CommandId,
    /// The state it led to.
    pub version: PlaybackVersion,
    /// The moment it takes effect, in microseconds since 1970.
    pub at_us: i64,
}
