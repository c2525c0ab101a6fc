//! Who Google said somebody is: whoever has proved the mailbox goes on signing in with it.

use moodify_core::model::{Account, Identity};

use super::report::{Note, Remark};

/// Whose every `googleId` is, as Google's discovery document has it.
const ISSUER: &str = "https://accounts.google.com";

/// What the owner of this account signs in with.
pub(super) fn identity(
    google_id: Option<&str>,
    account: &Account,
    notes: &mut Vec<Note>,
) -> Option<Identity> {
    let subject = google_id?;
    if !account.email_verified {
        // Whoever chose the password may have been there before the mailbox's owner came by Google.
        notes.push(not_linked("the mailbox is not proved: signing in with Google once proves and links it"));
        return None;
    }
    let identity = Identity::new(ISSUER, subject).ok();
    if identity.is_none() {
        notes.push(not_linked("what stands for a googleId is none"));
    }
    identity
}

/// The owner signs in in another way, or links it anew.
pub(super) fn not_linked(why: &str) -> Note {
    Note::new(Remark::GoogleNotLinked, why)
}
