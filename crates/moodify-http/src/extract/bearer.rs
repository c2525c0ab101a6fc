use axum::extract::FromRequestParts;
use http::{header, request::Parts};
use moodify_core::AuthFailure;
use moodify_core::model::Caller;

use crate::app::App;
use crate::problem::Problem;

/// Whoever holds the access token of the request.
pub(crate) struct Bearer(pub(crate) Caller);

impl FromRequestParts<App> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = app.moodify.accounts().authenticate(bearer_token(parts)?).await?;
        tracing::Span::current().record("account", tracing::field::display(caller.account_id));
        Ok(Self(caller))
    }
}

/// What follows `Bearer` in the request.
pub(crate) fn bearer_token(parts: &Parts) -> Result<&str, AuthFailure> {
    /// Our tokens have about 600 bytes; nothing longer is worth looking at.
    const MAX_BYTES: usize = 4096;
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(AuthFailure::Missing)?;
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(AuthFailure::InvalidToken)?;
    let good = scheme.eq_ignore_ascii_case("bearer") && token.len() <= MAX_BYTES && values.next().is_none();
    if good { Ok(token.trim_start_matches(' ')) } else { Err(AuthFailure::InvalidToken) }
}
