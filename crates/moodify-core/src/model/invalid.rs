//! What is wrong with a value that somebody sent.

use serde::Serialize;

/// Why a value was refused, without saying where it stood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// Stable, in `snake_case`: `too_long`, `invalid_email`, …
    pub code: &'static str,
    /// One English sentence for a person; it never repeats the value.
    pub message: String,
}

impl Invalid {
    /// A refusal with this stable code and sentence.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The same refusal at this JSON pointer (RFC 6901), such as `/email`.
    #[must_use]
    pub fn at(self, pointer: impl Into<String>) -> FieldError {
        FieldError { pointer: pointer.into(), code: self.code, message: self.message }
    }
}

/// Why one field of a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the field.
    pub pointer: String,
    /// Stable code of the reason.
    pub code: &'static str,
    /// One English sentence for a person.
    pub message: String,
}
