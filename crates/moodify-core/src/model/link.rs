//! Links that mails carry: made from settings, with one gap that a value fills.

use url::Url;

/// What may stand in a path or a fragment unescaped (RFC 3986, 2.3).
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// A link with one gap: an `https://…` address, or a path below the deployment's own address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkTemplate {
    before: String,
    after: String,
}

impl LinkTemplate {
    /// Reads a link in which `gap` stands once, behind the host.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str, gap: &str) -> Result<Self, String> {
        let expected = || format!("a link with {gap} in it is expected, such as /page#{gap}");
        let (before, after) = text.split_once(gap).ok_or_else(expected)?;
        let template = Self { before: before.to_owned(), after: after.to_owned() };
        if after.contains(gap) || text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(expected());
        }
        if before.starts_with('/') && !before.starts_with("//") {
            return Ok(template);
        }
        let filled = Url::parse(&template.with("x")).map_err(|error| format!("{error}: {}", expected()))?;
        let host_ends = before.splitn(3, '/').nth(2).is_some_and(|rest| rest.contains(['/', '?', '#']));
        if !matches!(filled.scheme(), "http" | "https") || !host_ends || !filled.username().is_empty() {
            return Err(expected());
        }
        Ok(template)
    }

    /// A path below the deployment's own address with the gap at its end.
    pub(crate) fn ending_in(path: &'static str) -> Self {
        Self { before: path.to_owned(), after: String::new() }
    }

    /// The link with this value in its gap, escaped.
    pub fn fill(&self, public_url: &Url, value: &str) -> String {
        let escaped: String = value
            .bytes()
            .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect();
        let link = self.with(&escaped);
        if link.starts_with('/') {
            return format!("{}{link}", public_url.as_str().trim_end_matches('/'));
        }
        link
    }

    fn with(&self, value: &str) -> String {
        format!("{}{value}{}", self.before, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: &str = "{token}";

    #[test]
    fn links_are_paths_or_addresses_with_one_gap() {
        let own: Url = "https://moodify.example".parse().unwrap();
        for (template, link) in [
            ("/verify-email#token={token}", "https://moodify.example/verify-email#token=a%2Fb%3D%C3%A9"),
            ("https://app.example/v?t={token}&x=1", "https://app.example/v?t=a%2Fb%3D%C3%A9&x=1"),
            ("http://127.0.0.1:5173/#/v/{token}", "http://127.0.0.1:5173/#/v/a%2Fb%3D%C3%A9"),
        ] {
            assert_eq!(LinkTemplate::parse(template, GAP).unwrap().fill(&own, "a/b=é"), link);
        }
    }

    #[test]
    fn what_is_no_such_link_is_refused() {
        for wrong in [
            "",
            "/verify-email",
            "/verify/{token}/{token}",
            "verify/{token}",
            "//evil.example/{token}",
            "https://{token}.example/",
            "https://app.example{token}",
            "https://ada@app.example/{token}",
            "javascript:alert('{token}')//",
            "ftp://app.example/{token}",
            "/a b/{token}",
            "/a\r\nBcc: eve@example.org/{token}",
        ] {
            let refused = LinkTemplate::parse(wrong, GAP).unwrap_err();
            assert!(refused.contains("a link with {token} in it is expected"), "{wrong:?}: {refused}");
        }
    }
}
