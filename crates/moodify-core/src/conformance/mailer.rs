//! Holds a [`Mailer`] to what of its contract shows without a mailbox.

use std::{any::Any, sync::Arc};

use futures::future::join_all;

use super::{Keep, samples};
use crate::port::Mailer;

/// A mailer that can hand mails over.
pub struct MailerFixture {
    /// The mailer under test.
    pub mailer: Arc<dyn Mailer>,
    /// What must live as long as the mailer.
    pub keep: Keep,
}

impl MailerFixture {
    /// A fixture; `keep` is `()` when nothing has to live as long as the mailer.
    pub fn new(mailer: Arc<dyn Mailer>, keep: impl Any + Send + Sync) -> Self {
        Self { mailer, keep: Box::new(keep) }
    }
}

/// Makes a module of named tests that hold a mailer to the contract of
/// [`Mailer`](crate::port::Mailer). Whether mails arrive, and once, is for each mailer's own tests.
#[macro_export]
macro_rules! mailer_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            mailer,
            $name,
            $fixture,
            [
                a_mail_is_accepted,
                every_script_is_accepted,
                a_long_mail_is_accepted,
                the_same_mail_is_accepted_again,
                concurrent_mails_are_accepted,
                a_working_mailer_checks_well,
            ]
        );
    };
}

/// A mail with both parts is accepted.
pub async fn a_mail_is_accepted(fixture: &MailerFixture) {
    fixture.mailer.send(&samples::mail()).await.unwrap();
}

/// Names and texts of all scripts, quotes and emoji are accepted; a name may be empty.
pub async fn every_script_is_accepted(fixture: &MailerFixture) {
    for text in ["Zoë \"Zed\" O'Brien, Jr. <🎧>", "夜に駆ける", "שלום עולם", "Ада =?utf-8?q?x?=", "\\", ""]
    {
        let mut mail = samples::mail();
        mail.to.name = text.to_owned();
        mail.from.name = text.to_owned();
        mail.subject = text.to_owned();
        mail.html = format!("<p>{text}</p>\n.\n");
        mail.text = format!("{text}\n.\n");
        fixture.mailer.send(&mail).await.unwrap();
    }
}

/// Long lines, a long subject and a large body are accepted.
pub async fn a_long_mail_is_accepted(fixture: &MailerFixture) {
    let mut mail = samples::mail();
    mail.subject = "Für dich 🎵 ".repeat(40);
    mail.html = format!("<p>{}</p>", "ü".repeat(200_000));
    mail.text = "ü".repeat(200_000);
    fixture.mailer.send(&mail).await.unwrap();
}

/// Sending the same mail again is no error: whoever asks twice could not know.
pub async fn the_same_mail_is_accepted_again(fixture: &MailerFixture) {
    let mail = samples::mail();
    for _ in 0..3 {
        fixture.mailer.send(&mail).await.unwrap();
    }
}

/// Many senders at once are all served.
pub async fn concurrent_mails_are_accepted(fixture: &MailerFixture) {
    let calls = (0..20).map(|_| {
        let mailer = fixture.mailer.clone();
        tokio::spawn(async move { mailer.send(&samples::mail()).await.unwrap() })
    });
    join_all(calls).await.into_iter().for_each(Result::unwrap);
}

/// The check says that a mail could be handed over, before the first one and after.
pub async fn a_working_mailer_checks_well(fixture: &MailerFixture) {
    fixture.mailer.check().await.unwrap();
    fixture.mailer.send(&samples::mail()).await.unwrap();
    fixture.mailer.check().await.unwrap();
}
