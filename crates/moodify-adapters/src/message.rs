use std::time::SystemTime;

use jiff::Timestamp;
use lettre::Message;
use lettre::message::{Mailbox, MultiPart, SinglePart};
use moodify_core::model::{self, Mail};
use moodify_core::port::MailError;

/// The mail as it travels (RFC 5322): text and HTML as alternatives, everything in UTF-8. The same
/// mail at the same time gives the same bytes.
pub(crate) fn message(mail: &Mail, date: Timestamp) -> Result<Message, MailError> {
    refuse_control_characters(mail)?;
    let parts = MultiPart::alternative()
        .boundary(format!("={}=", name(mail)))
        .singlepart(SinglePart::plain(mail.text.clone()))
        .singlepart(SinglePart::html(mail.html.clone()));
    Message::builder()
        .message_id(Some(mail.message_id.as_str().to_owned()))
        .date(SystemTime::from(date))
        .from(mailbox(&mail.from)?)
        .to(mailbox(&mail.to)?)
        .subject(mail.subject.clone())
        .multipart(parts)
        .map_err(refused)
}

/// What tells this mail from all others: the part of its message id before the domain.
pub(crate) fn name(mail: &Mail) -> String {
    let id = mail.message_id.as_str().trim_start_matches('<');
    let local = id.split_once('@').map_or(id, |(local, _)| local);
    local
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .collect()
}

/// The model promises that there are none; a header is the wrong place to find out.
fn refuse_control_characters(mail: &Mail) -> Result<(), MailError> {
    let lines = [mail.message_id.as_str(), &mail.subject, &mail.from.name, &mail.to.name];
    if lines.into_iter().any(|line| line.contains(char::is_control)) {
        return Err(MailError::Refused { reason: "a header would hold control characters".to_owned() });
    }
    Ok(())
}

fn mailbox(person: &model::Mailbox) -> Result<Mailbox, MailError> {
    let name = (!person.name.is_empty()).then(|| person.name.clone());
    Ok(Mailbox::new(name, person.email.as_str().parse().map_err(refused)?))
}

fn refused(error: impl std::fmt::Display) -> MailError {
    MailError::Refused { reason: error.to_string() }
}
