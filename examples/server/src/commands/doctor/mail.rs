//! Whether mails can leave, and what to do if not.

use std::sync::Arc;

use moodify_core::port::Clock;

use super::checks::{Found, works};
use crate::{
    assemble,
    config::{Address, Settings},
    failure::{Failure, one_line},
};

/// What servers and drivers say, in lower case, and what helps. The first that fits is taken.
const REMEDIES: [(&[&str], &str); 6] = [
    (
        &["invalid_client", "unauthorized_client"],
        "correct gmail.client_id and MOODIFY_GMAIL_CLIENT_SECRET: they belong to one OAuth client",
    ),
    (
        &["invalid_grant"],
        "allow the application again and set MOODIFY_GMAIL_REFRESH_TOKEN, beside the client that it was given to",
    ),
    (
        &["starttls is not supported"],
        "take smtps:// and the port that begins with TLS (465), or turn STARTTLS on at the server",
    ),
    (
        &["certificate", "unknownissuer"],
        "name the server as its certificate does, or set smtp.ca_file to its authority",
    ),
    (
        &["(535)", "(534)", "(530)", "(538)", "expect a challenge", "authentication"],
        "correct user and password in mailer (MOODIFY_MAILER), special characters percent-encoded",
    ),
    (
        &["corrupt message", "invalidcontenttype"],
        "take smtp:// for a port that begins in the clear; smtps:// is for one that begins with TLS",
    ),
];

/// Logs in, and sends nothing.
pub(super) async fn mailer(settings: &Settings, clock: Arc<dyn Clock>) -> Found {
    let address = settings.mailer()?;
    let mailer = assemble::mailer(settings, clock)?;
    match mailer.check().await {
        Ok(()) => works(format!("{address} takes mails; none was sent")),
        Err(error) => Err(refused(&address, &one_line(&error))),
    }
}

fn refused(address: &Address, said: &str) -> Failure {
    let what = format!("{address} cannot be used: {said}");
    let otherwise = match address.scheme() {
        "file" => return Failure::new(what, "make it a place that this user may write to"),
        "gmail" => {
            "see whether this machine may reach gmail.token_url and gmail.server (Google's by default)"
        }
        _ => "correct host and port in mailer, and see whether the server runs and this machine may reach it",
    };
    let lower = said.to_ascii_lowercase();
    let fits = REMEDIES.iter().find(|(words, _)| words.iter().any(|word| lower.contains(word)));
    Failure::new(what, fits.map_or(otherwise, |&(_, remedy)| remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_remedy() {
        for (address, said, remedy) in [
            (
                "gmail://a@b.example",
                "the token endpoint answered 400, and said invalid_grant",
                "REFRESH_TOKEN",
            ),
            (
                "gmail://a@b.example",
                "the token endpoint answered 401, and said invalid_client",
                "CLIENT_SECRET",
            ),
            ("gmail://a@b.example", "no answer within 10s", "gmail.token_url"),
            ("smtp://u:p@host", "permanent error (535): 5.7.8 who are you?", "MOODIFY_MAILER"),
            ("smtp://u:p@host", "Connection error: invalid peer certificate: UnknownIssuer", "smtp.ca_file"),
            (
                "smtp://u:p@host",
                "internal client error: STARTTLS is not supported on this server",
                "smtps://",
            ),
            ("smtps://u:p@host", "received corrupt message of type InvalidContentType", "smtp:// for"),
            ("smtp://u:p@host", "Connection error: Connection refused (os error 111)", "host and port"),
            ("file://mail", "cannot write", "may write to"),
        ] {
            let address = Address::try_from(address.to_owned()).unwrap();
            let failure = refused(&address, said);
            assert!(failure.fix().contains(remedy) && failure.what().contains(said), "{failure}");
        }
    }
}
