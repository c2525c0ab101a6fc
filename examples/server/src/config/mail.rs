//! `[mail]`

use std::{num::NonZeroU32, path::PathBuf};

use moodify_core::{
    config::{MailConfig, MailLinks},
    model::{Email, LinkTemplate, Mailbox},
};
use serde::Deserialize;

/// What Google lets a personal mailbox send in a day.
const GMAIL_PER_DAY: u32 = 500;

/// Mail settings. What is not set has the default of [`MailConfig`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Mail {
    from: Option<Sender>,
    product_name: Option<ProductName>,
    verify_url: Option<TokenLink>,
    reset_url: Option<TokenLink>,
    track_url: Option<TrackLink>,
    artist_url: Option<ArtistLink>,
    max_per_day: Option<u32>,
    /// Where templates lie that replace the built-in ones.
    pub(crate) templates: Option<PathBuf>,
}

impl Mail {
    /// The typed configuration for a mailer of this scheme; templates are read apart from it.
    pub(crate) fn config(&self, mailer: &str) -> MailConfig {
        let default = MailConfig::default();
        let per_day = self.max_per_day.or((mailer == "gmail").then_some(GMAIL_PER_DAY));
        MailConfig {
            from: self.from.as_ref().map(|sender| sender.0.clone()).or(default.from),
            product_name: self.product_name.as_ref().map_or(default.product_name, |name| name.0.clone()),
            links: MailLinks {
                verify: self.verify_url.as_ref().map(|link| link.0.clone()),
                reset: self.reset_url.as_ref().map(|link| link.0.clone()),
                track: self.track_url.as_ref().map(|link| link.0.clone()),
                artist: self.artist_url.as_ref().map(|link| link.0.clone()),
            },
            templates: default.templates,
            max_per_day: per_day.and_then(NonZeroU32::new),
        }
    }
}

macro_rules! links {
    ($($name:ident = $gap:literal;)*) => {$(
        #[derive(Debug, Deserialize)]
        #[serde(try_from = "String")]
        struct $name(LinkTemplate);

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                LinkTemplate::parse(&text, $gap).map(Self)
            }
        }
    )*};
}

links! {
    TokenLink = "{token}";
    TrackLink = "{track_id}";
    ArtistLink = "{artist_id}";
}

/// `Name <address>`, or an address alone.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Sender(Mailbox);

impl TryFrom<String> for Sender {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, address)) => (name.trim(), address),
            None => ("", text.as_str()),
        };
        let email = Email::parse(address).map_err(|_| "`Name <name@example.com>` is expected")?;
        if name.contains(char::is_control) {
            return Err("a sender's name has no control characters");
        }
        Ok(Self(Mailbox { name: name.to_owned(), email }))
    }
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct ProductName(String);

impl TryFrom<String> for ProductName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.trim().is_empty() || text.contains(char::is_control) || text.chars().count() > 100 {
            return Err("a name of 1 to 100 characters on one line is expected");
        }
        Ok(Self(text.trim().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gmail_sets_a_pace_unless_somebody_does() {
        let per_day =
            |max_per_day, mailer| Mail { max_per_day, ..Mail::default() }.config(mailer).max_per_day;
        assert_eq!(per_day(None, "file"), None);
        assert_eq!(per_day(None, "gmail").map(NonZeroU32::get), Some(500));
        assert_eq!(per_day(Some(2_000), "gmail").map(NonZeroU32::get), Some(2_000));
        assert_eq!(per_day(Some(0), "gmail"), None);
    }

    #[test]
    fn senders_are_mailboxes() {
        let sender = |text: &str| Sender::try_from(text.to_owned()).map(|sender| sender.0);
        let named = sender("Moodify Mail <hello@moodify.example>").unwrap();
        assert_eq!((named.name.as_str(), named.email.as_str()), ("Moodify Mail", "hello@moodify.example"));
        assert_eq!(sender("hello@moodify.example").unwrap().name, "");
        for wrong in ["", "Moodify", "Moodify <hello>", "a\r\nBcc: b <hello@moodify.example>"] {
            assert!(sender(wrong).is_err(), "{wrong:?}");
        }
    }
}
