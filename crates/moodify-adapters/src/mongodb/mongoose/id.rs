use std::fmt;

use jiff::Timestamp;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, RawBsonRef};

/// The id of an old document, of whatever type. An ObjectId that is written as text is the same one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OldId(Kind);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Object([u8; 12]),
    Text(String),
    Number(i64),
    Bytes(u8, Vec<u8>),
    /// Of a type that nobody uses for this: good enough to tell it from others.
    Odd(String),
}

impl OldId {
    /// What stands in the field `_id`, or in a reference to it.
    pub(super) fn read(value: RawBsonRef<'_>) -> Option<Self> {
        let kind = match value {
            RawBsonRef::ObjectId(id) => Kind::Object(id.bytes()),
            RawBsonRef::String(text) => match ObjectId::parse_str(text) {
                Ok(id) => Kind::Object(id.bytes()),
                Err(_) => Kind::Text(text.to_owned()),
            },
            RawBsonRef::Int32(number) => Kind::Number(number.into()),
            RawBsonRef::Int64(number) => Kind::Number(number),
            RawBsonRef::Double(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Kind::Number(number as i64)
            }
            RawBsonRef::Binary(binary) => Kind::Bytes(binary.subtype.into(), binary.bytes.to_vec()),
            RawBsonRef::Null | RawBsonRef::Undefined => return None,
            other => Kind::Odd(format!("{other:?}")),
        };
        Some(Self(kind))
    }

    /// The id of a document that has none that can be read.
    pub(super) fn unreadable() -> Self {
        Self(Kind::Odd("unreadable".to_owned()))
    }

    /// What to look for to find it, in every form that it may have there.
    pub(super) fn query(&self) -> Option<Vec<Bson>> {
        match &self.0 {
            Kind::Object(bytes) => {
                let id = ObjectId::from_bytes(*bytes);
                Some(vec![Bson::ObjectId(id), Bson::String(id.to_hex())])
            }
            Kind::Text(text) => Some(vec![Bson::String(text.clone())]),
            Kind::Number(number) => Some(vec![Bson::Int64(*number)]),
            Kind::Bytes(subtype, bytes) => {
                let subtype = BinarySubtype::from(*subtype);
                Some(vec![Bson::Binary(Binary { subtype, bytes: bytes.clone() })])
            }
            Kind::Odd(_) => None,
        }
    }

    /// When it was made, and its place among those of the same second: an ObjectId tells.
    pub fn made_at(&self) -> Option<(Timestamp, u32)> {
        let Kind::Object([a, b, c, d, .., x, y, z]) = self.0 else { return None };
        let seconds = u32::from_be_bytes([a, b, c, d]);
        let made_at = Timestamp::from_second(seconds.into()).ok()?;
        Some((made_at, u32::from_be_bytes([0, x, y, z])))
    }

    /// The id that is an ObjectId of these bytes.
    pub fn from_object_id(bytes: [u8; 12]) -> Self {
        Self(Kind::Object(bytes))
    }
}

/// As it is told, and as it is told apart: an ObjectId in hexadecimal, everything else with its type.
impl fmt::Display for OldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |f: &mut fmt::Formatter<'_>, bytes: &[u8]| {
            bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        };
        match &self.0 {
            Kind::Object(bytes) => hex(f, bytes),
            Kind::Text(text) => write!(f, "text:{text}"),
            Kind::Number(number) => write!(f, "number:{number}"),
            Kind::Bytes(subtype, bytes) => {
                write!(f, "binary{subtype}:")?;
                hex(f, bytes)
            }
            Kind::Odd(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{RawDocumentBuf, rawdoc};

    use super::*;

    fn id(document: &RawDocumentBuf) -> Option<OldId> {
        OldId::read(document.get("id").unwrap().unwrap())
    }

    #[test]
    fn an_object_id_is_the_same_however_it_is_written() {
        let hex = "65a0c1d2e3f4051627384950";
        let object = id(&rawdoc! { "id": ObjectId::parse_str(hex).unwrap() }).unwrap();
        assert_eq!(id(&rawdoc! { "id": hex }).unwrap(), object);
        assert_eq!(id(&rawdoc! { "id": hex.to_uppercase() }).unwrap(), object);
        assert_eq!(object.to_string(), hex);
        let (made_at, place) = object.made_at().unwrap();
        assert_eq!((made_at.as_second(), place), (0x65a0_c1d2, 0x38_4950));
        assert_eq!(object.query().unwrap().len(), 2);
    }

    #[test]
    fn ids_of_other_types_are_told_apart() {
        let all = [
            rawdoc! { "id": 5 },
            rawdoc! { "id": "5" },
            rawdoc! { "id": Binary { subtype: BinarySubtype::Uuid, bytes: vec![5] } },
            rawdoc! { "id": true },
        ];
        let shown: Vec<String> = all.iter().map(|document| id(document).unwrap().to_string()).collect();
        assert_eq!(shown[..3], ["number:5", "text:5", "binary4:05"]);
        assert_eq!(id(&rawdoc! { "id": 5_i64 }), id(&rawdoc! { "id": 5.0 }));
        assert!(all.iter().all(|document| id(document).unwrap().made_at().is_none()));
        assert_eq!(id(&rawdoc! { "id": null }), None);
    }
}
