//! Whom the notification service may write to.

use super::{AccountId, ArtistId, Email, PersonName};

/// What the notification service knows of an account: all of it from events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The account.
    pub account_id: AccountId,
    /// Where mail reaches the owner.
    pub email: Email,
    /// Whether the owner has proved to read that mailbox.
    pub email_verified: bool,
    /// How to address the owner.
    pub first_name: PersonName,
    /// The artist's public profile, when the account is an artist's.
    pub artist_id: Option<ArtistId>,
}
