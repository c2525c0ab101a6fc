//! `[playback]`

use std::num::{NonZeroU32, NonZeroUsize};

use moodify_core::config::PlaybackConfig;
use serde::Deserialize;

/// Playback settings. What is not set has the default of [`PlaybackConfig`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Playback {
    max_devices: Option<NonZeroUsize>,
    messages_per_second: Option<NonZeroU32>,
    max_queue: Option<NonZeroUsize>,
}

impl Playback {
    /// The typed configuration.
    pub(crate) fn config(&self) -> PlaybackConfig {
        let default = PlaybackConfig::default();
        PlaybackConfig {
            max_devices: self.max_devices.map_or(default.max_devices, NonZeroUsize::get),
            messages_per_second: self
                .messages_per_second
                .map_or(default.messages_per_second, NonZeroU32::get),
            max_queue: self.max_queue.map_or(default.max_queue, NonZeroUsize::get),
            ..default
        }
    }
}
