//! Lists in pages.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::Invalid;

/// How many items a page may have: 1 to 100, 20 unless asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(u8);

impl PageSize {
    /// As many as a page may have.
    pub const MAX: Self = Self(100);

    /// A page size from a request.
    ///
    /// # Errors
    /// `out_of_range`.
    pub fn new(limit: u32) -> Result<Self, Invalid> {
        match u8::try_from(limit) {
            Ok(limit @ 1..=100) => Ok(Self(limit)),
            _ => Err(Invalid::new("out_of_range", "A page has 1 to 100 items.")),
        }
    }

    /// The number of items.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(20)
    }
}

/// Part of a list, and where the rest begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, C> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The position after the last item; `None` at the end of the list.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// A page from one item more than it may have: the surplus proves that there is a next page.
    pub fn from_surplus(mut items: Vec<T>, size: PageSize, position: impl Fn(&T) -> C) -> Self {
        let more = items.len() > size.get();
        items.truncate(size.get());
        let next = if more { items.last().map(position) } else { None };
        Self { items, next }
    }
}

/// Writes a position as an opaque, URL-safe cursor.
pub fn encode_cursor<C: Serialize>(position: &C) -> String {
    // Positions are plain structs of numbers, ids and texts: JSON can hold all of them.
    serde_json::to_vec(position).map(|json| URL_SAFE_NO_PAD.encode(json)).unwrap_or_default()
}

/// Reads a cursor back.
///
/// # Errors
/// `invalid_cursor` for anything that [`encode_cursor`] would not have made for this list.
pub fn decode_cursor<C: DeserializeOwned>(cursor: &str) -> Result<C, Invalid> {
    let json = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign_cursor())?;
    let json: Value = serde_json::from_slice(&json).map_err(|_| foreign_cursor())?;
    if holds_null_character(&json) {
        return Err(foreign_cursor());
    }
    serde_json::from_value(json).map_err(|_| foreign_cursor())
}

/// No text of ours has one, and PostgreSQL does not even compare with it.
fn holds_null_character(json: &Value) -> bool {
    match json {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_null_character),
        Value::Object(fields) => fields.values().any(holds_null_character),
        _ => false,
    }
}

/// The refusal of a cursor that was made for another list, or by somebody else.
pub fn foreign_cursor() -> Invalid {
    Invalid::new("invalid_cursor", "This cursor does not belong to this list.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_somebody_made_up_is_refused() {
        assert_eq!(
            decode_cursor::<Vec<String>>(&encode_cursor(&["a\\u0000"])),
            Ok(vec!["a\\u0000".to_owned()])
        );
        for made_up in ["", "!", "bm8", &encode_cursor(&7), &encode_cursor(&["a", "b\0c"])] {
            assert_eq!(
                decode_cursor::<Vec<String>>(made_up).unwrap_err().code,
                "invalid_cursor",
                "{made_up}"
            );
        }
    }
}
