use jiff::Timestamp;
use sqlx::Row as _;
use uuid::Uuid;

use crate::sql::error::Fault;

/// A row of whichever database.
pub(in crate::sql) enum Row {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgRow),
}

/// Reads one column of whichever database as this type.
macro_rules! get {
    ($self:ident, $column:ident as $type:ty) => {
        match $self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => row.try_get::<$type, _>($column),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => row.try_get::<$type, _>($column),
        }
    };
}

impl Row {
    pub(in crate::sql) fn int(&self, column: &str) -> Result<i64, Fault> {
        self.optional_int(column)?.ok_or_else(|| Fault::stored(column))
    }

    pub(in crate::sql) fn optional_int(&self, column: &str) -> Result<Option<i64>, Fault> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => Ok(row.try_get(column)?),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => Ok(super::postgres::optional_int(row, column)?),
        }
    }

    /// A count or size.
    pub(in crate::sql) fn unsigned<T: TryFrom<i64>>(&self, column: &str) -> Result<T, Fault> {
        T::try_from(self.int(column)?).map_err(|_| Fault::stored(column))
    }

    pub(in crate::sql) fn flag(&self, column: &str) -> Result<bool, Fault> {
        Ok(self.int(column)? != 0)
    }

    pub(in crate::sql) fn time(&self, column: &str) -> Result<Timestamp, Fault> {
        Timestamp::from_microsecond(self.int(column)?).map_err(|_| Fault::stored(column))
    }

    pub(in crate::sql) fn text(&self, column: &str) -> Result<String, Fault> {
        Ok(get!(self, column as String)?)
    }

    pub(in crate::sql) fn optional_text(&self, column: &str) -> Result<Option<String>, Fault> {
        Ok(get!(self, column as Option<String>)?)
    }

    /// A text that was checked before it was stored.
    pub(in crate::sql) fn checked<T: TryFrom<String>>(&self, column: &str) -> Result<T, Fault> {
        T::try_from(self.text(column)?).map_err(|_| Fault::stored(column))
    }

    /// The same for a column that may be empty.
    pub(in crate::sql) fn optional_checked<T: TryFrom<String>>(
        &self,
        column: &str,
    ) -> Result<Option<T>, Fault> {
        self.optional_text(column)?
            .map(|text| T::try_from(text).map_err(|_| Fault::stored(column)))
            .transpose()
    }

    pub(in crate::sql) fn bytes32(&self, column: &str) -> Result<[u8; 32], Fault> {
        get!(self, column as Vec<u8>)?.try_into().map_err(|_| Fault::stored(column))
    }

    pub(in crate::sql) fn id<T: From<Uuid>>(&self, column: &str) -> Result<T, Fault> {
        self.optional_id(column)?.ok_or_else(|| Fault::stored(column))
    }

    pub(in crate::sql) fn optional_id<T: From<Uuid>>(&self, column: &str) -> Result<Option<T>, Fault> {
        get!(self, column as Option<Vec<u8>>)?
            .map(|bytes| Uuid::from_slice(&bytes).map(T::from).map_err(|_| Fault::stored(column)))
            .transpose()
    }
}
