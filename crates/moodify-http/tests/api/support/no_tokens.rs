use futures::future::BoxFuture;
use moodify_core::model::Caller;
use moodify_core::{AuthFailure, Error};
use moodify_http::sync::Authenticator;

/// Nobody is known here.
pub(crate) struct NoTokens;

impl Authenticator for NoTokens {
    fn authenticate<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Caller, Error>> {
        Box::pin(async { Err(AuthFailure::InvalidToken.into()) })
    }
}
