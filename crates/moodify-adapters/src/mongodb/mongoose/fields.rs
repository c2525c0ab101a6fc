use jiff::Timestamp;
use mongodb::bson::{RawBsonRef, RawDocument};

use super::id::OldId;

/// The fields of a document, whatever it is like.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a RawDocument);

impl<'a> Fields<'a> {
    /// The first of these fields that has a value; `Err` if it cannot be read.
    fn value(self, names: &[&str]) -> Result<Option<RawBsonRef<'a>>, Unreadable> {
        for name in names {
            match self.0.get(name).map_err(|_| Unreadable)? {
                None | Some(RawBsonRef::Null | RawBsonRef::Undefined) => {}
                found => return Ok(found),
            }
        }
        Ok(None)
    }

    fn readable(self, names: &[&str]) -> Option<RawBsonRef<'a>> {
        self.value(names).ok().flatten()
    }

    pub(super) fn id(self) -> OldId {
        self.reference(&["_id"]).unwrap_or_else(OldId::unreadable)
    }

    /// The id of another document, or of a copy of it that stands here.
    pub(super) fn reference(self, names: &[&str]) -> Option<OldId> {
        reference(self.readable(names)?)
    }

    /// An id that can be no name.
    pub(super) fn strict_reference(self, names: &[&str]) -> Option<OldId> {
        self.reference(names).filter(|id| id.made_at().is_some())
    }

    /// A list of them; `None` for what is none.
    pub(super) fn references(self, names: &[&str]) -> Option<Vec<Option<OldId>>> {
        let RawBsonRef::Array(all) = self.readable(names)? else { return None };
        Some(all.into_iter().map(|value| value.ok().and_then(reference)).collect())
    }

    /// A text that is more than blanks.
    pub(super) fn text(self, names: &[&str]) -> Option<String> {
        self.readable_text(names).ok().flatten()
    }

    /// The same, where it matters whether it is missing or cannot be read.
    pub(super) fn readable_text(self, names: &[&str]) -> Result<Option<String>, Unreadable> {
        match self.value(names)? {
            Some(RawBsonRef::String(text) | RawBsonRef::Symbol(text)) => {
                let text = text.trim();
                Ok((!text.is_empty()).then(|| text.to_owned()))
            }
            None => Ok(None),
            Some(_) => Err(Unreadable),
        }
    }

    pub(super) fn nested(self, name: &str) -> Option<Fields<'a>> {
        match self.readable(&[name])? {
            RawBsonRef::Document(document) => Some(Fields(document)),
            _ => None,
        }
    }

    pub(super) fn flag(self, names: &[&str]) -> Option<bool> {
        match self.readable(names)? {
            RawBsonRef::Boolean(flag) => Some(flag),
            RawBsonRef::Int32(number) => Some(number != 0),
            RawBsonRef::Int64(number) => Some(number != 0),
            RawBsonRef::Double(number) => Some(number != 0.0),
            RawBsonRef::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            _ => None,
        }
    }

    pub(super) fn count(self, names: &[&str]) -> Option<u64> {
        match self.readable(names)? {
            RawBsonRef::Int32(number) => u64::try_from(number).ok(),
            RawBsonRef::Int64(number) => u64::try_from(number).ok(),
            // JavaScript's numbers; greater ones would not be whole.
            RawBsonRef::Double(number) if (0.0..9e15).contains(&number) => Some(number as u64),
            _ => None,
        }
    }

    pub(super) fn moment(self, names: &[&str]) -> Option<Timestamp> {
        match self.readable(names)? {
            RawBsonRef::DateTime(moment) => Timestamp::from_millisecond(moment.timestamp_millis()).ok(),
            RawBsonRef::Int64(millis) => Timestamp::from_millisecond(millis).ok(),
            RawBsonRef::Double(millis) if (0.0..9e15).contains(&millis) => {
                Timestamp::from_millisecond(millis as i64).ok()
            }
            RawBsonRef::String(text) => text.trim().parse().ok(),
            _ => None,
        }
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
