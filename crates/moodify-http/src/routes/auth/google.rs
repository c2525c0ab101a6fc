//! What both ends of a sign-in through Google have in common: the cookie that binds them to one browser.

use std::borrow::Cow;

use axum::response::{AppendHeaders, IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use moodify_core::model::Role;
use moodify_core::port::PendingSignIn;
use secrecy::ExposeSecret;
use url::{Url, form_urlencoded};

use super::return_to::ReturnTo;
use crate::app::App;
use crate::cookies::SessionCookie;
use crate::problem::Problem;

/// Where the provider sends browsers back.
pub(super) const CALLBACK: &str = "/v1/auth/google/callback";

/// How long somebody may take to sign in there, in seconds.
const MAX_AGE: u64 = 10 * 60;

/// A sign-in that the browser has begun.
pub(super) struct Begun {
    pub(super) pending: PendingSignIn,
    pub(super) role: Role,
    pub(super) return_to: ReturnTo,
}

impl Begun {
    /// The cookie that keeps it.
    pub(super) fn cookie(&self, app: &App) -> Result<(HeaderName, HeaderValue), Problem> {
        let Self { pending, role, return_to } = self;
        let value = form_urlencoded::Serializer::new(String::new())
            .append_pair("state", pending.state.expose_secret())
            .append_pair("nonce", pending.nonce.expose_secret())
            .append_pair("verifier", pending.pkce_verifier.expose_secret())
            .append_pair("role", role.as_str())
            .append_pair("return_to", return_to.as_str())
            .finish();
        app.cookies.set(SessionCookie::SignIn, &value, MAX_AGE)
    }

    /// What such a cookie holds; `None` if it holds anything else.
    pub(super) fn read(value: &str) -> Option<Self> {
        let fields: Vec<_> = form_urlencoded::parse(value.as_bytes()).collect();
        let [state, nonce, verifier, role, return_to] = fields.as_slice() else { return None };
        let text = |(found, value): &(Cow<'_, str>, Cow<'_, str>), name: &str| {
            (found == name && !value.is_empty()).then(|| value.clone().into_owned())
        };
        Some(Self {
            pending: PendingSignIn {
                state: text(state, "state")?.into(),
                nonce: text(nonce, "nonce")?.into(),
                pkce_verifier: text(verifier, "verifier")?.into(),
            },
            role: role_of(&text(role, "role")?)?,
            return_to: ReturnTo::parse(&text(return_to, "return_to")?).ok()?,
        })
    }
}

/// The role with this name.
pub(super) fn role_of(name: &str) -> Option<Role> {
    [Role::User, Role::Artist].into_iter().find(|role| role.as_str() == name)
}

/// Where the provider sends this deployment's browsers back: by configuration, whatever `Host` says.
pub(super) fn redirect_uri(app: &App) -> Result<Url, Problem> {
    app.config.public_url.join(CALLBACK).map_err(Problem::internal)
}

/// Sends the browser on, with these cookies.
pub(super) fn see_other<const N: usize>(
    location: HeaderValue,
    cookies: [(HeaderName, HeaderValue); N],
) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)], AppendHeaders(cookies)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_that_is_not_ours_is_none() {
        let good = "state=a&nonce=b&verifier=c&role=artist&return_to=%2Flibrary%3Fa%3Db";
        let begun = Begun::read(good).unwrap();
        assert_eq!((begun.role, begun.return_to.as_str()), (Role::Artist, "/library?a=b"));
        assert_eq!(begun.pending.pkce_verifier.expose_secret(), "c");
        for bad in [
            "",
            "state=a",
            "state=&nonce=b&verifier=c&role=artist&return_to=%2F",
            "nonce=b&state=a&verifier=c&role=artist&return_to=%2F",
            "state=a&nonce=b&verifier=c&role=admin&return_to=%2F",
            "state=a&nonce=b&verifier=c&role=user&return_to=%2F%2Fevil.example",
            "state=a&nonce=b&verifier=c&role=user&return_to=%2F&more=1",
            "%ff%00",
        ] {
            assert!(Begun::read(bad).is_none(), "{bad}");
        }
    }
}
