//! Sessions in cookies, for web pages: which cookies there are, and when they are believed.
//!
//! | Cookie | Sent to | Is good for |
//! |---|---|---|
//! | `__Secure-moodify_refresh` | `/v1/auth` | `POST /v1/auth/refresh` and `/v1/auth/logout` |
//! | `__Secure-moodify_access` | `/socket.io/` | the handshake of a socket |
//! | `__Host-moodify_sign_in` | everything | `GET /v1/auth/google/callback`, for ten minutes |
//!
//! All are `HttpOnly` and, where the public address is https, `Secure` (else the names lack `__Secure-` and
//! `__Host-`). The first two are `SameSite=Strict`; the last one is `Lax`, for the provider's page leads back
//! here, and no neighbouring site can plant it. No other route looks at cookies: there is nothing to forge
//! there. `docs/adr/0009` and `0020` say what each of the checks is for.

use http::header::{COOKIE, ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use url::Url;

use crate::config::Origin;
use crate::problem::Problem;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// How sessions travel in cookies.
#[derive(Clone, Debug)]
pub struct CookieSessions {
    secure: bool,
    /// Whose pages may use them.
    origins: Vec<HeaderValue>,
}

/// One of the cookies.
#[derive(Clone, Copy)]
pub(crate) enum SessionCookie {
    /// Holds the refresh token.
    Refresh,
    /// Holds the access token, for sockets.
    Access,
    /// Holds what a sign-in through an identity provider has begun with.
    SignIn,
}

/// Who sent a request, as far as its browser says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A page of this deployment or of an allowed origin.
    Page,
    /// No browser of these years: they all say whose page it is.
    Program,
    /// A page of somebody else.
    Stranger,
}

impl CookieSessions {
    /// For a deployment at this address, whose pages and these may use them.
    pub fn new(public_url: &Url, allowed: &[Origin]) -> Self {
        let own = HeaderValue::from_str(&public_url.origin().ascii_serialization()).ok();
        let allowed = allowed.iter().map(|origin| origin.as_header().clone());
        Self { secure: public_url.scheme() == "https", origins: own.into_iter().chain(allowed).collect() }
    }

    /// The value of a cookie, whoever sent it. Those of a session have about 600 bytes, that of
    /// a sign-in has less than 4,096.
    ///
    /// # Errors
    /// `ambiguous_cookie` when it is there twice: one of them may have been planted by a neighbour
    /// (RFC 6265, 8.6), and nobody knows which.
    pub(crate) fn find(&self, headers: &HeaderMap, cookie: SessionCookie) -> Result<Option<String>, Problem> {
        let name = self.name(cookie);
        let lists = headers.get_all(COOKIE).iter().filter_map(|list| list.to_str().ok());
        let pairs = lists.flat_map(|list| list.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value);
        let value = values.next();
        if values.next().is_some() {
            let detail = "The cookie of the session is there twice.";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "ambiguous_cookie", detail));
        }
        Ok(value.map(str::to_owned))
    }

    /// Whose page made this request. `Origin` says it, and `Sec-Fetch-Site` where that is missing:
    /// pages can set neither.
    pub(crate) fn sender(&self, headers: &HeaderMap) -> Sender {
        let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next(), site) {
            (Some(origin), None, site) if site != Some(b"cross-site") && self.origins.contains(origin) => {
                Sender::Page
            }
            (None, None, Some(b"same-origin")) => Sender::Page,
            (None, None, None) => Sender::Program,
            _ => Sender::Stranger,
        }
    }

    /// A `Set-Cookie` header that gives the cookie this value for so many seconds.
    pub(crate) fn set(
        &self,
        cookie: SessionCookie,
        value: &str,
        seconds: u64,
    ) -> Result<(HeaderName, HeaderValue), Problem> {
        let (name, path, site) = (self.name(cookie), cookie.path(), cookie.same_site());
        let secure = if self.secure { "; Secure" } else { "" };
        let text =
            format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite={site}{secure}");
        let mut value = HeaderValue::from_str(&text).map_err(Problem::internal)?;
        value.set_sensitive(true);
        Ok((SET_COOKIE, value))
    }

    /// Headers that take both cookies of a session away.
    pub(crate) fn clear(&self) -> Result<[(HeaderName, HeaderValue); 2], Problem> {
        Ok([self.set(SessionCookie::Refresh, "", 0)?, self.set(SessionCookie::Access, "", 0)?])
    }

    fn name(&self, cookie: SessionCookie) -> &'static str {
        match (cookie, self.secure) {
            (SessionCookie::Refresh, true) => "__Secure-moodify_refresh",
            (SessionCookie::Refresh, false) => "moodify_refresh",
            (SessionCookie::Access, true) => "__Secure-moodify_access",
            (SessionCookie::Access, false) => "moodify_access",
            (SessionCookie::SignIn, true) => "__Host-moodify_sign_in",
            (SessionCookie::SignIn, false) => "moodify_sign_in",
        }
    }
}

impl SessionCookie {
    fn path(self) -> &'static str {
        match self {
            Self::Refresh => "/v1/auth",
            Self::Access => "/socket.io/",
            // What `__Host-` asks for.
            Self::SignIn => "/",
        }
    }

    fn same_site(self) -> &'static str {
        match self {
            Self::Refresh | Self::Access => "Strict",
            Self::SignIn => "Lax",
        }
    }
}

/// A cookie came from a page that may not use it.
pub(crate) fn cross_site() -> Problem {
    let detail = "This page may not use the session of this browser.";
    Problem::new(StatusCode::FORBIDDEN, "cross_site_request", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies() -> CookieSessions {
        let allowed = [Origin::parse("https://app.example.com").unwrap()];
        CookieSessions::new(&"https://music.example.com".parse().unwrap(), &allowed)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn appended(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_pages_that_may_are_believed() {
        for (pairs, expected) in [
            (&[("origin", "https://music.example.com")][..], Sender::Page),
            (&[("origin", "https://app.example.com"), ("sec-fetch-site", "same-site")], Sender::Page),
            (&[("sec-fetch-site", "same-origin")], Sender::Page),
            (&[], Sender::Program),
            (&[("origin", "https://app.example.com"), ("sec-fetch-site", "cross-site")], Sender::Stranger),
            (&[("origin", "https://evil.example.com")], Sender::Stranger),
            (&[("origin", "http://music.example.com")], Sender::Stranger),
            (&[("origin", "https://music.example.com.evil.com")], Sender::Stranger),
            (&[("origin", "null")], Sender::Stranger),
            (&[("origin", "")], Sender::Stranger),
            (&[("sec-fetch-site", "none")], Sender::Stranger),
            (&[("sec-fetch-site", "same-site")], Sender::Stranger),
            (&[("sec-fetch-site", "cross-site")], Sender::Stranger),
        ] {
            assert_eq!(cookies().sender(&headers(pairs)), expected, "{pairs:?}");
        }
        let twice = appended(&[("origin", "https://app.example.com"), ("origin", "https://evil.com")]);
        assert_eq!(cookies().sender(&twice), Sender::Stranger);
    }

    #[test]
    fn the_cookie_is_found_among_others_and_refused_when_it_is_there_twice() {
        let find = |lists: &[&str]| {
            let pairs: Vec<_> = lists.iter().map(|list| ("cookie", *list)).collect();
            cookies().find(&appended(&pairs), SessionCookie::Refresh)
        };
        assert_eq!(find(&[]).unwrap(), None);
        assert_eq!(find(&["a=b; moodify_refresh=x; __secure-moodify_refresh=y"]).unwrap(), None);
        assert_eq!(find(&["a=b;__Secure-moodify_refresh=x=y; c"]).unwrap().as_deref(), Some("x=y"));
        assert_eq!(find(&["a=b", "__Secure-moodify_refresh=x"]).unwrap().as_deref(), Some("x"));
        for twice in [
            &["__Secure-moodify_refresh=x; __Secure-moodify_refresh=x"][..],
            &["__Secure-moodify_refresh=x", "__Secure-moodify_refresh=y"],
        ] {
            assert_eq!(find(twice).unwrap_err().code, "ambiguous_cookie");
        }
    }
}
