//! Plays: that a listener heard a track.

use uuid::Uuid;

use super::opaque::opaque_keys;

opaque_keys! {
    /// A play, named by the device that played, or by the playback state: the key that makes a repeated report harmless.
    PlayId(64, "invalid_play_id");
}

impl From<Uuid> for PlayId {
    /// A play that the server names.
    fn from(uuid: Uuid) -> Self {
        Self(uuid.hyphenated().to_string())
    }
}
