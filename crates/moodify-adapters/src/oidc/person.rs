//! What is known of whom the issuer vouches for.

use moodify_core::model::Identity;
use moodify_core::port::{IdentityError, VerifiedIdentity};
use openidconnect::core::CoreIdTokenClaims;
use openidconnect::http::{self, HeaderValue, header};
use openidconnect::{AccessToken, HttpRequest, UserInfoUrl};
use serde::Deserialize;

use super::error::refused;

/// The claims that matter, from the userinfo endpoint (OpenID Connect Core, 5.3).
#[derive(Deserialize)]
pub(super) struct UserInfo {
    sub: String,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    given_name: Option<String>,
    family_name: Option<String>,
    name: Option<String>,
}

/// Whoever a verified token speaks of.
pub(super) fn of_token(claims: &CoreIdTokenClaims) -> Result<VerifiedIdentity, IdentityError> {
    let identity = Identity::new(claims.issuer().as_str(), claims.subject().as_str());
    Ok(VerifiedIdentity {
        identity: identity.map_err(|why| refused(why.message))?,
        email: claims.email().map(|email| email.to_string()),
        email_verified: claims.email_verified().unwrap_or(false),
        given_name: claims.given_name().and_then(|name| name.get(None)).map(|name| name.to_string()),
        family_name: claims.family_name().and_then(|name| name.get(None)).map(|name| name.to_string()),
        name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
    })
}

/// The question who the holder of this token is.
pub(super) fn question(endpoint: &UserInfoUrl, token: &AccessToken) -> Result<HttpRequest, IdentityError> {
    let no_token = |_| refused("the access token is none that a header can carry");
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.secret())).map_err(no_token)?;
    bearer.set_sensitive(true);
    http::Request::get(endpoint.as_str())
        .header(header::ACCEPT, "application/json")
        .header(header::AUTHORIZATION, bearer)
        .body(Vec::new())
        .map_err(|error| refused(error.to_string()))
}

/// The same person, with what the endpoint tells.
pub(super) fn completed(person: VerifiedIdentity, told: UserInfo) -> Result<VerifiedIdentity, IdentityError> {
    // Or else it is somebody else's (OpenID Connect Core, 5.3.2).
    if told.sub != person.identity.subject() {
        return Err(refused("the userinfo endpoint speaks of another subject"));
    }
    Ok(VerifiedIdentity {
        email: told.email,
        email_verified: told.email_verified,
        given_name: person.given_name.or(told.given_name),
        family_name: person.family_name.or(told.family_name),
        name: person.name.or(told.name),
        ..person
    })
}
