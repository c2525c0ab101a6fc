use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::{header, request::Parts};
use moodify_core::model::UserAgent;

use crate::app::App;

/// What the program that asks calls itself.
pub(crate) struct Program(pub(crate) Option<UserAgent>);

impl FromRequestParts<App> for Program {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let name = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self(name.and_then(UserAgent::from_header)))
    }
}
