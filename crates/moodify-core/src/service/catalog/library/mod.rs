//! What a listener does with the catalogue.

pub(super) mod artists;
pub(super) mod changes;
mod follows;
mod likes;
pub(super) mod plays;
pub(super) mod stats;

use serde::de::DeserializeOwned;

use crate::Error;
use crate::model::page::decode_cursor;

/// The position in a list that a cursor stands for.
fn position<C: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<C>, Error> {
    cursor.map(decode_cursor).transpose().map_err(|why| Error::invalid("/cursor", why))
}
