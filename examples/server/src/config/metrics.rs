//! `[metrics]`

use std::net::SocketAddr;

use secrecy::SecretString;
use serde::Deserialize;

/// Who may read `/metrics`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Metrics {
    /// An address of its own, where clients do not come.
    pub(crate) listen: Option<SocketAddr>,
    token: Option<Token>,
}

impl Metrics {
    /// The bearer token that it takes.
    pub(crate) fn token(&self) -> Option<SecretString> {
        self.token.as_ref().map(|token| token.0.clone())
    }
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Token(SecretString);

impl TryFrom<String> for Token {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        /// Not to be guessed, though nothing counts the guesses.
        const MIN_CHARS: usize = 16;
        let plain = text.bytes().all(|b| b.is_ascii_graphic());
        if text.len() < MIN_CHARS || !plain {
            return Err(format!("{MIN_CHARS} or more letters, digits and signs without spaces are expected"));
        }
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn a_token_that_could_be_guessed_is_refused_without_repeating_it() {
        for text in ["", "hunter2", "hunter2 hunter2 hunter2", "hunter2-höntür2-hunter2"] {
            let error = Token::try_from(text.to_owned()).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let token = Token::try_from("hunter2-hunter2-hunter2".to_owned()).unwrap();
        assert!(!format!("{token:?}").contains("hunter2"));
    }
}
