//! Accounts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AccountId, ArtistId, ArtistName, Email, PasswordHash, PersonName};

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Listens, likes, makes playlists.
    User,
    /// All that, and uploads tracks.
    Artist,
}

impl Role {
    /// The name in tokens, databases and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Artist => "artist",
        }
    }
}

/// The artist side of an account: the role and the profile cannot disagree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtistProfile {
    /// Identifier of the public profile.
    pub id: ArtistId,
    /// The name the artist performs under.
    pub name: ArtistName,
}

/// A person's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Identifier.
    pub id: AccountId,
    /// Unique among all accounts.
    pub email: Email,
    /// Whether the owner has proved to read this mailbox.
    pub email_verified: bool,
    /// First name.
    pub first_name: PersonName,
    /// Last name.
    pub last_name: PersonName,
    /// Present exactly when the role is artist.
    pub artist: Option<ArtistProfile>,
    /// When the account was made.
    pub created_at: Timestamp,
}

impl Account {
    /// The role that follows from the profile.
    pub fn role(&self) -> Role {
        if self.artist.is_some() { Role::Artist } else { Role::User }
    }

    /// What other people see: the artist's name, or first and last name.
    pub fn display_name(&self) -> String {
        match &self.artist {
            Some(artist) => artist.name.to_string(),
            None => format!("{} {}", self.first_name, self.last_name),
        }
    }
}

/// An account that is about to be stored.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The account.
    pub account: Account,
    /// Absent for accounts that sign in through an identity provider only.
    pub password_hash: Option<PasswordHash>,
}

/// What a log-in is checked against.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account.
    pub account: Account,
    /// Absent when the account has no password.
    pub password_hash: Option<PasswordHash>,
}
