//! Names and titles that somebody typed into a system with other rules: taken as they are, or mended.

use moodify_core::model::{ArtistName, Description, Genre, Invalid, PersonName, Title};

/// A text, and whether it is another one than was given.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken<T> {
    pub(super) text: T,
    pub(super) changed: bool,
}

pub(super) fn person(given: &str) -> Option<Taken<PersonName>> {
    taken(given, PersonName::MAX_CHARS, PersonName::parse)
}

pub(super) fn artist(given: &str) -> Option<Taken<ArtistName>> {
    taken(given, ArtistName::MAX_CHARS, ArtistName::parse)
}

pub(super) fn title(given: &str) -> Option<Taken<Title>> {
    taken(given, Title::MAX_CHARS, Title::parse)
}

pub(super) fn description(given: &str) -> Option<Taken<Description>> {
    taken(given, Description::MAX_CHARS, Description::parse)
}

/// One that is no good is left out: the file's tag may have a better one.
pub(super) fn genre(given: Option<&str>) -> Option<Genre> {
    Some(taken(given?, Genre::MAX_CHARS, Genre::parse)?.text)
}

/// What a mailbox is called, as somebody's first name.
pub(super) fn person_of_mailbox(email: &str) -> Option<PersonName> {
    let local = email.split(['@', '+']).next()?;
    Some(person(&local.replace(['.', '_', '-'], " "))?.text)
}

/// As it is; else without control characters and what is too long; else without what reads like a link, too.
fn taken<T>(given: &str, max: usize, parse: fn(&str) -> Result<T, Invalid>) -> Option<Taken<T>> {
    if let Ok(text) = parse(given) {
        return Some(Taken { text, changed: false });
    }
    // The core refuses them all, and says which they are.
    let is_plain =
        |c: &char| !c.is_control() && !matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let blank = |c: char| if c.is_whitespace() { ' ' } else { c };
    let plain: String = given.trim().chars().map(blank).filter(is_plain).take(max).collect();
    let no_link = plain.replace(['/', '\\', '.', '\u{2024}', '\u{3002}', '\u{FF0E}', '\u{FF61}'], " ");
    let mended = parse(&plain).or_else(|_| parse(&no_link)).ok()?;
    Some(Taken { text: mended, changed: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_as_they_are_or_mended() {
        for (given, name, changed) in [
            (" Ada ", "Ada", false),
            ("Ada\u{202E}\0", "Ada", true),
            ("Ada\nTide", "Ada Tide", true),
            ("evil.example", "evil example", true),
            ("http://evil.example/win", "http:  evil example win", true),
        ] {
            let taken = person(given).unwrap();
            assert_eq!((taken.text.as_str(), taken.changed), (name, changed), "{given}");
        }
        assert_eq!(person(&"x".repeat(5000)).unwrap().text.as_str().len(), PersonName::MAX_CHARS);
        assert_eq!(person("..."), Some(Taken { text: PersonName::parse("...").unwrap(), changed: false }));
        for nothing in ["", " ", "\0", "\u{202E}"] {
            assert_eq!(person(nothing), None);
        }
        assert_eq!(artist("AC/DC").unwrap().text.as_str(), "AC/DC");
        assert_eq!(title(&"夜".repeat(300)).unwrap().text.as_str().chars().count(), Title::MAX_CHARS);
        assert_eq!(genre(Some("\0")), None);
    }

    #[test]
    fn a_mailbox_has_a_name_too() {
        assert_eq!(person_of_mailbox("ada.tide+music@example.org").unwrap().as_str(), "ada tide");
        assert_eq!(person_of_mailbox("_@example.org"), None);
    }
}
