use super::{Accounts, Jwks};
use crate::Error;
use crate::model::Caller;

impl Accounts {
    /// Who holds this access token.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] if it is not ours or has expired.
    pub async fn authenticate(&self, access_token: &str) -> Result<Caller, Error> {
        self.inner.tokens.verify(access_token).await
    }

    /// Whether this process knows a key that verifies access tokens, or can get one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it has none and whoever has does not answer.
    pub async fn can_authenticate(&self) -> Result<(), Error> {
        self.inner.tokens.can_verify().await
    }

    /// The public keys with which others verify access tokens.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the key store fails.
    pub async fn jwks(&self) -> Result<Jwks, Error> {
        self.inner.tokens.jwks().await
    }
}
