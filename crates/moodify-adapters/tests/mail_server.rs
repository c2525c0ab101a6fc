//! Mails through a mail server, and through one that wants tokens.
#![cfg(all(feature = "smtp", feature = "gmail"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests report by panicking"
)]

#[path = "../../../examples/server/tests/js/mail_server.rs"]
mod mail_server;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use mail_server::MailServer;
use moodify_adapters::gmail::{GmailConfig, GmailMailer};
use moodify_adapters::smtp::{Encryption, LogIn, SmtpConfig, SmtpMailer};
use moodify_core::conformance::MailerFixture;
use moodify_core::memory::FixedClock;
use moodify_core::model::{Email, Mail, MailKind, Mailbox, MessageId};
use moodify_core::port::{MailError, Mailer};
use serde_json::json;

/// Both ways to encrypt and both ways to log in, over the cases of the port.
macro_rules! contracts {
    ($($name:ident: $mailer:expr;)*) => {$(
        mod $name {
            use super::*;

            async fn fixture() -> Option<MailerFixture> {
                let server = MailServer::start().await?;
                let mailer: Arc<dyn Mailer> = $mailer(&server);
                Some(MailerFixture::new(mailer, server))
            }

            moodify_core::mailer_suite!(contract, fixture);
        }
    )*};
}

contracts! {
    plain: |server| smtp(server, Encryption::Off, LogIn::Nobody);
    starttls: |server| smtp(server, Encryption::StartTls, ada("se:cret/"));
    implicit: |server| smtp(server, Encryption::Implicit, ada("se:cret/"));
    tokens: |server| gmail(server, Encryption::Implicit).0;
}

fn ada(password: &str) -> LogIn {
    LogIn::Password { user: "ada".to_owned(), password: password.into() }
}

fn config(server: &MailServer, encryption: Encryption, log_in: LogIn) -> SmtpConfig {
    let port = match encryption {
        Encryption::Off => server.ports.plain,
        Encryption::StartTls => server.ports.starttls,
        Encryption::Implicit => server.ports.implicit,
    };
    let authorities = Some(std::fs::read_to_string(server.authority()).unwrap());
    SmtpConfig { port, log_in, authorities, ..SmtpConfig::new("localhost", encryption) }
}

fn smtp(server: &MailServer, encryption: Encryption, log_in: LogIn) -> Arc<dyn Mailer> {
    mailer(config(server, encryption, log_in))
}

fn mailer(config: SmtpConfig) -> Arc<dyn Mailer> {
    Arc::new(SmtpMailer::new(config, Arc::new(FixedClock::default())).unwrap())
}

fn gmail(server: &MailServer, encryption: Encryption) -> (Arc<dyn Mailer>, Arc<FixedClock>) {
    gmail_with(server, encryption, "app-secret")
}

fn gmail_with(
    server: &MailServer,
    encryption: Encryption,
    secret: &str,
) -> (Arc<dyn Mailer>, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::default());
    let google = GmailConfig::new("hello@example.com", "app", secret.into(), "refresh".into()).unwrap();
    let config = GmailConfig {
        token_url: server.token_url().parse().unwrap(),
        server: config(server, encryption, LogIn::Nobody),
        ..google
    };
    (Arc::new(GmailMailer::new(config, clock.clone()).unwrap()), clock)
}

fn mail(to: &str) -> Mail {
    let event = "01890a5d-ac96-774b-bcce-b302099a8057";
    Mail {
        message_id: MessageId::new(event.parse().unwrap(), MailKind::Welcome, "example.com"),
        from: Mailbox { name: "Moodify".to_owned(), email: Email::parse("hello@example.com").unwrap() },
        to: Mailbox { name: "Zoë".to_owned(), email: Email::parse(to).unwrap() },
        subject: "Schön, dass du da bist".to_owned(),
        html: "<p>Schön</p>\n.\n".to_owned(),
        text: "Schön\n.\n".to_owned(),
    }
}

/// Starts a server, or ends the test, aloud.
macro_rules! server {
    () => {
        match MailServer::start().await {
            Some(server) => server,
            None => return,
        }
    };
}

#[tokio::test]
async fn a_mail_arrives_whole_over_a_protected_connection() {
    let server = server!();
    let mailer = smtp(&server, Encryption::StartTls, ada("se:cret/"));
    mailer.send(&mail("zoe@example.net")).await.unwrap();
    let seen = server.seen().await;
    let taken = &seen.mails[0];
    assert_eq!((taken.from.as_str(), taken.to[0].as_str()), ("hello@example.com", "zoe@example.net"));
    assert_eq!((taken.user.as_deref(), taken.secure), (Some("ada"), true));
    assert!(taken.raw.contains("Message-ID: <01890a5d-ac96-774b-bcce-b302099a8057.welcome@example.com>"));
    assert!(taken.raw.contains("multipart/alternative"), "{}", taken.raw);
}

#[tokio::test]
async fn connections_are_used_again_and_few() {
    let server = server!();
    let mailer = smtp(&server, Encryption::Implicit, ada("se:cret/"));
    for _ in 0..5 {
        mailer.send(&mail("zoe@example.net")).await.unwrap();
    }
    assert_eq!(server.seen().await.connections, 1);
    join_all((0..40).map(|_| async { mailer.send(&mail("zoe@example.net")).await.unwrap() })).await;
    let seen = server.seen().await;
    assert_eq!(seen.mails.len(), 45);
    assert!(seen.connections <= 4, "{}", seen.connections);
}

#[tokio::test]
async fn what_is_refused_for_good_is_told_from_what_is_refused_for_now() {
    let server = server!();
    let mailer = smtp(&server, Encryption::Implicit, ada("se:cret/"));
    for (to, words) in [("refused@example.net", "5.1.1 nobody of that name"), ("full@example.net", "5.2.2")] {
        let MailError::Refused { reason } = mailer.send(&mail(to)).await.unwrap_err() else { panic!("{to}") };
        assert!(reason.contains(words) && !reason.contains('\n'), "{reason}");
    }
    // Also where the connection ended before the server had the whole mail.
    for to in ["later@example.net", "cut@example.net"] {
        let MailError::Unavailable(fault) = mailer.send(&mail(to)).await.unwrap_err() else { panic!("{to}") };
        assert!(fault.retryable, "{to}: {fault}");
    }
    // None of that harms the next one.
    mailer.send(&mail("zoe@example.net")).await.unwrap();
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let server = server!();
    let config =
        SmtpConfig { timeout: Duration::from_millis(300), ..config(&server, Encryption::Off, LogIn::Nobody) };
    let mailer = mailer(SmtpConfig { max_connections: 1, ..config });
    let MailError::Unavailable(fault) = mailer.send(&mail("stuck@example.net")).await.unwrap_err() else {
        panic!("refused")
    };
    assert!(fault.retryable);
    // Its connection, the only one, is not used for another mail in the middle of the first.
    mailer.send(&mail("zoe@example.net")).await.unwrap();
    assert_eq!(server.seen().await.mails.len(), 1);
}

#[tokio::test]
async fn what_was_answered_counts_whatever_becomes_of_the_goodbye() {
    let server = server!();
    // Shorter than the goodbye may take, which is never answered.
    let timeout = Duration::from_millis(500);
    let config = SmtpConfig { timeout, ..config(&server, Encryption::Off, LogIn::Nobody) };
    let mailer = mailer(SmtpConfig { max_connections: 2, ..config });
    let MailError::Refused { reason } = mailer.send(&mail("rude@example.net")).await.unwrap_err() else {
        panic!("not refused")
    };
    assert!(reason.contains("5.1.1 nobody of that name"), "{reason}");
    mailer.send(&mail("zoe@example.net")).await.unwrap();
}

#[tokio::test]
async fn a_server_that_has_the_mail_and_does_not_answer_is_told_from_one_that_failed() {
    let server = server!();
    let config = |to: &str| {
        let answer_timeout = Duration::from_millis(if to == "silent" { 300 } else { 10_000 });
        let timeout = Duration::from_millis(500);
        let config = config(&server, Encryption::Off, LogIn::Nobody);
        mailer(SmtpConfig { max_connections: 1, timeout, answer_timeout, ..config })
    };
    for (to, comes) in [("dropped", None), ("silent", Some(false)), ("slow", Some(true))] {
        let mailer = config(to);
        let (reason, late) = match mailer.send(&mail(&format!("{to}@example.net"))).await.unwrap_err() {
            MailError::Unanswered { reason, late } => (reason, late),
            other => panic!("{to}: {other}"),
        };
        assert!(!reason.contains('\n') && late.is_some() == comes.is_some(), "{to}: {reason}");
        // Its connection, the only one, is not used for another mail in the middle of the first.
        mailer.send(&mail("zoe@example.net")).await.unwrap();
        if let (Some(late), Some(comes)) = (late, comes) {
            match late.wait().await {
                Ok(()) => assert!(comes, "{to}"),
                Err(error) => {
                    assert!(!comes && matches!(error, MailError::Unanswered { .. }), "{to}: {error}");
                }
            }
        }
    }
    assert_eq!(server.seen().await.mails.len(), 6, "all of them were taken");
}

#[tokio::test]
async fn not_more_than_a_few_answers_are_waited_for() {
    let server = server!();
    let config = config(&server, Encryption::Off, LogIn::Nobody);
    let mailer = mailer(SmtpConfig { max_connections: 20, timeout: Duration::from_secs(2), ..config });
    let silent = join_all((0..20).map(|_| async { mailer.send(&mail("silent@example.net")).await })).await;
    let late = silent.iter().filter(|sent| matches!(sent, Err(MailError::Unanswered { late: Some(_), .. })));
    assert_eq!(late.count(), 16);
    drop(silent);
    // Whoever is not waited for any more makes room.
    let again = mailer.send(&mail("silent@example.net")).await;
    assert!(matches!(again, Err(MailError::Unanswered { late: Some(_), .. })), "{again:?}");
}

#[tokio::test]
async fn a_sender_who_has_sent_too_much_is_told_how_long_to_wait() {
    let server = server!();
    let mailer = smtp(&server, Encryption::Implicit, ada("se:cret/"));
    for (to, least) in [("daily@example.net", 30 * 60), ("hasty@example.net", 60)] {
        let (reason, wait) = match mailer.send(&mail(to)).await.unwrap_err() {
            MailError::Limited { reason, wait } => (reason, wait),
            other => panic!("{to}: {other}"),
        };
        assert!(wait >= Duration::from_secs(least) && reason.contains("limit exceeded"), "{wait:?} {reason}");
    }
    mailer.send(&mail("zoe@example.net")).await.unwrap();
}

#[tokio::test]
async fn connections_that_the_server_closed_are_replaced() {
    let server = server!();
    let mailer = smtp(&server, Encryption::Implicit, ada("se:cret/"));
    for _ in 0..3 {
        mailer.send(&mail("zoe@example.net")).await.unwrap();
        server.control(json!({ "hang_up": true })).await;
    }
    assert_eq!(server.seen().await.connections, 3);
}

#[tokio::test]
async fn no_mail_is_to_blame_for_a_server_that_lets_nobody_in() {
    let server = server!();
    let strangers = [
        smtp(&server, Encryption::StartTls, ada("wrong")),
        // The certificate is for localhost, and for nobody else.
        mailer(SmtpConfig {
            host: "localhost.localdomain".to_owned(),
            ..config(&server, Encryption::Implicit, ada("se:cret/"))
        }),
        mailer(SmtpConfig { authorities: None, ..config(&server, Encryption::Implicit, ada("se:cret/")) }),
        // STARTTLS is not offered: nothing is sent in the clear instead.
        mailer(SmtpConfig {
            port: server.ports.plain,
            ..config(&server, Encryption::StartTls, ada("se:cret/"))
        }),
    ];
    for mailer in strangers {
        let error = mailer.send(&mail("zoe@example.net")).await.unwrap_err();
        assert!(matches!(error, MailError::Unavailable(_)), "{error}");
        assert!(!format!("{error:?}").contains("se:cret"), "{error:?}");
        mailer.check().await.unwrap_err();
    }
    server.control(json!({ "refuse_everybody": true })).await;
    let error =
        smtp(&server, Encryption::Off, LogIn::Nobody).send(&mail("zoe@example.net")).await.unwrap_err();
    assert!(matches!(error, MailError::Unavailable(_)), "{error}");
    assert_eq!(server.seen().await.mails.len(), 0);
}

#[tokio::test]
async fn one_token_serves_many_senders_until_it_expires() {
    let server = server!();
    let (mailer, clock) = gmail(&server, Encryption::StartTls);
    join_all((0..20).map(|_| async { mailer.send(&mail("zoe@example.net")).await.unwrap() })).await;
    let seen = server.seen().await;
    assert_eq!((seen.mails.len(), seen.fetched), (20, 1));
    assert!(seen.mails.iter().all(|mail| mail.user.as_deref() == Some("hello@example.com") && mail.secure));

    // In its last minute it is not taken any more; old connections do not need it.
    clock.advance(Duration::from_secs(3600 - 59));
    server.control(json!({ "hang_up": true })).await;
    mailer.send(&mail("zoe@example.net")).await.unwrap();
    assert_eq!(server.seen().await.fetched, 2);
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let server = server!();
    let (mailer, _) = gmail(&server, Encryption::Implicit);
    mailer.send(&mail("zoe@example.net")).await.unwrap();
    server.control(json!({ "revoke": true, "hang_up": true })).await;
    mailer.send(&mail("zoe@example.net")).await.unwrap();
    assert_eq!(server.seen().await.fetched, 2);

    server.control(json!({ "revoke": true, "hang_up": true, "tokens": "worthless" })).await;
    let MailError::Unavailable(fault) = mailer.send(&mail("zoe@example.net")).await.unwrap_err() else {
        panic!("refused")
    };
    assert!(!fault.retryable);
    assert_eq!(server.seen().await.fetched, 3, "one new token, and no more");
}

#[tokio::test]
async fn a_token_endpoint_that_fails_is_told_from_one_that_refuses() {
    let server = server!();
    let (mailer, clock) = gmail(&server, Encryption::Implicit);
    for (fetched, (tokens, retryable, wait)) in
        [("busy", true, 5), ("revoked", false, 60)].into_iter().enumerate()
    {
        server.control(json!({ "tokens": tokens })).await;
        // However many ask, it is asked once: until a while is over.
        for step in [0, 0, wait - 1] {
            clock.advance(Duration::from_secs(step));
            for failed in join_all((0..10).map(|_| mailer.check())).await {
                let MailError::Unavailable(fault) = failed.unwrap_err() else { panic!("{tokens}") };
                assert_eq!(fault.retryable, retryable, "{fault}");
            }
            assert_eq!(server.seen().await.fetched as usize, fetched + 1, "{tokens}");
        }
        clock.advance(Duration::from_secs(1));
    }
    server.control(json!({ "tokens": "granted" })).await;
    mailer.send(&mail("zoe@example.net")).await.unwrap();

    let (mailer, _) = gmail_with(&server, Encryption::Implicit, "another-secret");
    let error = mailer.check().await.unwrap_err();
    assert!(error.to_string().contains("invalid_grant"), "{error}");
    assert!(!format!("{error:?}").contains("another-secret"), "{error:?}");
}
