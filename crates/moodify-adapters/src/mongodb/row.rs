//! One document, read field by field; and what values look like in it.

use jiff::Timestamp;
use mongodb::bson::{Binary, Bson, Document, RawBsonRef, RawDocument, spec::BinarySubtype};
use moodify_core::model::{
    AccountId, ArtistId, EntryId, Epoch, EventId, KeyId, MediaId, PlaylistId, SessionId, TrackId, UploadId,
};
use uuid::Uuid;

use super::error::Fault;

/// A document that was read: as the driver's maps have it, or [`Flat`].
pub(super) struct Row<D = Document>(pub(super) D);

/// What has fields.
pub(super) trait Fields {
    fn value(&self, field: &str) -> Option<Value<'_>>;
}

/// A value of a field, as far as fields of ours have values.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Null,
    Flag(bool),
    Int(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Other,
}

impl Fields for Document {
    fn value(&self, field: &str) -> Option<Value<'_>> {
        Some(match self.get(field)? {
            Bson::Null => Value::Null,
            Bson::Boolean(flag) => Value::Flag(*flag),
            // Integers come in two widths: aggregations choose by themselves.
            Bson::Int64(value) => Value::Int(*value),
            Bson::Int32(value) => Value::Int((*value).into()),
            Bson::String(text) => Value::Text(text),
            Bson::Binary(binary) => Value::Bytes(&binary.bytes),
            _ => Value::Other,
        })
    }
}

/// The fields of a document as they stand in the server's answer: nothing is copied, and a list this short is
/// searched sooner than a map is made.
pub(super) struct Flat<'d>(Vec<(&'d str, RawBsonRef<'d>)>);

impl<'d> Flat<'d> {
    /// What an ordinary document of ours has at most.
    const USUAL: usize = 20;

    pub(super) fn of(document: &'d RawDocument) -> Result<Self, Fault> {
        let mut fields = Vec::with_capacity(Self::USUAL);
        for field in document {
            let (name, value) = field.map_err(|_| Fault::stored("a document"))?;
            fields.push((name.as_str(), value));
        }
        Ok(Self(fields))
    }

    fn raw(&self, field: &str) -> Option<RawBsonRef<'d>> {
        self.0.iter().find(|(name, _)| *name == field).map(|(_, value)| *value)
    }
}

impl Fields for Flat<'_> {
    fn value(&self, field: &str) -> Option<Value<'_>> {
        Some(match self.raw(field)? {
            RawBsonRef::Null => Value::Null,
            RawBsonRef::Boolean(flag) => Value::Flag(flag),
            RawBsonRef::Int64(value) => Value::Int(value),
            RawBsonRef::Int32(value) => Value::Int(value.into()),
            RawBsonRef::String(text) => Value::Text(text),
            RawBsonRef::Binary(binary) => Value::Bytes(binary.bytes),
            _ => Value::Other,
        })
    }
}

impl<'d> Row<Flat<'d>> {
    /// The documents of an array, each read by this.
    pub(super) fn each<T>(
        &self,
        field: &str,
        read: impl Fn(&Row<Flat<'d>>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let Some(RawBsonRef::Array(items)) = self.0.raw(field) else { return Err(Fault::stored(field)) };
        let read = items.into_iter().map(|item| match item {
            Ok(RawBsonRef::Document(document)) => read(&Row(Flat::of(document)?)),
            _ => Err(Fault::stored(field)),
        });
        read.collect()
    }
}

impl<D: Fields> Row<D> {
    fn present(&self, field: &str) -> Option<Value<'_>> {
        self.0.value(field).filter(|value| !matches!(value, Value::Null))
    }

    pub(super) fn int(&self, field: &str) -> Result<i64, Fault> {
        self.optional_int(field)?.ok_or_else(|| Fault::stored(field))
    }

    pub(super) fn optional_int(&self, field: &str) -> Result<Option<i64>, Fault> {
        match self.present(field) {
            None => Ok(None),
            Some(Value::Int(value)) => Ok(Some(value)),
            Some(_) => Err(Fault::stored(field)),
        }
    }

    /// A count or size.
    pub(super) fn unsigned<T: TryFrom<i64>>(&self, field: &str) -> Result<T, Fault> {
        T::try_from(self.int(field)?).map_err(|_| Fault::stored(field))
    }

    pub(super) fn flag(&self, field: &str) -> Result<bool, Fault> {
        match self.0.value(field) {
            Some(Value::Flag(flag)) => Ok(flag),
            _ => Err(Fault::stored(field)),
        }
    }

    pub(super) fn time(&self, field: &str) -> Result<Timestamp, Fault> {
        self.optional_time(field)?.ok_or_else(|| Fault::stored(field))
    }

    pub(super) fn optional_time(&self, field: &str) -> Result<Option<Timestamp>, Fault> {
        let micros = self.optional_int(field)?;
        micros.map(|micros| Timestamp::from_microsecond(micros).map_err(|_| Fault::stored(field))).transpose()
    }

    pub(super) fn text(&self, field: &str) -> Result<&str, Fault> {
        self.optional_text(field)?.ok_or_else(|| Fault::stored(field))
    }

    pub(super) fn optional_text(&self, field: &str) -> Result<Option<&str>, Fault> {
        match self.present(field) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(Fault::stored(field)),
        }
    }

    /// A text that was checked before it was stored.
    pub(super) fn checked<T: TryFrom<String>>(&self, field: &str) -> Result<T, Fault> {
        self.optional_checked(field)?.ok_or_else(|| Fault::stored(field))
    }

    /// The same for a field that may be empty.
    pub(super) fn optional_checked<T: TryFrom<String>>(&self, field: &str) -> Result<Option<T>, Fault> {
        let text = self.optional_text(field)?;
        text.map(|text| T::try_from(text.to_owned()).map_err(|_| Fault::stored(field))).transpose()
    }

    /// A value that is kept as JSON.
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, field: &str) -> Result<T, Fault> {
        serde_json::from_str(self.text(field)?).map_err(|_| Fault::stored(field))
    }

    pub(super) fn bytes32(&self, field: &str) -> Result<[u8; 32], Fault> {
        let bytes = self.optional_bytes(field)?.ok_or_else(|| Fault::stored(field))?;
        bytes.try_into().map_err(|_| Fault::stored(field))
    }

    pub(super) fn id<T: From<Uuid>>(&self, field: &str) -> Result<T, Fault> {
        self.optional_id(field)?.ok_or_else(|| Fault::stored(field))
    }

    pub(super) fn optional_id<T: From<Uuid>>(&self, field: &str) -> Result<Option<T>, Fault> {
        let bytes = self.optional_bytes(field)?;
        bytes.map(|bytes| Uuid::from_slice(bytes).map(T::from).map_err(|_| Fault::stored(field))).transpose()
    }

    pub(super) fn optional_bytes(&self, field: &str) -> Result<Option<&[u8]>, Fault> {
        match self.present(field) {
            None => Ok(None),
            Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
            Some(_) => Err(Fault::stored(field)),
        }
    }
}

/// What identifies something: a binary UUID, which sorts as the identifier does.
pub(super) trait Key: Copy {
    fn key(self) -> Bson;
}

macro_rules! keys {
    ($($id:ty),*) => {$(
        impl Key for $id {
            fn key(self) -> Bson {
                let bytes = self.as_uuid().as_bytes().to_vec();
                Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes })
            }
        }
    )*};
}

keys!(AccountId, ArtistId, EntryId, Epoch, EventId, KeyId, MediaId, PlaylistId, SessionId, TrackId, UploadId);

impl<T: Key> Key for Option<T> {
    fn key(self) -> Bson {
        self.map_or(Bson::Null, Key::key)
    }
}

/// The keys of several things.
pub(super) fn keys<T: Key>(ids: &[T]) -> Vec<Bson> {
    ids.iter().map(|id| id.key()).collect()
}

pub(super) fn bytes(value: [u8; 32]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: value.to_vec() })
}

/// A moment, to the microsecond: the database's own dates know milliseconds only.
pub(super) fn micros(moment: Timestamp) -> i64 {
    moment.as_microsecond()
}

/// A count or size: none comes near 2^63.
pub(super) fn number(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// A value that is kept as JSON.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::encode)
}
