use std::borrow::Cow;

use jiff::Timestamp;
use moodify_core::model::{
    AccountId, ArtistId, EntryId, Epoch, EventId, KeyId, MediaId, PlaylistId, SessionId, TrackId, UploadId,
};

/// What every database of this module stores alike. Nulls keep their type: PostgreSQL asks for it.
#[derive(Clone)]
pub(in crate::sql) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// A statement in the SQL that SQLite and PostgreSQL share, with `$1`, `$2`, … for its values.
pub(in crate::sql) struct Statement {
    pub(super) sql: Cow<'static, str>,
    pub(super) values: Vec<Value>,
    pub(super) reusable: bool,
    /// Where in the text the query ends that skips locked rows.
    pub(super) skips_locked: Option<usize>,
    #[cfg(test)]
    pub(super) explained: bool,
}

impl Statement {
    pub(in crate::sql) fn new(sql: &'static str) -> Self {
        Self {
            sql: sql.into(),
            values: Vec::new(),
            reusable: true,
            skips_locked: None,
            #[cfg(test)]
            explained: false,
        }
    }

    /// For statements whose text is rarely the same twice: not kept prepared.
    pub(in crate::sql) fn one_off(mut self) -> Self {
        self.reusable = false;
        self
    }

    /// Asks for the plan instead of the rows: one row per step, in the column `detail` (SQLite) or
    /// `QUERY PLAN` (PostgreSQL).
    #[cfg(test)]
    pub(in crate::sql) fn explained(mut self) -> Self {
        self.explained = true;
        self
    }

    /// Ends a query that chooses rows to change, as a part of the statement: it locks them, and passes
    /// over those that another process has locked. Right after its `LIMIT`; once in a statement.
    pub(in crate::sql) fn skip_locked(mut self) -> Self {
        self.skips_locked = Some(self.sql.len());
        self
    }

    /// [`Self::push`] by value.
    pub(in crate::sql) fn then(mut self, sql: &str) -> Self {
        self.push(sql);
        self
    }

    /// Gives the next number a value.
    pub(in crate::sql) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Continues the text. Only our own words, never anybody's input.
    pub(in crate::sql) fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.to_mut().push_str(sql);
        self
    }

    /// Continues the text with the next number, and gives it a value.
    pub(in crate::sql) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        let placeholder = format!("${}", self.values.len());
        self.push(&placeholder)
    }

    /// Continues the text with ` IN (…)`. The last value comes as often as it takes to a power of two:
    /// statements for lists of any length have few texts, and are kept prepared.
    pub(in crate::sql) fn push_in<T: Into<Value> + Copy>(&mut self, values: &[T]) -> &mut Self {
        let length = values.len().next_power_of_two();
        let padding = values.last().into_iter().cycle().take(length - values.len());
        self.push(" IN (").push_list(values.iter().chain(padding), |list, value| {
            list.push_bind(*value);
        });
        self.push(")")
    }

    /// Continues the text with several items, separated by commas.
    pub(in crate::sql) fn push_list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        push: impl Fn(&mut Self, T),
    ) -> &mut Self {
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            push(self, item);
        }
        self
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(Some(value.into()))
    }
}

impl From<u64> for Value {
    // Counts and sizes: none comes near 2^63.
    fn from(value: u64) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(Some(value.into()))
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(Some(value.as_microsecond()))
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(value: Option<Timestamp>) -> Self {
        Self::Int(value.map(Timestamp::as_microsecond))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<[u8; 32]> for Value {
    fn from(value: [u8; 32]) -> Self {
        Self::Bytes(Some(value.to_vec()))
    }
}

macro_rules! from_ids {
    ($($id:ty),*) => {$(
        impl From<$id> for Value {
            fn from(id: $id) -> Self {
                Some(id).into()
            }
        }

        impl From<Option<$id>> for Value {
            fn from(id: Option<$id>) -> Self {
                Self::Bytes(id.map(|id| id.as_uuid().as_bytes().to_vec()))
            }
        }
    )*};
}

from_ids!(
    AccountId, ArtistId, EntryId, Epoch, EventId, KeyId, MediaId, PlaylistId, SessionId, TrackId, UploadId
);
