//! What an operator is told when something does not work.

use std::fmt;

/// One fault, in words for the person who can mend it: what is wrong, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    fix: String,
}

impl Failure {
    /// Neither part ends in a full stop.
    pub(crate) fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }

    /// What is wrong.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// What to do about it.
    pub(crate) fn fix(&self) -> &str {
        &self.fix
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\nwhat to do: {}", self.what, self.fix)
    }
}

/// An error and all its causes, on one line.
pub(crate) fn one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Many errors repeat their cause in their own words.
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    // Ports put this word before a driver's error; it says nothing to an operator.
    let text = text.strip_prefix("unavailable: ").unwrap_or(&text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_is_told_once_with_its_causes_on_one_line() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot open\n the database")]
        struct Outer(#[source] io::Error);
        assert_eq!(one_line(&Outer(io::Error::other("disk full"))), "cannot open the database: disk full");

        #[derive(Debug, thiserror::Error)]
        #[error("failed: {0}")]
        struct Repeating(#[source] io::Error);
        assert_eq!(one_line(&Repeating(io::Error::other("disk full"))), "failed: disk full");
    }
}
