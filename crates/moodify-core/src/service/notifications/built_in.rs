//! The templates that come with Moodify: one layout for all, so that they look like one family.

use crate::config::{TemplateForm, TemplateSource};
use crate::model::MailKind;

const LAYOUT: &str = include_str!("templates/layout.mjml");

/// The parts of a mail that stand in the layout, and its text.
fn parts(kind: MailKind) -> (&'static str, &'static str) {
    match kind {
        MailKind::Welcome => (include_str!("templates/welcome.mjml"), include_str!("templates/welcome.txt")),
        MailKind::VerifyEmail => {
            (include_str!("templates/verify_email.mjml"), include_str!("templates/verify_email.txt"))
        }
        MailKind::ResetPassword => {
            (include_str!("templates/reset_password.mjml"), include_str!("templates/reset_password.txt"))
        }
        MailKind::PasswordChanged => {
            (include_str!("templates/password_changed.mjml"), include_str!("templates/password_changed.txt"))
        }
        MailKind::NewRelease => {
            (include_str!("templates/new_release.mjml"), include_str!("templates/new_release.txt"))
        }
    }
}

/// The whole templates of a mail, HTML and text: also what somebody who wants others begins with.
pub fn sources(kind: MailKind) -> (TemplateSource, TemplateSource) {
    let (parts, text) = parts(kind);
    let mut layout = LAYOUT.to_owned();
    for slot in ["preview", "content", "reason"] {
        layout = layout.replace(&format!("<!-- {slot} -->"), part(parts, slot));
    }
    let source = |form, extension, text| TemplateSource {
        kind,
        form,
        origin: format!("built-in {}.{extension}", kind.as_str()),
        text,
    };
    (source(TemplateForm::Mjml, "mjml", layout), source(TemplateForm::Text, "txt", text.to_owned()))
}

/// What stands between the mark of this slot and the next mark.
fn part<'a>(parts: &'a str, slot: &str) -> &'a str {
    let rest = parts.split_once(&format!("<!-- {slot} -->")).map_or("", |(_, rest)| rest);
    rest.split("<!-- ").next().unwrap_or(rest).trim()
}
