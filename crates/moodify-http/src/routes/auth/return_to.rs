//! Where a browser goes once it is signed in.

use http::HeaderValue;
use moodify_core::model::Invalid;

use crate::config::Origin;
use crate::problem::Problem;

/// A path on the pages' own site: with it nobody is sent anywhere else, whatever browsers make of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReturnTo(String);

impl ReturnTo {
    /// Three times that, and what else a cookie holds, is less than the 4,096 bytes that browsers keep.
    const MAX_BYTES: usize = 1000;

    /// Checks a path with whatever query and fragment, as it stands in an address.
    ///
    /// # Errors
    /// `invalid_return_to`.
    pub(super) fn parse(text: &str) -> Result<Self, Invalid> {
        let path = text.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        // Browsers read `\` as `/`, and drop tabs and line ends; some proxies decode before they pass on.
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        let strange = ["//", "%2f", "%5c"].iter().any(|part| path.contains(part));
        if path.starts_with('/') && !strange && text.len() <= Self::MAX_BYTES && text.bytes().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        let message = "Name a page of this site by its path, such as /library.";
        Err(Invalid::new("invalid_return_to", message))
    }

    /// The first page.
    pub(super) fn start() -> Self {
        Self("/".to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The same page, told why nobody is signed in.
    #[must_use]
    pub(super) fn with_error(&self, code: &str) -> Self {
        let (page, fragment) = self.0.split_once('#').map_or((&*self.0, None), |(a, b)| (a, Some(b)));
        let mark = if page.contains('?') { '&' } else { '?' };
        let fragment = fragment.map_or_else(String::new, |fragment| format!("#{fragment}"));
        Self(format!("{page}{mark}error={code}{fragment}"))
    }

    /// The value of `Location`. Without an origin the page is where the API is.
    pub(super) fn location(&self, origin: Option<&Origin>) -> Result<HeaderValue, Problem> {
        let mut location = origin.map_or_else(Vec::new, |origin| origin.as_header().as_bytes().to_vec());
        location.extend(self.0.as_bytes());
        HeaderValue::from_bytes(&location).map_err(Problem::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::ReturnTo;
    use crate::config::Origin;

    #[test]
    fn only_paths_of_this_site_are_returned_to() {
        for good in ["/", "/library", "/a/b?q=%2F%2Fx&y=//z#//w", "/k%C3%BCnstler", "/a.b/../c", "/@ada:8080"]
        {
            assert_eq!(ReturnTo::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "library",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/a\\b",
            "/%2Fevil.example",
            "/%2fevil.example",
            "/%5cevil.example",
            "/a//evil.example",
            "/.//evil.example",
            "https://evil.example",
            "https:/evil.example",
            "javascript:alert(1)",
            "@evil.example",
            " /library",
            "/lib rary",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: a=b",
            "/a\0",
            "/\u{e4}",
            "?a=b",
            "#a",
            &format!("/{}", "x".repeat(1000)),
        ] {
            assert_eq!(ReturnTo::parse(bad).unwrap_err().code, "invalid_return_to", "{bad:?}");
        }
    }

    #[test]
    fn a_page_is_told_why() {
        for (page, told) in [
            ("/", "/?error=access_denied"),
            ("/library?sort=title", "/library?sort=title&error=access_denied"),
            ("/library#top", "/library?error=access_denied#top"),
            ("/a?b=c#d?e", "/a?b=c&error=access_denied#d?e"),
        ] {
            let page = ReturnTo::parse(page).unwrap().with_error("access_denied");
            assert_eq!(page.location(None).unwrap(), told);
        }
        let pages = Origin::parse("https://app.example.com").unwrap();
        assert_eq!(ReturnTo::start().location(Some(&pages)).unwrap(), "https://app.example.com/");
    }
}
