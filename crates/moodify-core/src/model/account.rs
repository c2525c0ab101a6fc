//! Accounts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    AccountId, ArtistId, ArtistName, Email, EndedSessions, Identity, MailTokenPurpose, PasswordHash,
    PersonName, StoredMailToken, TokenHash,
};

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
    /// What the owner proves the mailbox with. Absent when somebody else vouches for it.
    pub verification: Option<StoredMailToken>,
    /// Who signs in to it through an identity provider.
    pub identity: Option<Identity>,
}

/// What a log-in is checked against, and what a change of the account begins with.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account.
    pub account: Account,
    /// Absent when the account has no password.
    pub password_hash: Option<PasswordHash>,
    /// How often the account has changed.
    pub revision: u32,
}

/// What becomes of the password of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PasswordChange {
    /// It stays, if there is one.
    #[default]
    Keep,
    /// This is the hash from now on.
    Replace(PasswordHash),
    /// There is none from now on.
    Remove,
}

/// How an account changes, in one step.
#[derive(Clone, Debug)]
pub struct AccountUpdate {
    /// The account as it is to be. Its id, e-mail and moment of creation are those it has.
    pub account: Account,
    /// The revision that this was made from.
    pub revision: u32,
    /// What becomes of its password.
    pub password: PasswordChange,
    /// Who signs in to it from now on, beside those who do already.
    pub links: Option<Identity>,
    /// A token of this account that is used up. Without it nothing happens.
    pub spends: Option<TokenHash>,
    /// Tokens for these purposes stop working.
    pub voids: Vec<MailTokenPurpose>,
    /// Sessions that end.
    pub ends: EndedSessions,
}
