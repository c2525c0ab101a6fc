use jiff::Timestamp;
use moodify_core::model::Mail;
use moodify_core::port::MailError;

use crate::message::message;

/// The bytes of a mail as it travels, or lies in a file.
///
/// # Errors
/// [`MailError::Refused`] if it is no mail.
pub fn eml(mail: &Mail, date: Timestamp) -> Result<Vec<u8>, MailError> {
    Ok(message(mail, date)?.formatted())
}
