//! Plays: that a listener heard a track.

use super::opaque::opaque_keys;

opaque_keys! {
    /// A play, named by the device that played: the key that makes a repeated report harmless.
    PlayId(64, "invalid_play_id");
}
