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
    let text: String = text.trim().nfc().collect();
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

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident($min:literal ..= $max:literal);)*) => {$(
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
            /// `required`, `too_long` or `control_character`.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                clean(text, $min, $max).map(Self)
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
    /// A first or last name.
    PersonName(1..=100);
    /// The name an artist performs under.
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
