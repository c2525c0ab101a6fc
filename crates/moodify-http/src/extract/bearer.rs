use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts};
use moodify_core::AuthFailure;
use moodify_core::model::Caller;

use crate::app::App;
use crate::problem::Problem;

/// Whoever holds the access token of the request.
pub(crate) struct Bearer(pub(crate) Caller);

impl FromRequestParts<App> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Presented(outcome) = match parts.extensions.get::<Presented>() {
            Some(presented) => presented.clone(),
            None => present(&parts.headers, app).await,
        };
        let caller = outcome?;
        tracing::Span::current().record("account", tracing::field::display(caller.account_id));
        Ok(Self(caller))
    }
}

/// What the access token of a request turned out to be. Verified once: the request carries it.
#[derive(Clone)]
pub(crate) struct Presented(pub(crate) Result<Caller, Problem>);

/// Verifies the access token of these headers.
pub(crate) async fn present(headers: &HeaderMap, app: &App) -> Presented {
    Presented(match token(headers) {
        Ok(token) => app.moodify.accounts().authenticate(token).await.map_err(Problem::from),
        Err(failure) => Err(failure.into()),
    })
}

/// What follows `Bearer` in these headers.
pub(crate) fn token(headers: &HeaderMap) -> Result<&str, AuthFailure> {
    /// Our tokens have about 600 bytes; nothing longer is worth looking at.
    const MAX_BYTES: usize = 4096;
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(AuthFailure::Missing)?;
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(AuthFailure::InvalidToken)?;
    let good = scheme.eq_ignore_ascii_case("bearer") && token.len() <= MAX_BYTES && values.next().is_none();
    if good { Ok(token.trim_start_matches(' ')) } else { Err(AuthFailure::InvalidToken) }
}
