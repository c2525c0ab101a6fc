//! What mails say, and what they let nobody else say.

use moodify_core::Config;
use moodify_core::config::{TemplateForm, TemplateSource};
use moodify_core::memory::MemoryQueue;
use moodify_core::model::event::{
    AccountCreated, EmailVerificationRequested, PasswordChanged, PasswordResetRequested,
};
use moodify_core::model::{
    ArtistName, EventPayload, LinkTemplate, Mail, MailKind, MailToken, PersonName, Role, Title,
};
use moodify_core::service::notifications::{Templates, built_in_templates, sample_mails, value_names};
use std::sync::Arc;

use crate::desk::{Desk, email, first_name};
use crate::releases::{follow, track};

const TOKEN: &str = "c2VjcmV0LW9mLXRoaXMtbGluaw";

async fn verification(desk: &Desk, first_name: PersonName, valid_secs: i64) {
    let requested = EmailVerificationRequested {
        account_id: desk.context.new_id(),
        email: email("nina"),
        first_name,
        token: MailToken::new(TOKEN),
        expires_at: desk.in_secs(valid_secs),
    };
    desk.publish(EventPayload::EmailVerificationRequested(requested)).await;
}

async fn reset(desk: &Desk, first_name: PersonName, valid_secs: i64) {
    let requested = PasswordResetRequested {
        account_id: desk.context.new_id(),
        email: email("nina"),
        first_name,
        token: MailToken::new(TOKEN),
        expires_at: desk.in_secs(valid_secs),
    };
    desk.publish(EventPayload::PasswordResetRequested(requested)).await;
}

async fn password_changed(desk: &Desk, first_name: PersonName) {
    let account_id = desk.context.new_id();
    let changed = PasswordChanged { account_id, email: email("nina"), first_name };
    desk.publish(EventPayload::PasswordChanged(changed)).await;
}

/// The one mail that comes of all this.
async fn only_mail(desk: &Desk) -> Mail {
    desk.work_off().await;
    let mut taken = desk.server.taken();
    assert_eq!(taken.len(), 1, "{:?}", desk.dead_letters().await);
    taken.remove(0)
}

/// What a mail program shows of HTML.
fn shown(html: &str) -> String {
    html.replace("&#x2f;", "/").replace("&#x27;", "'")
}

#[tokio::test]
async fn a_request_to_verify_becomes_a_mail_with_the_link() {
    let desk = Desk::new().await;
    verification(&desk, first_name(), 24 * 60 * 60).await;
    let mail = only_mail(&desk).await;
    assert_eq!(mail.subject, "Confirm your e-mail address for Moodify");
    let link = format!("https://moodify.example/verify-email#token={TOKEN}");
    assert!(mail.text.contains(&format!("\n{link}\n")), "{}", mail.text);
    assert!(shown(&mail.html).contains(&format!("href=\"{link}\"")), "{}", mail.html);
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("24 hours") && part.contains("2 January 2026, 00:00 UTC"), "{part}");
    }
}

#[tokio::test]
async fn a_request_for_a_new_password_becomes_a_mail_with_the_link() {
    let links = |config: &mut Config| {
        let link = "https://app.example/reset?from=mail#{token}";
        config.mail.links.reset = Some(LinkTemplate::parse(link, "{token}").unwrap());
    };
    let desk = Desk::with(Arc::new(MemoryQueue::new()), links).await;
    reset(&desk, first_name(), 60 * 60).await;
    let mail = only_mail(&desk).await;
    assert_eq!(mail.subject, "Choose a new password for Moodify");
    let link = format!("https://app.example/reset?from=mail#{TOKEN}");
    assert!(mail.text.contains(&format!("\n{link}\n")), "{}", mail.text);
    assert!(shown(&mail.html).contains(&format!("href=\"{link}\"")), "{}", mail.html);
    assert!(mail.text.contains("1 hour (until 1 January 2026, 01:00 UTC)"), "{}", mail.text);
}

#[tokio::test]
async fn a_link_that_works_no_more_is_not_sent() {
    let desk = Desk::new().await;
    desk.server.set_down(true);
    reset(&desk, first_name(), 60 * 60).await;
    for _ in 0..20 {
        desk.work_off().await;
        desk.clock.advance(std::time::Duration::from_secs(600));
    }
    desk.server.set_down(false);
    desk.work_off().await;
    assert_eq!(desk.server.taken().len(), 0);
    let dead = desk.dead_letters().await;
    assert!(dead[0].reason.starts_with("the link expired at 2026-01-01T01:00:00"), "{}", dead[0].reason);
    assert!(!format!("{dead:?}").contains(TOKEN), "shown, a dead letter tells no secret");
    let shown = serde_json::to_string(&dead[0].event.clone().redacted()).unwrap();
    assert!(!shown.contains(TOKEN) && shown.contains("nina@example.com"), "{shown}");
}

#[tokio::test]
async fn a_changed_password_is_told_with_its_moment() {
    let desk = Desk::new().await;
    password_changed(&desk, first_name()).await;
    let mail = only_mail(&desk).await;
    assert_eq!(mail.subject, "Your password for Moodify was changed");
    assert!(mail.text.contains("was changed on 1 January 2026, 00:00 UTC."), "{}", mail.text);
    assert!(mail.html.contains("nina@example.com"));
}

const HOSTILE: &str = "<img src=x onerror=alert(1)>\"' {{ 1234567*3 }}{% raw %} </td></mj-text> &amp; ]]>";

/// The same without what no person's name may have.
const HOSTILE_NAME: &str = "<img src=x onerror=alert(1)>\"' {{ 1234567*3 }}{% raw %} &amp; ]]>";

/// A mail of every kind, with every value that a stranger chooses as hostile as its type allows.
async fn hostile_mails() -> Vec<Mail> {
    let desk = Desk::new().await;
    let name = || PersonName::parse(HOSTILE_NAME).unwrap();
    let created = AccountCreated {
        account_id: desk.context.new_id(),
        email: email("nina"),
        first_name: name(),
        role: Role::Artist,
        artist_id: None,
        artist_name: Some(ArtistName::parse(HOSTILE).unwrap()),
    };
    desk.publish(EventPayload::AccountCreated(created)).await;
    verification(&desk, name(), 3600).await;
    reset(&desk, name(), 3600).await;
    password_changed(&desk, name()).await;
    let artist = desk.context.new_id();
    let follower = desk.verified("fan", None).await;
    follow(&desk, follower, artist).await;
    desk.work_off().await;
    let mut published = track(&desk, artist);
    published.title = Title::parse(HOSTILE).unwrap();
    published.artist_name = ArtistName::parse(HOSTILE).unwrap();
    desk.publish(EventPayload::TrackPublished(published)).await;
    desk.work_off().await;
    let mails = desk.server.taken();
    assert_eq!(mails.len(), MailKind::ALL.len(), "{:?}", desk.dead_letters().await);
    mails
}

#[tokio::test]
async fn names_and_titles_stay_text_in_every_mail() {
    for mail in hostile_mails().await {
        let id = mail.message_id.as_str();
        assert!(!mail.html.contains("<img"), "{id}: {}", mail.html);
        assert!(!mail.html.contains("onerror=alert(1)>"), "{id}");
        assert!(!mail.html.contains("3703701"), "an expression was evaluated: {id}");
        assert!(
            mail.html.contains("&lt;img src=x") && mail.html.contains("&amp;amp;"),
            "{id}: {}",
            mail.html
        );
        assert!(!mail.subject.contains("img"), "a subject in somebody else's words: {}", mail.subject);
        let is_release = id.contains(".new_release@");
        assert_eq!(mail.text.contains(HOSTILE), is_release, "{id}: {}", mail.text);
        assert_eq!(mail.text.contains(HOSTILE_NAME), !is_release, "{id}: {}", mail.text);
        assert_eq!(mail.html.contains("&lt;&#x2f;td&gt;"), is_release, "{id}: {}", mail.html);
        let lines = [mail.subject.as_str(), id, &mail.to.name, &mail.from.name];
        assert!(lines.iter().all(|line| !line.contains(char::is_control)), "{lines:?}");
    }
}

#[tokio::test]
async fn names_with_line_breaks_never_reach_a_mail() {
    for evil in ["Ada\r\nBcc: eve@example.org", "Ada\nX: y", "Ada\u{85}X", "Ada\0"] {
        assert!(
            PersonName::parse(evil).is_err()
                && Title::parse(evil).is_err()
                && ArtistName::parse(evil).is_err()
        );
        let event = format!(
            r#"{{"id":"019aab3d-0006-7c4e-8f11-2b7d90a1c301","occurred_at":"2026-11-22T12:00:00Z","version":1,
            "kind":"password_changed","data":{{"account_id":"019aab3c-5cff-7e10-9a55-0d1b6c8e4f02",
            "email":"nina@example.org","first_name":{}}}}}"#,
            serde_json::to_string(evil).unwrap()
        );
        assert!(serde_json::from_str::<moodify_core::model::Event>(&event).is_err(), "{evil:?}");
    }
}

fn config(templates: Vec<TemplateSource>) -> Config {
    let mut config = Config::new("https://moodify.example".parse().unwrap());
    config.mail.templates = templates;
    config
}

fn template(kind: MailKind, form: TemplateForm, text: &str) -> TemplateSource {
    let extension = match form {
        TemplateForm::Mjml => "mjml",
        TemplateForm::Html => "html",
        TemplateForm::Text => "txt",
    };
    TemplateSource {
        kind,
        form,
        origin: format!("mails/{}.{extension}", kind.as_str()),
        text: text.to_owned(),
    }
}

#[test]
fn mails_ask_nothing_of_other_servers_and_suit_every_reader() {
    let config = config(Vec::new());
    let templates = Templates::load(&config).unwrap();
    for kind in MailKind::ALL {
        for (name, mail) in sample_mails(&templates, kind, &config).unwrap() {
            let html = shown(&mail.html);
            for remote in [" src=", "<link", "@import", "url(", "<script", "<iframe"] {
                assert!(!html.contains(remote), "{name}: {remote}: {html}");
            }
            for link in html.split("href=\"").skip(1) {
                assert!(link.starts_with("https://moodify.example/"), "{name}: {link:.60}");
            }
            assert!(html.contains("lang=\"en\"") && html.contains("<h1>"), "{name}");
            assert!(html.contains("prefers-color-scheme: dark"), "{name}");
            assert!(
                html.contains(&format!("<title>{}</title>", mail.subject.replace('&', "&amp;"))),
                "{name}: {html}"
            );
            assert!(!html.contains("<!-- content") && !html.contains("{{"), "{name}");
            assert!(mail.text.lines().all(|line| line.chars().count() <= 100), "{name}: {}", mail.text);
            assert!(mail.text.contains("\n--\nYou get this mail because"), "{name}: why");
            assert!(!mail.text.contains("none") && !mail.text.contains("\n\n\n"), "{name}: {}", mail.text);
        }
    }
}

#[test]
fn templates_of_ones_own_replace_parts_of_a_mail() {
    let text = "Hi {{ mail.first_name }}!\nCome to {{ public_url }} for {{ product_name }}.\n";
    let html = "<p>{{ subject }} {{ mail.first_name }}</p>";
    let config = config(vec![
        template(MailKind::Welcome, TemplateForm::Text, text),
        template(MailKind::Welcome, TemplateForm::Html, html),
    ]);
    let templates = Templates::load(&config).unwrap();
    let mails = sample_mails(&templates, MailKind::Welcome, &config).unwrap();
    let (name, artist) = &mails[1];
    assert_eq!(name, "welcome-artist");
    assert_eq!(
        (artist.subject.as_str(), artist.text.as_str()),
        ("Hi Nina!", "Come to https://moodify.example/ for Moodify.")
    );
    assert_eq!(artist.html, "<p>Hi Nina! Nina</p>");
}

#[test]
fn the_built_in_templates_can_be_taken_as_a_start() {
    let all = MailKind::ALL.into_iter().flat_map(|kind| {
        let (html, text) = built_in_templates(kind);
        [html, text]
    });
    let (own, plain) = (config(all.collect()), config(Vec::new()));
    let (own_templates, plain_templates) = (Templates::load(&own).unwrap(), Templates::load(&plain).unwrap());
    for kind in MailKind::ALL {
        let same = sample_mails(&own_templates, kind, &own).unwrap();
        assert_eq!(same, sample_mails(&plain_templates, kind, &plain).unwrap());
        assert!(value_names(kind, &plain).contains(&"first_name".to_owned()));
    }
}

#[test]
fn a_broken_template_is_told_with_its_file_and_line() {
    use TemplateForm::{Html, Mjml, Text};
    for (form, text, expected) in [
        (Text, "Hello\n\n{{ mail.nope }}\n", "mails/verify_email.txt, line 3: undefined value"),
        (Text, "Hello\n{% if %}\n", "mails/verify_email.txt, line 2: syntax error"),
        (Text, "\nHello\n", "mails/verify_email.txt, line 1: it makes a mail without a subject"),
        (Text, "Hello", "mails/verify_email.txt, line 1: it makes a mail without a text"),
        (Html, "<p>\n{{ mail.link | nope }}</p>", "mails/verify_email.html, line 2: unknown filter"),
        (
            Mjml,
            "<mjml>\n<mj-body>\n{{ mail.artist }}</mj-body></mjml>",
            "mails/verify_email.mjml, line 3: undefined value",
        ),
        (
            Mjml,
            "<mjml>\n<mj-body>\n<mj-nope></mj-nope></mj-body></mjml>",
            "mails/verify_email.mjml, line 3: there is no element `mj-nope`",
        ),
        (Mjml, "<mjml>\n<mj-body>\n", "mails/verify_email.mjml, line 3: an element is not closed"),
        (Mjml, "<p>no</p>", "mails/verify_email.mjml"),
        (Mjml, "", "mails/verify_email.mjml: there is no element `mjml`"),
    ] {
        let Err(fault) = Templates::load(&config(vec![template(MailKind::VerifyEmail, form, text)])) else {
            panic!("accepted: {text}");
        };
        assert!(fault.to_string().starts_with(expected), "{text:?}: {fault}");
    }
    let two = vec![
        template(MailKind::Welcome, Html, "<p></p>"),
        template(MailKind::Welcome, Mjml, "<mjml></mjml>"),
    ];
    let fault = Templates::load(&config(two)).map(drop).unwrap_err();
    assert_eq!(fault.to_string(), "mails/welcome.mjml: there is mails/welcome.html too: remove one of them");
}
