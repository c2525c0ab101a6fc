//! What an embedder or operator decides. Typed and with defaults: reading files and the
//! environment is the program's business.

use std::num::NonZeroU32;
use std::time::Duration;

use url::Url;

use crate::Error;
use crate::model::{Email, LinkTemplate, MailKind, Mailbox};

/// Every decision of the services.
#[derive(Clone, Debug)]
pub struct Config {
    /// How clients reach this deployment; links and signed URLs are built from it, never from a
    /// `Host` header.
    pub public_url: Url,
    /// Who signs access tokens (`iss`); a service refuses those of anybody else. Default: `public_url`.
    /// Name one where that changes from start to start, or from process to process.
    pub issuer: Option<String>,
    /// Identity settings.
    pub accounts: AccountsConfig,
    /// Catalogue settings.
    pub catalog: CatalogConfig,
    /// Mail settings.
    pub mail: MailConfig,
    /// Playback settings.
    pub playback: PlaybackConfig,
    /// How much one caller may ask for.
    pub limits: LimitsConfig,
}

impl Config {
    /// The defaults for a deployment that is reached at this address.
    pub fn new(public_url: Url) -> Self {
        Self {
            public_url,
            issuer: None,
            accounts: AccountsConfig::default(),
            catalog: CatalogConfig::default(),
            mail: MailConfig::default(),
            playback: PlaybackConfig::default(),
            limits: LimitsConfig::default(),
        }
    }
}

/// Identity settings.
#[derive(Clone, Debug)]
pub struct AccountsConfig {
    /// Shortest password for new accounts, in characters. Default 10, never below 8. NIST
    /// 800-63B-4 (3.1.1.2) recommends 15 where the password is the only factor.
    pub min_password_length: usize,
    /// Life of an access token. Default 10 min.
    pub access_token_ttl: Duration,
    /// How long a refresh token works unused. Default 30 days.
    pub refresh_idle_ttl: Duration,
    /// How long a session lasts in any case. Default 90 days.
    pub refresh_max_ttl: Duration,
    /// How long a rotated refresh token is still answered with its successor, so that parallel
    /// refreshes and lost answers end no session. Default 30 s.
    pub refresh_grace: Duration,
    /// A refused log-in is answered when a whole multiple of this has passed since it began, so that
    /// the time tells nothing of the account: hashes of imported accounts take another time than ours.
    /// Zero: at once. Default 250 ms, more than a bcrypt hash of cost 11 takes.
    pub refusal_time: Duration,
    /// How many passwords are hashed at once; each takes 19 MiB. Default: one per processor.
    pub hash_parallelism: usize,
    /// How many requests may wait for a free hash before more are turned away. Default 64.
    pub hash_queue: usize,
}

impl Default for AccountsConfig {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            min_password_length: 10,
            access_token_ttl: Duration::from_secs(10 * 60),
            refresh_idle_ttl: 30 * DAY,
            refresh_max_ttl: 90 * DAY,
            refresh_grace: Duration::from_secs(30),
            refusal_time: Duration::from_millis(250),
            hash_parallelism: std::thread::available_parallelism().map_or(1, Into::into),
            hash_queue: 64,
        }
    }
}

/// Catalogue settings.
#[derive(Clone, Debug)]
pub struct CatalogConfig {
    /// Largest audio upload in bytes. Default 100 MB.
    pub max_audio_bytes: u64,
    /// Largest cover upload in bytes. Default 10 MB.
    pub max_cover_bytes: u64,
    /// How many uploads of one account may go on at once; 0 is no limit. Default 3.
    pub uploads_at_once: u32,
    /// How much the uploads that go on may have on the disk together, in bytes; at least as much as one
    /// may have is taken. Default 2 GB: eighteen of the largest.
    pub max_staged_bytes: u64,
    /// How many direct uploads an account may have under way; 0 is no limit. One that was aborted or
    /// rejected counts for as long as its URLs still work. Default 20.
    pub direct_uploads: u32,
    /// How large the parts of a direct upload are, in bytes: what an interruption costs at most. Files that
    /// would have more than 100 have larger ones. Default 8 MiB.
    pub upload_part_bytes: u64,
    /// When a direct upload that was not completed is given up. Default 24 h.
    pub direct_upload_ttl: Duration,
    /// Longest life of a signed URL that plays. Default 1 h.
    pub media_url_ttl: Duration,
    /// When an upload that is still not ready counts as dead and its media is removed. Default 1 h.
    pub stale_upload_after: Duration,
}

impl Default for CatalogConfig {
    fn default() -> Self {
        Self {
            max_audio_bytes: 100_000_000,
            max_cover_bytes: 10_000_000,
            uploads_at_once: 3,
            max_staged_bytes: 2_000_000_000,
            direct_uploads: 20,
            upload_part_bytes: 8 << 20,
            direct_upload_ttl: Duration::from_secs(24 * 60 * 60),
            media_url_ttl: Duration::from_secs(60 * 60),
            stale_upload_after: Duration::from_secs(60 * 60),
        }
    }
}

/// Mail settings.
#[derive(Clone, Debug)]
pub struct MailConfig {
    /// Who mails come from. Default `Moodify <moodify@localhost.localdomain>`.
    pub from: Option<Mailbox>,
    /// What the product is called in mails. Default `Moodify`.
    pub product_name: String,
    /// Where the links in mails lead.
    pub links: MailLinks,
    /// Templates in place of the built-in ones. Default: none.
    pub templates: Vec<TemplateSource>,
    /// How many mails leave in any 24 hours, from all processes with the same send log; the others wait.
    /// Default: as many as there are.
    pub max_per_day: Option<NonZeroU32>,
}

/// Pages of the front end that mails lead to. `None` is the default: a path below
/// [`Config::public_url`].
///
/// Tokens stand in the fragment by default: browsers send it to no server, so it gets into no log and
/// no `Referer`; the page reads it and posts it to the API.
#[derive(Clone, Debug, Default)]
pub struct MailLinks {
    /// With the gap `{token}`. Default `/verify-email#token={token}`.
    pub verify: Option<LinkTemplate>,
    /// With the gap `{token}`. Default `/reset-password#token={token}`.
    pub reset: Option<LinkTemplate>,
    /// With the gap `{track_id}`. Default `/tracks/{track_id}`.
    pub track: Option<LinkTemplate>,
    /// With the gap `{artist_id}`. Default `/artists/{artist_id}`.
    pub artist: Option<LinkTemplate>,
}

/// A template that replaces a part of a built-in one.
#[derive(Clone, Debug)]
pub struct TemplateSource {
    /// Of which mail.
    pub kind: MailKind,
    /// Which part, in which language.
    pub form: TemplateForm,
    /// Where it comes from, for messages: the file's path.
    pub origin: String,
    /// The template.
    pub text: String,
}

/// What a template is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateForm {
    /// The HTML part, as MJML.
    Mjml,
    /// The HTML part, as HTML.
    Html,
    /// The text part; its first line is the subject.
    Text,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            from: None,
            product_name: "Moodify".to_owned(),
            links: MailLinks::default(),
            templates: Vec::new(),
            max_per_day: None,
        }
    }
}

impl MailConfig {
    /// The sender: the configured one, or a local one that no mail server would accept.
    pub(crate) fn sender(&self) -> Result<Mailbox, Error> {
        if let Some(from) = &self.from {
            return Ok(from.clone());
        }
        let email = Email::parse("moodify@localhost.localdomain").map_err(Error::internal)?;
        Ok(Mailbox { name: self.product_name.clone(), email })
    }
}

/// Playback settings.
#[derive(Clone, Debug)]
pub struct PlaybackConfig {
    /// How many devices of one listener may be connected at once, and how many are remembered.
    /// Default 20.
    pub max_devices: usize,
    /// How many commands, and as many other messages, a connection may send a second, and at once.
    /// All connections of a listener together may send four times as many, and are sent 40 KiB of
    /// state for each of these. 0 is no limit. Default 50.
    pub messages_per_second: u32,
    /// How long a command waits for the ones before it (by `seq`) before they count as lost.
    /// Default 200 ms: longer than a lost packet takes to be sent again on most lines.
    pub sequence_wait: Duration,
    /// How far in the future a start is scheduled at least, so that it reaches all devices before
    /// it is due. Default 150 ms.
    pub start_lead: Duration,
    /// How far in the future a start is scheduled at most, however slow a device's line. Default
    /// 2 s.
    pub max_start_lead: Duration,
    /// How many entries a queue may have. Default 2,000.
    pub max_queue: usize,
    /// How long devices that are to make the sound have to say that they are ready. Default 3 s.
    pub handover: Duration,
    /// How long the device that makes the sound may be away before playback pauses. Default 15 s.
    pub absence: Duration,
}

impl Default for PlaybackConfig {
    fn default() -> Self {
        Self {
            max_devices: 20,
            messages_per_second: 50,
            sequence_wait: Duration::from_millis(200),
            start_lead: Duration::from_millis(150),
            max_start_lead: Duration::from_secs(2),
            max_queue: 2_000,
            handover: Duration::from_secs(3),
            absence: Duration::from_secs(15),
        }
    }
}

/// How much one caller may ask for. 0 is no limit. All but `login_failures_in_a_row` are counted by
/// each process for itself.
#[derive(Clone, Copy, Debug)]
pub struct LimitsConfig {
    /// Failed log-ins to one account from one address, a minute. Default 5.
    pub login_failures_per_minute: u32,
    /// Failed log-ins to one account, one after the other, until its password works only for those
    /// who have signed in from their address before. Default 100 (NIST 800-63B-4, 3.2.2).
    pub login_failures_in_a_row: u32,
    /// Sign-ups from one address, a minute, and as many requests for mails. Default 20.
    pub signup_per_minute: u32,
    /// Requests of one account or, without a good access token and to log in, from one address, a
    /// minute. All together from one address: ten times as many. Default 600.
    pub requests_per_minute: u32,
}

impl LimitsConfig {
    /// No limits: for tests and measurements.
    pub const OFF: Self = Self {
        login_failures_per_minute: 0,
        login_failures_in_a_row: 0,
        signup_per_minute: 0,
        requests_per_minute: 0,
    };
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            login_failures_per_minute: 5,
            login_failures_in_a_row: 100,
            signup_per_minute: 20,
            requests_per_minute: 600,
        }
    }
}
