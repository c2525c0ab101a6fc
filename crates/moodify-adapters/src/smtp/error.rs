//! What a mail server's refusals mean.

use lettre::transport::smtp;
use moodify_core::port::{MailError, Unavailable};

/// Before a mail was named: whatever it is, no mail is to blame.
pub(super) fn opening(error: smtp::Error) -> Unavailable {
    if error.is_permanent() || error.is_client() || error.is_tls() {
        Unavailable::lasting(error)
    } else {
        Unavailable::passing(error)
    }
}

/// While one was handed over.
pub(super) fn sending(error: smtp::Error) -> MailError {
    match error.status().map(u16::from) {
        Some(code) if is_about_us(code) => Unavailable::lasting(error).into(),
        Some(500..) => MailError::Refused { reason: one_line(&error) },
        // An address that this server cannot carry.
        None if error.is_client() => MailError::Refused { reason: one_line(&error) },
        _ => Unavailable::passing(error).into(),
    }
}

/// Commands that the server does not know (RFC 5321, 4.2.2) or wants a log-in for (RFC 4954, 6).
fn is_about_us(code: u16) -> bool {
    matches!(code, 500..=504 | 530 | 534 | 535 | 538)
}

fn one_line(error: &smtp::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
