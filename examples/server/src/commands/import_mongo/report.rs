//! What came, what did not, and why.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use moodify_adapters::mongodb::mongoose::OldId;
use serde::Serialize;

use crate::{commands::import::report, failure::Failure};

/// Which collection something comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    User,
    Music,
    Playlist,
}

/// One old document and what came of it.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// As the old database has it.
    pub(super) id: String,
    /// What a person knows it by: an e-mail, a title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
    /// What is other than it was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<Note>,
}

/// What came of it.
#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It is this now.
    Imported { new_id: String },
    /// It would be, had this not been a trial.
    WouldImport,
    /// It is not.
    Skipped { reason: Reason, detail: String },
}

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $code:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub(super) enum $name {
            $($(#[$about])* #[serde(rename = $text)] $code,)*
        }

        impl $name {
            /// As in JSON.
            pub(super) fn code(self) -> &'static str {
                match self {
                    $(Self::$code => $text,)*
                }
            }
        }
    };
}

codes! {
    /// Why something was not imported.
    Reason {
        /// An earlier run has imported it.
        AlreadyImported = "already_imported",
        /// An earlier run has imported it, and it was deleted since.
        DeletedSince = "deleted_since",
        /// An older user of the old system has the same mailbox.
        DuplicateEmail = "duplicate_email",
        /// Somebody has signed up here with it.
        EmailTaken = "email_taken",
        /// There is none.
        EmailMissing = "email_missing",
        /// It is none.
        EmailInvalid = "email_invalid",
        /// A music does not say whose it is.
        ArtistMissing = "artist_missing",
        /// The user whose music it is is a listener.
        ArtistIsListener = "artist_is_listener",
        /// A playlist does not say whose it is.
        OwnerMissing = "owner_missing",
        /// There is no user with the id that it names.
        OwnerUnknown = "owner_unknown",
        /// There is one, who has no account here.
        OwnerNotImported = "owner_not_imported",
        /// A music names no object.
        KeyMissing = "key_missing",
        /// It names one by what is no text.
        KeyUnreadable = "key_unreadable",
        /// The bucket does not have it.
        ObjectMissing = "object_missing",
        /// The bucket does not give it.
        ObjectUnreadable = "object_unreadable",
        /// It is larger than an upload may be.
        TooLarge = "too_large",
        /// It is no MP3, or does not play.
        Refused = "refused",
    }
}

codes! {
    /// What of something that was imported is other than it was.
    Remark {
        /// A name was missing, and another one stands for it.
        NameMissing = "name_missing",
        /// A name was mended.
        NameChanged = "name_changed",
        /// The role is unknown here; it is a listener's account.
        RoleUnknown = "role_unknown",
        /// There is no password.
        PasswordMissing = "password_missing",
        /// What stands for a password is no hash of bcrypt's that works here.
        PasswordUnusable = "password_unusable",
        /// The owner signed in with Google, which this account does not know of.
        GoogleNotLinked = "google_not_linked",
        /// A title was missing, and another one stands for it.
        TitleMissing = "title_missing",
        /// A title or a description was mended.
        TextChanged = "text_changed",
        /// The cover is not in the bucket, or not to be read.
        CoverMissing = "cover_missing",
        /// The cover is no picture that can be taken.
        CoverRefused = "cover_refused",
        /// Some musics of a playlist are not here.
        MusicsMissing = "musics_missing",
        /// It has more than a playlist may have.
        MusicsCut = "musics_cut",
    }
}

/// Something that is other than it was.
#[derive(Debug, Serialize)]
pub(super) struct Note {
    pub(super) code: Remark,
    pub(super) detail: String,
}

impl Note {
    pub(super) fn new(code: Remark, detail: impl Into<String>) -> Self {
        Self { code, detail: plain(&detail.into()) }
    }
}

impl Reason {
    /// Whether somebody would have expected it.
    fn is_a_failure(self) -> bool {
        !matches!(self, Self::AlreadyImported | Self::DeletedSince | Self::DuplicateEmail)
    }
}

pub(super) fn skipped(reason: Reason, detail: impl Into<String>) -> Outcome {
    Outcome::Skipped { reason, detail: plain(&detail.into()) }
}

/// What somebody typed into the old system may hold anything, and this goes to a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Outcome {
    /// In a few words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Imported { .. } => "imported".to_owned(),
            Self::WouldImport => "would be imported".to_owned(),
            Self::Skipped { reason, detail } => format!("skipped: {detail} ({})", reason.code()),
        }
    }
}

impl Entry {
    pub(super) fn new(kind: Kind, id: &OldId, name: Option<String>, outcome: Outcome) -> Self {
        let name = name.map(|name| plain(&name));
        Self { kind, id: plain(&id.to_string()), name, outcome, notes: Vec::new() }
    }

    /// What a line about it begins with.
    pub(super) fn subject(&self) -> String {
        let kind = match self.kind {
            Kind::User => "user",
            Kind::Music => "music",
            Kind::Playlist => "playlist",
        };
        match &self.name {
            Some(name) => format!("{kind} {} ({name})", self.id),
            None => format!("{kind} {}", self.id),
        }
    }
}

/// How many of one collection.
#[derive(Debug, Default, Serialize)]
struct Count {
    imported: usize,
    skipped: usize,
    failed: usize,
}

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    dry_run: bool,
    users: Count,
    musics: Count,
    playlists: Count,
    /// How many were skipped for which reason.
    reasons: BTreeMap<&'static str, usize>,
    /// How many came otherwise than they were.
    notes: BTreeMap<&'static str, usize>,
    documents: Vec<Entry>,
}

impl Report {
    pub(super) fn new(dry_run: bool) -> Self {
        Self {
            dry_run,
            users: Count::default(),
            musics: Count::default(),
            playlists: Count::default(),
            reasons: BTreeMap::new(),
            notes: BTreeMap::new(),
            documents: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, entry: Entry) {
        let count = match entry.kind {
            Kind::User => &mut self.users,
            Kind::Music => &mut self.musics,
            Kind::Playlist => &mut self.playlists,
        };
        match &entry.outcome {
            Outcome::Imported { .. } | Outcome::WouldImport => count.imported += 1,
            Outcome::Skipped { reason, .. } => {
                let which = if reason.is_a_failure() { &mut count.failed } else { &mut count.skipped };
                *which += 1;
                *self.reasons.entry(reason.code()).or_default() += 1;
            }
        }
        for note in &entry.notes {
            *self.notes.entry(note.code.code()).or_default() += 1;
        }
        self.documents.push(entry);
    }

    /// Writes it to standard output.
    ///
    /// # Errors
    /// If nobody reads it.
    pub(super) fn print(&self, json: bool) -> Result<(), Failure> {
        report::write(json, self, |out| self.text(out))
    }

    fn text(&self, out: &mut impl Write) -> io::Result<()> {
        for entry in &self.documents {
            // What an earlier run has brought is no news.
            let is_news = |reason: &Reason| *reason != Reason::AlreadyImported;
            if matches!(&entry.outcome, Outcome::Skipped { reason, .. } if is_news(reason)) {
                writeln!(out, "{}: {}", entry.subject(), entry.outcome.words())?;
            }
            for Note { code, detail } in &entry.notes {
                writeln!(out, "{}: {detail} ({})", entry.subject(), code.code())?;
            }
        }
        let verb = if self.dry_run { "would be imported" } else { "imported" };
        for (name, count) in
            [("users", &self.users), ("musics", &self.musics), ("playlists", &self.playlists)]
        {
            let Count { imported, skipped, failed } = count;
            writeln!(out, "{name}: {imported} {verb}, {skipped} skipped, {failed} failed.")?;
        }
        for (title, counts) in [("Skipped or failed", &self.reasons), ("Imported with notes", &self.notes)] {
            let counts: Vec<String> = counts.iter().map(|(code, count)| format!("{code} {count}")).collect();
            if !counts.is_empty() {
                writeln!(out, "{title}: {}.", counts.join(", "))?;
            }
        }
        Ok(())
    }

    /// A failure if something did not come that should have.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        let what = match self.users.failed + self.musics.failed + self.playlists.failed {
            0 => return Ok(()),
            1 => "one document was not imported".to_owned(),
            failed => format!("{failed} documents were not imported"),
        };
        let fix = "the report says why; mend them and start it again: the others are not imported twice";
        Err(Failure::new(what, fix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(outcome: Outcome, notes: Vec<Note>) -> Entry {
        let id = OldId::from_object_id([7; 12]);
        Entry { notes, ..Entry::new(Kind::User, &id, Some("ada\u{7}@example.org".to_owned()), outcome) }
    }

    #[test]
    fn a_person_reads_what_is_to_be_done_and_how_much_came() {
        let mut report = Report::new(false);
        let note =
            Note::new(Remark::RoleUnknown, "the role `admin` is unknown; this is a listener's account");
        report.add(entry(Outcome::Imported { new_id: "1".to_owned() }, vec![note]));
        report.add(entry(skipped(Reason::AlreadyImported, "imported before"), Vec::new()));
        report.add(entry(skipped(Reason::EmailMissing, "there is no e-mail"), Vec::new()));
        let mut text = Vec::new();
        report.text(&mut text).unwrap();
        let subject = "user 070707070707070707070707 (ada @example.org)";
        assert_eq!(
            String::from_utf8(text).unwrap(),
            format!(
                "{subject}: the role `admin` is unknown; this is a listener's account (role_unknown)\n\
                 {subject}: skipped: there is no e-mail (email_missing)\n\
                 users: 1 imported, 1 skipped, 1 failed.\n\
                 musics: 0 imported, 0 skipped, 0 failed.\n\
                 playlists: 0 imported, 0 skipped, 0 failed.\n\
                 Skipped or failed: already_imported 1, email_missing 1.\n\
                 Imported with notes: role_unknown 1.\n"
            )
        );
        assert!(report.verdict().unwrap_err().what().contains("one document"));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["documents"][2]["reason"], "email_missing");
        assert_eq!(json["documents"][0]["notes"][0]["code"], "role_unknown");
    }
}
