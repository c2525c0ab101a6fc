//! Mails, ready to be handed over.

use super::{Email, EventId};

/// Which mail it is; also the name of its template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MailKind {
    /// Greets a new account.
    Welcome,
    /// Asks the owner of a mailbox to prove it.
    VerifyEmail,
    /// Lets somebody who forgot a password choose another.
    ResetPassword,
    /// Tells the owner that the password is another one.
    PasswordChanged,
    /// Tells a follower of a new track.
    NewRelease,
}

impl MailKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Welcome, Self::VerifyEmail, Self::ResetPassword, Self::PasswordChanged, Self::NewRelease];

    /// The name in databases and template files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::PasswordChanged => "password_changed",
            Self::NewRelease => "new_release",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A person with an address. The name holds no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Display name.
    pub name: String,
    /// Address.
    pub email: Email,
}

/// The same for every attempt to send the same mail, so that receivers can drop a duplicate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// `<event.template@domain>` (RFC 5322, 3.6.4).
    pub fn new(event: EventId, kind: MailKind, domain: &str) -> Self {
        Self(format!("<{event}.{}@{domain}>", kind.as_str()))
    }

    /// With its angle brackets, as in the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A rendered mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Header `Message-ID` and idempotency key.
    pub message_id: MessageId,
    /// Sender.
    pub from: Mailbox,
    /// Receiver.
    pub to: Mailbox,
    /// Subject, on one line.
    pub subject: String,
    /// The part that mail programs show.
    pub html: String,
    /// The same for programs and people that read text.
    pub text: String,
}
