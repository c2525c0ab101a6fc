//! Who Google said somebody is: the one place where the old `googleId` is handed over.

use super::report::{Note, Remark};

/// What becomes of the `googleId` of an account that is imported: accounts have no identities beside their
/// passwords yet, so its owner is told of in the report.
pub(super) fn not_linked(google_id: Option<&str>) -> Option<Note> {
    google_id?;
    let detail = "its owner signed in with Google, which is not linked: a new password by mail is the way in";
    Some(Note::new(Remark::GoogleNotLinked, detail))
}
