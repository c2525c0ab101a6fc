//! The command line.

mod actions;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use moodify_core::{Services, model::KeyPurpose};
use secrecy::{ExposeSecret, SecretString};

#[cfg(feature = "mongodb")]
use crate::commands::import_mongo::ImportMongoOptions;
use crate::{
    commands::import::ImportOptions,
    config::{self, Settings, Source},
    failure::Failure,
};
pub(crate) use actions::{DeadLetterAction, MailAction};

/// A music streaming service: accounts, catalogue, mails and devices in step.
#[derive(Debug, Parser)]
#[command(name = "moodify", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run all services, or one of them, until Ctrl-C or SIGTERM.
    Serve {
        /// Which of them.
        #[arg(value_enum, default_value_t = Role::All, value_name = "SERVICES")]
        role: Role,
        #[command(flatten)]
        flags: Flags,
    },
    /// Create the database or bring it up to date, and end.
    Migrate {
        /// Those of which services, if they have databases of their own.
        #[arg(value_enum, default_value_t = Role::All, value_name = "SERVICES")]
        role: Role,
        #[command(flatten)]
        flags: Flags,
    },
    /// Bring the MP3s of a folder in as tracks of an artist; started again, it goes on where it stopped.
    Import {
        #[command(flatten)]
        import: ImportOptions,
        #[command(flatten)]
        flags: Flags,
    },
    /// Take over the users, musics and playlists of a deployment on Express and Mongoose; started again,
    /// it goes on where it stopped.
    #[cfg(feature = "mongodb")]
    ImportMongo {
        #[command(flatten)]
        import: ImportMongoOptions,
        #[command(flatten)]
        flags: Flags,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Try every configured part with a real round trip and say what to mend.
    ///
    /// Ends within 15 seconds, whatever does not answer. Exit code 0 if everything works, 1 if not. No secret is shown.
    Doctor {
        /// Only what these need.
        #[arg(value_enum, default_value_t = Role::All, value_name = "SERVICES")]
        role: Role,
        #[command(flatten)]
        flags: Flags,
    },
    /// Look at what could not be handled, and decide on it; also while the server runs.
    DeadLetters {
        #[command(subcommand)]
        action: DeadLetterAction,
    },
    /// See what mails look like, with the templates that are configured.
    Mail {
        #[command(subcommand)]
        action: MailAction,
    },
    /// Show the keys that the server signs with, or make new ones.
    Keys {
        #[command(subcommand)]
        action: Keys,
    },
    /// Ask a running server whether it is ready: exit code 0 if it is, 1 if not. For containers.
    Healthcheck {
        /// The server's address, such as http://127.0.0.1:8080, instead of the one it listens at.
        #[arg(long)]
        url: Option<String>,
        /// Ask only whether it is alive: for what restarts a container, which helps no database that is away.
        #[arg(long)]
        live: bool,
        #[command(flatten)]
        flags: Flags,
    },
}

/// What to do with the server's keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Show every key, its age, and whether it signs.
    List {
        #[command(flatten)]
        flags: Flags,
    },
    /// Make new keys. They sign a few minutes later, when every server knows them; no token, session
    /// or URL stops working.
    Rotate {
        /// What for [default: everything].
        #[arg(long, value_enum)]
        purpose: Option<Purpose>,
        #[command(flatten)]
        flags: Flags,
    },
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Purpose {
    /// Access tokens.
    AccessToken,
    /// The chains of refresh tokens.
    RefreshToken,
    /// Signed URLs of audio and covers.
    MediaUrl,
}

impl Purpose {
    /// The keys of one purpose, or of all.
    pub(crate) fn keys(purpose: Option<Self>) -> &'static [KeyPurpose] {
        match purpose {
            None => &KeyPurpose::ALL,
            Some(Self::AccessToken) => &[KeyPurpose::AccessToken],
            Some(Self::RefreshToken) => &[KeyPurpose::RefreshToken],
            Some(Self::MediaUrl) => &[KeyPurpose::MediaUrl],
        }
    }
}

/// Which services a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Every one of them.
    All,
    /// Accounts, sessions, signing keys.
    Auth,
    /// Artists, tracks, playlists, media.
    Music,
    /// Mails.
    Notification,
    /// Devices in step.
    Sync,
}

impl Role {
    /// The names of the services in this role.
    pub(crate) fn names(self) -> &'static [&'static str] {
        match self {
            Self::All => &["auth", "music", "notification", "sync"],
            Self::Auth => &["auth"],
            Self::Music => &["music"],
            Self::Notification => &["notification"],
            Self::Sync => &["sync"],
        }
    }

    /// The services in this role.
    pub(crate) fn services(self) -> Services {
        match self {
            Self::All => Services::ALL,
            Self::Auth => Services::AUTH,
            Self::Music => Services::MUSIC,
            Self::Notification => Services::NOTIFICATION,
            Self::Sync => Services::SYNC,
        }
    }
}

/// Settings that can stand on the command line. What is not given here comes from the environment
/// (MOODIFY_LISTEN, MOODIFY_LOG_FORMAT, …), then from moodify.toml.
#[derive(Debug, Default, Args)]
pub(crate) struct Flags {
    /// Configuration file [default: moodify.toml, when there is one].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to serve HTTP [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Folder for everything that has no place of its own [default: data].
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// How clients reach this deployment [default: where it listens].
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Accounts, catalogue, events [default: sqlite://DIR/moodify.db]. Put a URL with a password
    /// into the environment instead: others see command lines.
    #[arg(long, value_name = "URL")]
    database: Option<SecretString>,
    /// Audio and covers [default: file://DIR/media].
    #[arg(long, value_name = "URL")]
    media: Option<SecretString>,
    /// How events travel [default: database:].
    #[arg(long, value_name = "URL")]
    queue: Option<SecretString>,
    /// How mails leave [default: file://DIR/mail].
    #[arg(long, value_name = "URL")]
    mailer: Option<SecretString>,
    /// How devices on different nodes hear of each other [default: local:].
    #[arg(long, value_name = "URL")]
    sync: Option<SecretString>,
}

impl Flags {
    /// These flags over the environment over the file over the defaults.
    pub(crate) fn load(self) -> Result<Settings, Failure> {
        let given = [
            ("--listen", "listen", self.listen.map(|addr| addr.to_string())),
            ("--data", "data", self.data),
            ("--public-url", "public_url", self.public_url),
            ("--database", "database", self.database.map(|url| url.expose_secret().to_owned())),
            ("--media", "media", self.media.map(|url| url.expose_secret().to_owned())),
            ("--queue", "queue", self.queue.map(|url| url.expose_secret().to_owned())),
            ("--mailer", "mailer", self.mailer.map(|url| url.expose_secret().to_owned())),
            ("--sync", "sync", self.sync.map(|url| url.expose_secret().to_owned())),
        ];
        let sources: Vec<Source> = given
            .into_iter()
            .filter_map(|(name, key, text)| {
                Some(Source { name: name.to_owned(), key: key.to_owned(), text: text? })
            })
            .collect();
        config::load(self.config, &sources)
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        let url = "mongodb://ada:hunter2@db.example/music";
        let from = ["import-mongo", "--bucket", "old", "--from", url, "--music-from", url];
        let from: &[&str] = if cfg!(feature = "mongodb") { &from } else { &["serve"] };
        let flags = ["--database", "--media", "--queue", "--mailer", "--sync"];
        let urls = flags.map(|flag| [flag, url]).concat();
        let parsed = Cli::try_parse_from([&["moodify"][..], from, &urls[..]].concat()).unwrap();
        assert!(!format!("{parsed:?}").contains("hunter2"));
    }

    #[test]
    fn every_command_in_the_documentation_is_one() {
        let pages = [
            include_str!("../../../README.md"),
            include_str!("../../../docs/operations.md"),
            include_str!("../../../docs/settings.md"),
        ];
        let mut seen = 0;
        for line in pages.iter().flat_map(|page| commands(page)) {
            let words = line.split('#').next().unwrap_or_default().replace(['"', '\''], "");
            let words = words.split_whitespace().take_while(|word| !["|", ">", "&&", ";"].contains(word));
            if let Err(error) = Cli::try_parse_from(words) {
                assert!(!error.use_stderr(), "`{line}` is no command: {error}");
            }
            seen += 1;
        }
        assert!(seen > 10, "{seen}");
    }

    /// The lines of a page's code blocks that run this program.
    fn commands(page: &str) -> impl Iterator<Item = &str> {
        let blocks = page.split("```").skip(1).step_by(2);
        let begins = |line: &&str| line.starts_with("moodify ");
        blocks.flat_map(str::lines).map(|line| line.trim_start_matches("$ ").trim()).filter(begins)
    }
}
