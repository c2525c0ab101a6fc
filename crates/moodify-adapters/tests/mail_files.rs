//! Mails as files: the port's contract, and what goes beyond it.
#![cfg(feature = "mail-files")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests report by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use moodify_adapters::mail_files::FileMailer;
use moodify_core::conformance::MailerFixture;
use moodify_core::memory::FixedClock;
use moodify_core::model::{Email, Mail, MailKind, Mailbox, MessageId};
use moodify_core::port::{MailError, Mailer};
use tempfile::TempDir;

async fn fixture() -> MailerFixture {
    let (folder, _, mailer) = mailer();
    MailerFixture::new(Arc::new(mailer), folder)
}

moodify_core::mailer_suite!(contract, fixture);

const EVENT: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn mail(to: &str, subject: &str) -> Mail {
    Mail {
        message_id: MessageId::new(EVENT.parse().unwrap(), MailKind::Welcome, "example.com"),
        from: Mailbox { name: "Moodify".to_owned(), email: Email::parse("hello@example.com").unwrap() },
        to: Mailbox { name: to.to_owned(), email: Email::parse("ada@example.net").unwrap() },
        subject: subject.to_owned(),
        html: "<p>Schön, dass du da bist!</p>\n".repeat(50),
        text: "Schön, dass du da bist!\n.\nFrom here on …\n".to_owned(),
    }
}

fn mailer() -> (TempDir, Arc<FixedClock>, FileMailer) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::default());
    let mailer = FileMailer::open(folder.path().join("mail"), clock.clone()).unwrap();
    (folder, clock, mailer)
}

/// The only mail in the folder.
fn only_mail(folder: &TempDir) -> String {
    let mut files: Vec<_> = fs::read_dir(folder.path().join("mail"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let path = files.remove(0);
    assert_eq!(path.file_name().unwrap().to_str(), Some(format!("{EVENT}.welcome.eml").as_str()));
    fs::read_to_string(path).unwrap()
}

/// The header's value, unfolded.
fn header(eml: &str, name: &str) -> String {
    let (head, _) = eml.split_once("\r\n\r\n").unwrap();
    let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let mut values = head.split("\r\n").filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let value = values.next().unwrap_or_else(|| panic!("no {name} in {head}")).to_owned();
    assert_eq!(values.next(), None, "two of {name}");
    value
}

#[tokio::test]
async fn a_mail_is_a_file_that_mail_programs_read() {
    let (folder, _, mailer) = mailer();
    mailer.send(&mail("Ada", "Welcome")).await.unwrap();
    let eml = only_mail(&folder);
    assert_eq!(header(&eml, "Message-ID"), format!("<{EVENT}.welcome@example.com>"));
    assert_eq!(header(&eml, "Date"), "Thu, 01 Jan 2026 00:00:00 +0000");
    assert_eq!(header(&eml, "From"), "Moodify <hello@example.com>");
    assert_eq!(header(&eml, "To"), "Ada <ada@example.net>");
    assert_eq!(header(&eml, "Subject"), "Welcome");
    assert_eq!(header(&eml, "MIME-Version"), "1.0");
    assert!(header(&eml, "Content-Type").starts_with("multipart/alternative;"));
    let (text, html) = (eml.find("text/plain; charset=utf-8"), eml.find("text/html; charset=utf-8"));
    assert!(text.unwrap() < html.unwrap(), "the best part comes last (RFC 2046, 5.1.4)");
    assert!(eml.lines().all(|line| line.len() <= 998), "RFC 5322, 2.1.1");
}

#[tokio::test]
async fn the_same_mail_twice_is_one_file() {
    let (folder, clock, mailer) = mailer();
    mailer.send(&mail("Ada", "Welcome")).await.unwrap();
    let first = only_mail(&folder);
    clock.advance(Duration::from_secs(3600));
    let again = FileMailer::open(folder.path().join("mail"), clock).unwrap();
    again.send(&mail("Ada", "Welcome")).await.unwrap();
    assert_eq!(only_mail(&folder), first);
}

#[tokio::test]
async fn only_the_owner_reads_mails() {
    let (folder, _, mailer) = mailer();
    mailer.send(&mail("Ada", "Welcome")).await.unwrap();
    let path = folder.path().join("mail").join(format!("{EVENT}.welcome.eml"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // The names say when somebody got which mail.
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn odd_names_stay_within_their_header() {
    for name in [
        "O'Brien, \"The\" \\ <eve@example.org>",
        "Ольга 夜明け \u{1F3B5}",
        "=?utf-8?q?Eve?=",
        "ada@example.net, eve@example.org",
        &"very long ".repeat(100),
        &"夜".repeat(1000),
        "",
    ] {
        let (folder, _, mailer) = mailer();
        mailer.send(&mail(name, name)).await.unwrap();
        let eml = only_mail(&folder);
        let to = header(&eml, "To");
        assert!(to.ends_with("ada@example.net>") || to == "ada@example.net", "{to}");
        // Whatever looks like another address is quoted or encoded.
        let unquoted: String = to.split('"').step_by(2).collect();
        assert!(!unquoted.contains("eve@"), "{to}");
        let (head, _) = eml.split_once("\r\n\r\n").unwrap();
        assert!(head.is_ascii(), "RFC 5322 headers are ASCII: {head}");
        assert!(head.lines().all(|line| line.len() <= 998), "{head}");
    }
}

#[tokio::test]
async fn no_header_can_be_injected() {
    for evil in ["Ada\r\nBcc: eve@example.org", "Ada\nX: y", "Ada\rX: y", "Ada\0"] {
        for mail in [mail(evil, "Welcome"), mail("Ada", evil)] {
            let (folder, _, mailer) = mailer();
            let refused = mailer.send(&mail).await;
            assert!(matches!(refused, Err(MailError::Refused { .. })), "{refused:?}");
            assert_eq!(fs::read_dir(folder.path().join("mail")).unwrap().count(), 1, "only .incoming");
        }
    }
}

#[tokio::test]
async fn check_tries_it_and_leaves_nothing() {
    let (folder, _, mailer) = mailer();
    mailer.check().await.unwrap();
    assert_eq!(fs::read_dir(folder.path().join("mail")).unwrap().count(), 1, "only .incoming");
    fs::remove_dir_all(folder.path().join("mail")).unwrap();
    let fault = mailer.check().await.unwrap_err();
    assert!(fault.to_string().contains(folder.path().to_str().unwrap()), "{fault}");
}
