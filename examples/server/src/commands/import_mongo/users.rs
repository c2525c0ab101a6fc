//! Users become accounts.

use moodify_adapters::mongodb::mongoose::OldUser;
use moodify_core::{
    Error,
    model::{Account, ArtistName, Email, Identity, PasswordHash, PersonName, account::ArtistProfile},
    service::accounts::{Accounts, Imported},
};
use secrecy::ExposeSecret;

use super::{
    Importer, google, ids,
    report::{Entry, Kind, Note, Outcome, Reason, Remark, skipped},
    texts::{self, Taken},
};
use crate::commands::import::journal::Known;

/// What stands for a name that nobody has given.
const NO_FIRST_NAME: &str = "Listener";
const NO_LAST_NAME: &str = "-";

impl Importer {
    /// Imports one user, unless it is nothing to import.
    ///
    /// # Errors
    /// If a part does not work: then the next one would fare no better.
    pub(super) async fn user(&self, user: OldUser) -> Result<Entry, Error> {
        let mut notes = Vec::new();
        let outcome = self.user_outcome(&user, &mut notes).await?;
        let entry = Entry::new(Kind::User, &user.id, user.email, outcome);
        Ok(Entry { notes, ..entry })
    }

    async fn user_outcome(&self, user: &OldUser, notes: &mut Vec<Note>) -> Result<Outcome, Error> {
        let (key, id) = (format!("users/{}", user.id), ids::account(&user.id));
        let known = self.journal.claim(&key);
        if self.people.account(id).await?.is_some() {
            self.people.came(id);
            if !matches!(known, Some(Known::Done(_))) {
                self.journal.done(&key, id.as_uuid()).map_err(Error::internal)?;
            }
            return Ok(skipped(Reason::AlreadyImported, "imported before"));
        }
        if matches!(known, Some(Known::Done(_))) {
            return Ok(skipped(Reason::DeletedSince, "imported before, and deleted since"));
        }
        let Some(given) = user.email.as_deref() else {
            return Ok(skipped(Reason::EmailMissing, "there is no e-mail"));
        };
        let Ok(email) = Email::parse(given) else {
            return Ok(skipped(Reason::EmailInvalid, "its e-mail is none that a mail could be sent to"));
        };
        let account = self.new_account(user, email, notes)?;
        let hash = password(user, notes);
        let identity = google::identity(user.google_id.as_deref(), &account, notes);
        let outcome = self.store_user((account, hash, identity), &key, notes).await?;
        if matches!(outcome, Outcome::Skipped { .. }) {
            // They would be about an account that there is not.
            notes.clear();
        }
        Ok(outcome)
    }

    async fn store_user(
        &self,
        (account, hash, identity): (Account, Option<PasswordHash>, Option<Identity>),
        key: &str,
        notes: &mut Vec<Note>,
    ) -> Result<Outcome, Error> {
        let id = account.id;
        if self.dry_run {
            return Ok(match self.people.account_with_email(&account.email).await? {
                Some(holder) => self.taken(&holder),
                None => {
                    self.people.pretend(account);
                    Outcome::WouldImport
                }
            });
        }
        let imported = self.people.accounts().import(account, hash, identity).await?;
        if let Imported::Unlinked = imported {
            notes.push(google::not_linked("another account is signed in to with the same googleId"));
        }
        match imported {
            Imported::EmailTaken(holder) => Ok(self.taken(&holder)),
            Imported::Stored | Imported::Unlinked | Imported::Known => {
                self.people.came(id);
                self.journal.done(key, id.as_uuid()).map_err(Error::internal)?;
                Ok(Outcome::Imported { new_id: id.to_string() })
            }
        }
    }

    /// Whoever holds the e-mail decides where this user's music and playlists go.
    fn taken(&self, holder: &Account) -> Outcome {
        let holder_id = holder.id;
        if self.people.has_come(holder_id) {
            let detail = format!(
                "an older user has the same mailbox and became account {holder_id}, which gets this one's music and \
                 playlists, too"
            );
            return skipped(Reason::DuplicateEmail, detail);
        }
        let detail = if holder.email_verified {
            format!("account {holder_id} has signed up with it, and gets this one's music and playlists")
        } else {
            format!(
                "account {holder_id} has signed up with it and not proved the mailbox; once it has, start again: it \
                 gets this one's music and playlists then"
            )
        };
        skipped(Reason::EmailTaken, detail)
    }

    fn new_account(&self, user: &OldUser, email: Email, notes: &mut Vec<Note>) -> Result<Account, Error> {
        let given = person(user.first_name.as_deref(), "first name", notes);
        let of_mailbox = || texts::person_of_mailbox(email.as_str());
        let first_name = or_else(given.or_else(of_mailbox), NO_FIRST_NAME)?;
        let last_name = or_else(person(user.last_name.as_deref(), "last name", notes), NO_LAST_NAME)?;
        let now = self.moodify.context().now();
        let mut account = Account {
            id: ids::account(&user.id),
            email,
            // Google vouches for the mailbox of whoever has never used anything else.
            email_verified: user.verified || (user.google_id.is_some() && user.password.is_none()),
            first_name,
            last_name,
            artist: None,
            created_at: user.created_at.unwrap_or(now).min(now),
        };
        if is_artist(user.role.as_deref(), notes) {
            let name = artist_name(user, &account, notes)?;
            account.artist = Some(ArtistProfile { id: ids::artist(&user.id), name });
        }
        Ok(account)
    }
}

/// One part of a person's name, if there is something to make it of.
fn person(given: Option<&str>, which: &str, notes: &mut Vec<Note>) -> Option<PersonName> {
    let Some(Taken { text, changed }) = given.and_then(texts::person) else {
        let detail = format!("there is no {which}; something stands for it");
        notes.push(Note::new(Remark::NameMissing, detail));
        return None;
    };
    if changed {
        let detail = format!("the {which} was mended: it was too long, or held what no name may hold here");
        notes.push(Note::new(Remark::NameChanged, detail));
    }
    Some(text)
}

fn or_else(name: Option<PersonName>, otherwise: &str) -> Result<PersonName, Error> {
    name.map_or_else(|| PersonName::parse(otherwise).map_err(Error::internal), Ok)
}

fn is_artist(role: Option<&str>, notes: &mut Vec<Note>) -> bool {
    match role.map(str::to_ascii_lowercase).as_deref() {
        Some("artist") => true,
        None | Some("user" | "listener") => false,
        Some(other) => {
            let shown: String = other.chars().take(40).collect();
            let detail = format!("the role `{shown}` is unknown here; this is a listener's account");
            notes.push(Note::new(Remark::RoleUnknown, detail));
            false
        }
    }
}

fn artist_name(user: &OldUser, account: &Account, notes: &mut Vec<Note>) -> Result<ArtistName, Error> {
    if let Some(Taken { text, changed }) = user.artist_name.as_deref().and_then(texts::artist) {
        if changed {
            notes.push(Note::new(Remark::NameChanged, "the artist's name was mended"));
        }
        return Ok(text);
    }
    // As such systems show an artist who has no other name. Two long ones make one that is too long.
    let given = account.display_name();
    let whole = texts::artist(&given).map(|taken| taken.text);
    whole.map_or_else(|| ArtistName::parse(account.first_name.as_str()).map_err(Error::internal), Ok)
}

/// The hash as it is. It is never told, whatever it is: it may be a password in clear.
fn password(user: &OldUser, notes: &mut Vec<Note>) -> Option<PasswordHash> {
    let Some(given) = &user.password else {
        if user.google_id.is_none() {
            let detail = "there is no password: its owner has a new one mailed";
            notes.push(Note::new(Remark::PasswordMissing, detail));
        }
        return None;
    };
    let hash = Accounts::foreign_hash(given.expose_secret());
    if hash.is_none() {
        let detail = "what stands for the password is no hash of bcrypt's that works here: its owner has a new \
                      one mailed";
        notes.push(Note::new(Remark::PasswordUnusable, detail));
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_kindly() {
        for (role, artist, noted) in [
            (Some("artist"), true, false),
            (Some("Artist"), true, false),
            (Some("user"), false, false),
            (None, false, false),
            (Some("admin\u{7}"), false, true),
        ] {
            let mut notes = Vec::new();
            assert_eq!((is_artist(role, &mut notes), !notes.is_empty()), (artist, noted), "{role:?}");
            assert!(notes.iter().all(|note| !note.detail.contains('\u{7}')));
        }
    }
}
