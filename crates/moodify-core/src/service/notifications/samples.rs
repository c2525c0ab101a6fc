//! What mails look like: for checking templates, for previews, and for their documentation.

use serde::Serialize;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use super::new_release::NewRelease;
use super::password_changed::PasswordChanged;
use super::reset_password::ResetPassword;
use super::templates::{TemplateFault, Templates};
use super::verify_email::VerifyEmail;
use super::welcome::Welcome;
use crate::Error;
use crate::config::{Config, MailLinks};
use crate::model::{Email, Mail, MailKind, Mailbox, MessageId};

/// The values of one mail.
pub(super) struct Sample {
    /// The name of the mail, and what is particular to this one.
    name: String,
    pub(super) values: Value,
}

const TOKEN: &str = "c2FtcGxlLXNhbXBsZS1zYW1wbGUtc2FtcGxl";

/// The samples of a kind: one for each way its templates can go.
pub(super) fn of(kind: MailKind, public_url: &Url, links: &MailLinks) -> Vec<Sample> {
    let id = Uuid::from_u128(0x019a_ab3c_5cff_7e10_9a55_0d1b_6c8e_4f02).hyphenated().to_string();
    let (email, until) = ("nina@example.org", "23 November 2026, 12:00 UTC");
    match kind {
        MailKind::Welcome => {
            let listener = Welcome { first_name: "Nina", is_artist: false };
            let artist = Welcome { is_artist: true, ..listener };
            vec![sample(kind, "", &listener), sample(kind, "-artist", &artist)]
        }
        MailKind::VerifyEmail => {
            let link = links.verify(public_url, TOKEN);
            vec![sample(
                kind,
                "",
                &VerifyEmail {
                    first_name: "Nina",
                    email,
                    link,
                    valid_for: "24 hours".to_owned(),
                    valid_until: until.to_owned(),
                },
            )]
        }
        MailKind::ResetPassword => {
            let link = links.reset(public_url, TOKEN);
            vec![sample(
                kind,
                "",
                &ResetPassword {
                    first_name: "Nina",
                    email,
                    link,
                    valid_for: "1 hour".to_owned(),
                    valid_until: until.to_owned(),
                },
            )]
        }
        MailKind::PasswordChanged => {
            vec![sample(
                kind,
                "",
                &PasswordChanged { first_name: "Nina", email, changed_at: until.to_owned() },
            )]
        }
        MailKind::NewRelease => {
            let (track_link, artist_link) = (links.track(public_url, &id), links.artist(public_url, &id));
            let release = NewRelease {
                first_name: "Ada",
                artist_name: "Nina & the Tides",
                title: "Low Water",
                track_link,
                artist_link,
            };
            vec![sample(kind, "", &release)]
        }
    }
}

fn sample(kind: MailKind, suffix: &str, values: &impl Serialize) -> Sample {
    let name = format!("{}{suffix}", kind.as_str());
    Sample { name, values: serde_json::to_value(values).unwrap_or_default() }
}

/// The names of the values that the templates of this kind may use as `mail.…`.
pub fn value_names(kind: MailKind, config: &Config) -> Vec<String> {
    let samples = of(kind, &config.public_url, &config.mail.links);
    let values = samples.first().and_then(|sample| sample.values.as_object());
    values.map(|values| values.keys().cloned().collect()).unwrap_or_default()
}

/// Every sample of this kind as a mail, with a name for its files.
///
/// # Errors
/// [`Error::Internal`] if a template is broken or there is no sender.
pub fn sample_mails(
    templates: &Templates,
    kind: MailKind,
    config: &Config,
) -> Result<Vec<(String, Mail)>, Error> {
    let from = config.mail.sender()?;
    let email = Email::parse("nina@example.org").map_err(Error::internal)?;
    let to = Mailbox { name: "Nina".to_owned(), email };
    let samples = of(kind, &config.public_url, &config.mail.links).into_iter();
    samples
        .map(|sample| {
            let rendered = templates.render(kind, &sample.values).map_err(fault)?;
            let message_id = MessageId::new(Uuid::nil().into(), kind, "sample.invalid");
            let (from, to) = (from.clone(), to.clone());
            let (subject, html, text) = (rendered.subject, rendered.html, rendered.text);
            Ok((sample.name, Mail { message_id, from, to, subject, html, text }))
        })
        .collect()
}

fn fault(fault: TemplateFault) -> Error {
    Error::internal(fault)
}
