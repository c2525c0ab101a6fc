//! Artists as listeners see them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AccountId, ArtistId, ArtistName};

/// The public profile of an artist, in the music service's own records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artist {
    /// Identifier; the `artist_id` claim.
    pub id: ArtistId,
    /// Whose profile it is.
    pub account_id: AccountId,
    /// The name the artist performs under.
    pub name: ArtistName,
    /// Since when, as far as whoever said so knew: of two names the later one stays.
    pub named_at: Timestamp,
    /// When the music service first heard of the artist.
    pub created_at: Timestamp,
}
