//! The commands that have commands of their own.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use moodify_core::model::{EventId, MailKind};

use super::Flags;
use crate::{
    commands::{
        dead_letters::{self, Choice, Decision},
        mail,
    },
    failure::Failure,
};

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetterAction {
    /// Print them, longest dead first: when, whose, which event, and why.
    List {
        #[command(flatten)]
        of: OfConsumer,
        /// Only that of this event.
        #[arg(long, value_name = "EVENT")]
        id: Option<EventId>,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        flags: Flags,
    },
    /// Have them handled again, with all their tries. Mend the cause first.
    Replay(Decided),
    /// Give them up for good; nothing of them is kept.
    Drop(Decided),
}

/// Which dead letters, and there must be no doubt.
#[derive(Debug, Args)]
pub(crate) struct Decided {
    #[command(flatten)]
    of: OfConsumer,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Args)]
pub(crate) struct OfConsumer {
    /// Only those of this consumer [default: of all].
    #[arg(long, value_enum)]
    consumer: Option<ConsumerName>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// That of this event, as `list` shows it.
    #[arg(long, value_name = "EVENT")]
    id: Option<EventId>,
    /// All of them.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Output {
    /// For programs: one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Who did not handle it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ConsumerName {
    /// Mails, but those about releases.
    Notification,
    /// Who is to hear of releases.
    Releases,
    /// Mails about releases.
    Announcements,
    /// Tracks, playlists, media.
    Music,
    /// Devices.
    Sync,
}

impl ConsumerName {
    fn name(self) -> &'static str {
        match self {
            Self::Notification => "notification",
            Self::Releases => "releases",
            Self::Announcements => "announcements",
            Self::Music => "music",
            Self::Sync => "sync",
        }
    }
}

impl DeadLetterAction {
    /// Does it.
    ///
    /// # Errors
    /// See [`dead_letters`].
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (decided, decision) = match self {
            Self::List { of, id, output, flags } => {
                return dead_letters::list(&flags.load()?, of.choice(id), output.json);
            }
            Self::Replay(decided) => (decided, Decision::Replay),
            Self::Drop(decided) => (decided, Decision::Drop),
        };
        let Decided { of, which, output, flags } = decided;
        dead_letters::decide(&flags.load()?, of.choice(which.id), decision, output.json)
    }
}

impl OfConsumer {
    fn choice(&self, event: Option<EventId>) -> Choice {
        Choice { consumer: self.consumer.map(ConsumerName::name), event }
    }
}

/// What to see of mails.
#[derive(Debug, Subcommand)]
pub(crate) enum MailAction {
    /// Print every mail with its subject and the values that its templates may use.
    List {
        #[command(flatten)]
        flags: Flags,
    },
    /// Write a mail with sample values, as HTML, text and .eml.
    Preview {
        /// Which mail, or `all`.
        #[arg(value_parser = kinds)]
        template: Kinds,
        /// Folder to write to.
        #[arg(long, value_name = "DIR", default_value = "mail-preview")]
        out: PathBuf,
        #[command(flatten)]
        flags: Flags,
    },
    /// Write the built-in templates of a mail, to begin one's own with. Existing files stay.
    Export {
        /// Which mail, or `all`.
        #[arg(value_parser = kinds)]
        template: Kinds,
        /// Folder to write to.
        #[arg(long, value_name = "DIR", default_value = "mails")]
        out: PathBuf,
    },
}

/// One mail, or all of them.
#[derive(Clone, Debug)]
pub(crate) struct Kinds(Vec<MailKind>);

fn kinds(name: &str) -> Result<Kinds, String> {
    if name == "all" {
        return Ok(Kinds(MailKind::ALL.to_vec()));
    }
    let names = MailKind::ALL.map(MailKind::as_str).join(", ");
    MailKind::from_name(name).map(|kind| Kinds(vec![kind])).ok_or(format!("use all, or one of {names}"))
}

impl MailAction {
    /// Does it.
    ///
    /// # Errors
    /// See [`mail`].
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { flags } => mail::list(&flags.load()?),
            Self::Preview { template, out, flags } => mail::preview(&flags.load()?, &template.0, &out),
            Self::Export { template, out } => mail::export(&template.0, &out),
        }
    }
}

#[cfg(test)]
mod tests {
    use moodify_core::service::delivery::CONSUMERS;

    use super::*;

    #[test]
    fn every_consumer_can_be_named() {
        let names: Vec<&str> = ConsumerName::value_variants().iter().map(|name| name.name()).collect();
        assert_eq!(names, CONSUMERS);
    }
}
