//! Names and titles as people write them.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::Invalid;

/// Trims and composes (NFC) a text, then checks its length in characters.
///
/// # Errors
/// `required`, `too_long`, or `control_character`. Bidirectional overrides count as control
/// characters: they let a name pass for another one (Unicode TR 36, 3.1).
fn clean(text: &str, min: usize, max: usize) -> Result<String, Invalid> {
    // Composition can lengthen a text at most threefold: this bounds the work before it starts.
    if text.len() > max * 4 * 3 {
        return Err(too_long(max));
    }
    let text = text.trim();
    // ASCII is composed as it is: every read of a stored text comes by here.
    let text: String = if text.is_ascii() { text.to_owned() } else { text.nfc().collect() };
    if text.chars().any(|c| c.is_control() || is_bidi_control(c)) {
        return Err(Invalid::new("control_character", "Control characters are not allowed here."));
    }
    match text.chars().count() {
        n if n < min => Err(Invalid::new("required", "This must not be empty.")),
        n if n > max => Err(too_long(max)),
        _ => Ok(text),
    }
}

fn too_long(max: usize) -> Invalid {
    Invalid::new("too_long", format!("This must not be longer than {max} characters."))
}

fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Refuses what mail programs make a link of: mails greet by a name that anybody can sign up with, at
/// addresses that nobody has proved.
fn no_link(name: String) -> Result<String, Invalid> {
    // How addresses may write the dot (Unicode TS 46).
    const DOTS: [char; 5] = ['.', '\u{2024}', '\u{3002}', '\u{FF0E}', '\u{FF61}'];
    let labels: Vec<&str> = name.split(DOTS).collect();
    let is_host = |pair: &[&str]| match pair {
        // No domain ends in one letter: J.R.R. is a name.
        [before, after] => {
            before.ends_with(char::is_alphanumeric)
                && (after.chars().take(2).filter(|c| c.is_alphanumeric()).count() == 2
                    || before.to_lowercase().ends_with("www"))
        }
        _ => false,
    };
    if name.contains(['/', '\\']) || labels.windows(2).any(is_host) {
        let message = "This reads like a link. Write a space behind a dot, and no slashes.";
        return Err(Invalid::new("looks_like_link", message));
    }
    Ok(name)
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident($min:literal ..= $max:literal) $(, $check:path)?;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The longest this may be, in characters.
            pub const MAX_CHARS: usize = $max;

            /// Trims, composes (NFC) and checks a text.
            ///
            /// # Errors
            /// `required`, `too_long` or `control_character`; of a person's name also `looks_like_link`.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                clean(text, $min, $max)$(.and_then($check))?.map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

texts! {
    /// A first or last name. It stands in mails to whoever somebody says they are.
    PersonName(1..=100), no_link;
    /// The name an artist performs under. It may read like a link (will.i.am, AC/DC), so it stands in no
    /// mail to a mailbox that nobody has proved.
    ArtistName(1..=100);
    /// The title of a track or playlist.
    Title(1..=200);
    /// What a playlist is about; may be empty.
    Description(0..=2000);
    /// A genre, as the artist calls it.
    Genre(1..=50);
    /// What a device is called on the listener's other devices.
    DeviceName(1..=100);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composes_and_trims() {
        let title = Title::parse("  Cafe\u{301} ").unwrap();
        assert_eq!(title.as_str(), "Caf\u{e9}");
    }

    #[test]
    fn no_mail_program_makes_a_link_of_a_name() {
        for name in [
            "Ada",
            "J. R. R.",
            "J.R.R.",
            "St. John",
            "O'Brien",
            "Jean-Luc",
            "Mary Jane",
            "Smith Jr.",
            "Dr. h. c.",
            "M\u{fc}ller-L\u{fc}denscheidt",
            "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
            "夜に。",
            "...",
            "<b>Eve",
        ] {
            assert_eq!(PersonName::parse(name).unwrap().as_str(), name);
        }
        for link in [
            "http://evil.example/win",
            "https://evil",
            "//evil",
            "evil.example",
            "You won: EVIL.EXAMPLE now",
            "go to t.co",
            "www.x",
            "WWW.evil",
            "a@evil.example",
            "evil.example.",
            "192.168.10.20",
            "evil\u{3002}example",
            "evil\u{ff0e}example",
            "b\u{fc}cher.\u{440}\u{444}",
            "\\\\evil\\win",
            "evil/win",
        ] {
            assert_eq!(PersonName::parse(link).unwrap_err().code, "looks_like_link", "{link}");
        }
        for name in ["will.i.am", "AC/DC", "deadmau5", "A.CHAL", "Portugal. The Man"] {
            assert!(ArtistName::parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn refuses_what_could_deceive_or_break() {
        for (text, code) in [
            ("", "required"),
            (" \t ", "required"),
            ("a\0b", "control_character"),
            ("a\r\nBcc: b@c.d", "control_character"),
            ("abc\u{202E}fdp", "control_character"),
            (&"x".repeat(201), "too_long"),
            (&"\u{1F3B5}".repeat(10_000), "too_long"),
        ] {
            assert_eq!(Title::parse(text).unwrap_err().code, code, "{text:?}");
        }
        assert!(Title::parse(&"\u{1F3B5}".repeat(200)).is_ok());
        assert!(Title::parse("\u{5E9}\u{5DC}\u{5D5}\u{5DD}").is_ok());
    }
}
