use jiff::Timestamp;
use mongodb::bson::{RawBsonRef, RawDocument};

use super::id::OldId;

/// The fields of a document, whatever it is like.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a RawDocument);

impl<'a> Fields<'a> {
    /// What can be made of the first of these fields that is something of the kind.
    fn first<T>(self, names: &[&str], read: impl Fn(RawBsonRef<'a>) -> Option<T>) -> Option<T> {
        names.iter().find_map(|name| read(self.0.get(name).ok().flatten()?))
    }

    pub(super) fn id(self) -> OldId {
        self.reference(&["_id"]).unwrap_or_else(OldId::unreadable)
    }

    /// The id of another document, or of a copy of it that stands here.
    pub(super) fn reference(self, names: &[&str]) -> Option<OldId> {
        self.first(names, reference)
    }

    /// An id that can be no name.
    pub(super) fn strict_reference(self, names: &[&str]) -> Option<OldId> {
        self.first(names, |value| reference(value).filter(|id| id.made_at().is_some()))
    }

    /// A list of them; `None` for what is none.
    pub(super) fn references(self, names: &[&str]) -> Option<Vec<Option<OldId>>> {
        self.first(names, |value| match value {
            RawBsonRef::Array(all) => {
                Some(all.into_iter().map(|value| value.ok().and_then(reference)).collect())
            }
            _ => None,
        })
    }

    /// A text that is more than blanks.
    pub(super) fn text(self, names: &[&str]) -> Option<String> {
        self.first(names, text)
    }

    /// The same, where it matters whether nothing is there or something else.
    pub(super) fn readable_text(self, names: &[&str]) -> Result<Option<String>, Unreadable> {
        for name in names {
            match self.0.get(name).map_err(|_| Unreadable)? {
                None | Some(RawBsonRef::Null | RawBsonRef::Undefined) => {}
                Some(RawBsonRef::String(blank)) if blank.trim().is_empty() => {}
                Some(value) => return text(value).ok_or(Unreadable).map(Some),
            }
        }
        Ok(None)
    }

    pub(super) fn nested(self, name: &str) -> Option<Fields<'a>> {
        self.first(&[name], |value| match value {
            RawBsonRef::Document(document) => Some(Fields(document)),
            _ => None,
        })
    }

    pub(super) fn flag(self, names: &[&str]) -> Option<bool> {
        self.first(names, |value| match value {
            RawBsonRef::Boolean(flag) => Some(flag),
            RawBsonRef::Int32(number) => Some(number != 0),
            RawBsonRef::Int64(number) => Some(number != 0),
            RawBsonRef::Double(number) => Some(number != 0.0),
            RawBsonRef::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            _ => None,
        })
    }

    pub(super) fn count(self, names: &[&str]) -> Option<u64> {
        self.first(names, |value| match value {
            RawBsonRef::Int32(number) => u64::try_from(number).ok(),
            RawBsonRef::Int64(number) => u64::try_from(number).ok(),
            // JavaScript's numbers; greater ones would not be whole.
            RawBsonRef::Double(number) if (0.0..9e15).contains(&number) => Some(number as u64),
            _ => None,
        })
    }

    pub(super) fn moment(self, names: &[&str]) -> Option<Timestamp> {
        self.first(names, |value| match value {
            RawBsonRef::DateTime(moment) => Timestamp::from_millisecond(moment.timestamp_millis()).ok(),
            RawBsonRef::Int64(millis) => Timestamp::from_millisecond(millis).ok(),
            RawBsonRef::Double(millis) if (0.0..9e15).contains(&millis) => {
                Timestamp::from_millisecond(millis as i64).ok()
            }
            RawBsonRef::String(text) => text.trim().parse().ok(),
            _ => None,
        })
    }
}

fn text(value: RawBsonRef<'_>) -> Option<String> {
    match value {
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) => {
            let text = text.trim();
            (!text.is_empty()).then(|| text.to_owned())
        }
        _ => None,
    }
}

/// Something is there, but no text, or none in UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

fn reference(value: RawBsonRef<'_>) -> Option<OldId> {
    match value {
        RawBsonRef::Document(document) => Fields(document).reference(&["_id", "id", "musicId", "music"]),
        value => OldId::read(value),
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{DateTime, RawDocumentBuf, oid::ObjectId, rawdoc};

    use super::*;

    #[test]
    fn fields_are_what_they_can_be_and_nothing_else() {
        let document = rawdoc! {
            "blank": "  ", "text": " Ada ", "number": 7, "null": null, "float": 3.0, "minus": -1,
            "at": DateTime::from_millis(1_700_000_000_123), "iso": "2023-11-14T22:13:20.123Z", "no": "false",
        };
        let fields = Fields(&document);
        assert_eq!(fields.text(&["none", "null", "text"]).as_deref(), Some("Ada"));
        assert_eq!((fields.text(&["blank"]), fields.text(&["number"])), (None, None));
        assert_eq!(fields.readable_text(&["number"]), Err(Unreadable));
        assert_eq!(fields.readable_text(&["none"]), Ok(None));
        assert_eq!(fields.moment(&["at"]), fields.moment(&["iso"]));
        assert_eq!(fields.moment(&["at"]).unwrap().as_millisecond(), 1_700_000_000_123);
        assert_eq!((fields.flag(&["no"]), fields.flag(&["text"])), (Some(false), None));
        assert_eq!((fields.count(&["float"]), fields.count(&["minus"])), (Some(3), None));
    }

    #[test]
    fn references_are_ids_or_copies() {
        let id = ObjectId::from_bytes([7; 12]);
        let document = rawdoc! { "all": [id, { "_id": id }, { "music": id }, "x", null], "one": "Nina" };
        let fields = Fields(&document);
        let expected = OldId::from_object_id([7; 12]);
        let all = fields.references(&["all"]).unwrap();
        assert!(all[..3].iter().all(|found| found.as_ref() == Some(&expected)), "{all:?}");
        assert_eq!(all[3].as_ref().unwrap().to_string(), "text:x");
        assert_eq!(all[4], None);
        assert_eq!(fields.references(&["one"]), None);
        assert!(fields.reference(&["one"]).is_some() && fields.strict_reference(&["one"]).is_none());
    }

    #[test]
    fn a_text_that_is_no_utf8_spoils_nothing_else() {
        let mut bytes = rawdoc! { "key": "abcd", "title": "Tide" }.into_bytes();
        let at = bytes.windows(4).position(|four| four == b"abcd").unwrap();
        bytes[at] = 0xff;
        let document = RawDocumentBuf::from_bytes(bytes).unwrap();
        let fields = Fields(&document);
        assert_eq!(fields.readable_text(&["key"]), Err(Unreadable));
        assert_eq!(fields.text(&["title"]).as_deref(), Some("Tide"));
    }
}
