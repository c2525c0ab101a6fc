//! What a mail server's refusals mean.

use std::error::Error as _;
use std::time::Duration;

use lettre::transport::smtp;
use moodify_core::port::{MailError, Unavailable};

/// Between mails of a sender who was too fast.
const TOO_FAST: Duration = Duration::from_secs(5 * 60);
/// Of a sender whose day is used up: a server counts the last 24 hours, so some of it comes back all the time.
const TOO_MANY: Duration = Duration::from_secs(60 * 60);

/// Before a mail was named: whatever it is, no mail is to blame.
pub(super) fn opening(error: smtp::Error) -> Unavailable {
    if error.is_permanent() || error.is_client() || error.is_tls() {
        Unavailable::lasting(error)
    } else {
        Unavailable::passing(error)
    }
}

/// The same for somebody who is about to send one: a server that wants fewer connections is told apart.
pub(super) fn greeting(fault: Unavailable) -> MailError {
    match fault.source.downcast_ref::<smtp::Error>().and_then(limit) {
        Some(limited) => limited,
        None => fault.into(),
    }
}

/// While one was handed over.
pub(super) fn sending(error: smtp::Error) -> MailError {
    if let Some(limited) = limit(&error) {
        return limited;
    }
    match error.status().map(u16::from) {
        Some(code) if is_about_us(code) => Unavailable::lasting(error).into(),
        Some(500..) => MailError::Refused { reason: one_line(&error) },
        _ => Unavailable::passing(error).into(),
    }
}

/// Whether the sender has sent too much, and for how long to send nothing.
fn limit(error: &smtp::Error) -> Option<MailError> {
    let said = error.source()?.to_string();
    let wait = wait(u16::from(error.status()?), &said)?;
    Some(MailError::Limited { reason: one_line(error), wait })
}

/// For how long a server that says this wants no mails; `None` if it says something else.
fn wait(code: u16, said: &str) -> Option<Duration> {
    let enhanced = said.split_whitespace().next().unwrap_or_default();
    match (code, enhanced) {
        // Gmail's "Daily user sending limit exceeded" comes with 550, and passes all the same; RFC 3463, 3.5
        // calls it congestion.
        (421.., "4.4.5" | "5.4.5") => Some(TOO_MANY),
        // Gmail's "unusual rate of unsolicited mail", its "Try again later" and "Too many login attempts".
        (_, "4.7.28") | (421 | 454, "4.7.0") => Some(TOO_FAST),
        // A policy of the server; greylisting is one too, and that is about one mail.
        (421 | 450..=454, _) if enhanced.starts_with("4.7.") || enhanced == "4.3.2" => {
            is_about_rates(said).then_some(TOO_FAST)
        }
        _ => None,
    }
}

/// No code tells this from other policies.
fn is_about_rates(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    let mut words = said.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| matches!(word, "rate" | "limit" | "limits" | "limited" | "quota" | "throttled"))
        || said.contains("too many")
        || said.contains("too fast")
        || said.contains("too quickly")
}

/// Commands that the server does not know (RFC 5321, 4.2.2) or wants a log-in for (RFC 4954, 6).
fn is_about_us(code: u16) -> bool {
    matches!(code, 500..=504 | 530 | 534 | 535 | 538)
}

pub(super) fn one_line(error: &smtp::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_who_is_too_fast_is_told_from_a_mail_that_is_not_wanted() {
        for (code, said, expected) in [
            (550, "5.4.5 Daily user sending limit exceeded. For more information on Gmail", Some(TOO_MANY)),
            (421, "4.7.28 Gmail has detected an unusual rate of unsolicited mail", Some(TOO_FAST)),
            (421, "4.7.0 Try again later, closing connection.", Some(TOO_FAST)),
            (454, "4.7.0 Too many login attempts, please try again later.", Some(TOO_FAST)),
            (450, "4.7.1 Error: too much mail, rate limit exceeded", Some(TOO_FAST)),
            (452, "4.7.500 Too many messages from this sender", Some(TOO_FAST)),
            (421, "4.3.2 Concurrent connections limit exceeded", Some(TOO_FAST)),
            // About one mailbox, or one mail.
            (451, "4.7.1 Greylisted, please try again in 300 seconds", None),
            (450, "4.2.1 The user is receiving mail at a rate that prevents delivery", None),
            (452, "4.2.2 The mailbox is over quota", None),
            (550, "5.7.1 Rejected by policy: rate of spam", None),
            (550, "5.1.1 nobody of that name", None),
            (421, "out of order", None),
            (421, "", None),
        ] {
            assert_eq!(wait(code, said), expected, "{code} {said}");
        }
    }
}
