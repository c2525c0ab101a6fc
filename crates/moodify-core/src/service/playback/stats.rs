//! What an operator may want to know of playback.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Outcome;

/// Counts of this process since it started. Reading them costs nothing.
#[derive(Debug, Default)]
pub struct PlaybackStats {
    connections: AtomicU64,
    applied: AtomicU64,
    refused: AtomicU64,
    plays: AtomicU64,
    skew: Skew,
}

/// A connection that is open; dropped with it.
#[derive(Debug)]
pub(super) struct Counted(Arc<PlaybackStats>);

impl Counted {
    pub(super) fn new(stats: &Arc<PlaybackStats>) -> Self {
        stats.connections.fetch_add(1, Relaxed);
        Self(stats.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}

/// How far devices are from where they should be, either way, in classes.
#[derive(Debug, Default)]
struct Skew {
    // One more than the bounds: what is beyond.
    classes: [AtomicU64; SKEW_BOUNDS_MS.len() + 1],
    total_ms: AtomicU64,
}

/// The upper bounds of the classes that skew is counted in, in milliseconds. Under 10 ms a device
/// has nothing to do; from 100 ms on it has to jump.
pub const SKEW_BOUNDS_MS: [u32; 9] = [2, 5, 10, 25, 50, 100, 250, 1_000, 5_000];

/// The counts at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaybackCounts {
    /// Connections that are open.
    pub connections: u64,
    /// Commands that were applied, repetitions that were answered included.
    pub applied: u64,
    /// Commands that were refused.
    pub refused: u64,
    /// Plays that were handed to the music service.
    pub plays: u64,
    /// How many reports were at most this far off: one count for each of [`SKEW_BOUNDS_MS`], each
    /// including those before it; the last one counts all.
    pub skew: [u64; SKEW_BOUNDS_MS.len() + 1],
    /// The sum of all reports' skew, in milliseconds.
    pub skew_total_ms: u64,
}

impl PlaybackStats {
    /// The counts now.
    pub fn counts(&self) -> PlaybackCounts {
        let mut sum = 0;
        let skew = std::array::from_fn(|class| {
            sum += self.skew.classes[class].load(Relaxed);
            sum
        });
        PlaybackCounts {
            connections: self.connections.load(Relaxed),
            applied: self.applied.load(Relaxed),
            refused: self.refused.load(Relaxed),
            plays: self.plays.load(Relaxed),
            skew,
            skew_total_ms: self.skew.total_ms.load(Relaxed),
        }
    }

    pub(super) fn command(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Applied { .. } => self.applied.fetch_add(1, Relaxed),
            Outcome::Refused { .. } => self.refused.fetch_add(1, Relaxed),
        };
    }

    pub(super) fn play_published(&self) {
        self.plays.fetch_add(1, Relaxed);
    }

    pub(super) fn skew(&self, skew_ms: u32) {
        let class = SKEW_BOUNDS_MS.iter().position(|bound| skew_ms <= *bound);
        self.skew.classes[class.unwrap_or(SKEW_BOUNDS_MS.len())].fetch_add(1, Relaxed);
        self.skew.total_ms.fetch_add(skew_ms.into(), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skew_is_counted_in_growing_classes() {
        let stats = PlaybackStats::default();
        for ms in [0, 2, 3, 99, 100_000] {
            stats.skew(ms);
        }
        let counts = stats.counts();
        assert_eq!(counts.skew, [2, 3, 3, 3, 3, 4, 4, 4, 4, 5]);
        assert_eq!(counts.skew_total_ms, 100_104);
    }
}
