//! What a browser asks before it lets a page send to a store (Fetch Standard, "CORS-preflight fetch").

use std::time::Duration;

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderName, ORIGIN,
};
use hyper::{HeaderMap, Method, Request, StatusCode};
use moodify_core::port::{SignedPut, Unavailable};

use crate::web::Client;

/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What browsers say by themselves, whatever a page asks for.
const OF_BROWSERS: [&str; 2] = ["host", "content-length"];

/// What a browser makes of a store's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preflight {
    /// The page may send.
    Allowed,
    /// It may not, and why.
    Refused(String),
}

/// Whether pages of this origin may send what was signed. Nothing is stored: the URL is asked about only.
///
/// # Errors
/// The store cannot be asked; [`Unavailable::passing`] also where it answers that it does nothing now.
pub async fn ask(put: &SignedPut, origin: &str) -> Result<Preflight, Unavailable> {
    let names = put.headers.iter().map(|(name, _)| name.to_ascii_lowercase());
    let mut names: Vec<String> = names.filter(|name| !OF_BROWSERS.contains(&name.as_str())).collect();
    names.sort();
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri(put.url.url.as_str())
        .header(ORIGIN, origin)
        .header(ACCESS_CONTROL_REQUEST_METHOD, "PUT")
        .header(ACCESS_CONTROL_REQUEST_HEADERS, names.join(","))
        .body(Vec::new())
        .map_err(Unavailable::lasting)?;
    let (head, _) = Client::new(PATIENCE, None)?.send(request).await?.into_parts();
    judge(head.status, &head.headers, origin, &names)
}

fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    origin: &str,
    names: &[String],
) -> Result<Preflight, Unavailable> {
    if may_pass(status) {
        return Err(Unavailable::passing(format!("the store answers {status}")));
    }
    let refused = |why: String| Ok(Preflight::Refused(why));
    if !status.is_success() {
        return refused(format!("the store answers {status}"));
    }
    // One value and no more: a browser takes no list, and no header that stands there twice.
    let mut origins = headers.get_all(ACCESS_CONTROL_ALLOW_ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(one), None) if one == "*" || one == origin => {}
        (Some(other), None) => return refused(format!("the store allows {other:?} only")),
        (Some(_), Some(_)) => return refused("the store says several times which origin may".to_owned()),
        (None, _) => return refused("the store has no CORS rule, or none for this origin".to_owned()),
    }
    // Methods have one spelling for browsers, headers do not.
    if !lists(headers, ACCESS_CONTROL_ALLOW_METHODS, |word| word == "PUT") {
        return refused("the store does not allow PUT".to_owned());
    }
    let allowed =
        |name: &str| lists(headers, ACCESS_CONTROL_ALLOW_HEADERS, |word| word.eq_ignore_ascii_case(name));
    match names.iter().find(|name| !allowed(name)) {
        Some(name) => refused(format!("the store does not allow the header {name}")),
        None => Ok(Preflight::Allowed),
    }
}

/// Whether another answer may come later. A store that does not know `OPTIONS` says 501, and goes on to.
fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502..)
}

/// Whether a header allows what is wanted, or everything: no cookies go along, so `*` is everything.
fn lists(headers: &HeaderMap, header: HeaderName, is_wanted: impl Fn(&str) -> bool) -> bool {
    let values = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    let mut words = values.flat_map(|value| value.split(',')).map(str::trim);
    words.any(|word| word == "*" || is_wanted(word))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    const ORIGIN_OF_PAGES: &str = "https://app.example.org";

    fn judged(status: u16, headers: &[(&'static str, &'static str)]) -> Result<Preflight, Unavailable> {
        let pairs = headers.iter();
        let pairs =
            pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let (status, headers) = (StatusCode::from_u16(status).unwrap(), pairs.collect::<HeaderMap>());
        judge(status, &headers, ORIGIN_OF_PAGES, &["content-type".to_owned()])
    }

    #[test]
    fn a_browser_wants_origin_method_and_headers() {
        let origin = ("access-control-allow-origin", ORIGIN_OF_PAGES);
        let methods = ("access-control-allow-methods", "GET, PUT");
        let headers = ("access-control-allow-headers", "X-Amz-Date, Content-Type");
        assert_eq!(judged(200, &[origin, methods, headers]).unwrap(), Preflight::Allowed);
        let all = [("access-control-allow-origin", "*"), methods, ("access-control-allow-headers", "*")];
        assert_eq!(judged(204, &all).unwrap(), Preflight::Allowed);
        let other = ("access-control-allow-origin", "https://app.example");
        let both = ("access-control-allow-origin", "https://app.example, https://app.example.org");
        for (status, headers, why) in [
            (403, &[origin, methods, headers][..], "403"),
            (501, &[origin, methods, headers], "501"),
            (200, &[methods, headers], "no CORS rule"),
            (200, &[other, methods, headers], "allows \"https://app.example\" only"),
            (200, &[origin, origin, methods, headers], "several times"),
            (200, &[both, methods, headers], "https://app.example, https://app.example.org"),
            (200, &[origin, ("access-control-allow-methods", "GET"), headers], "PUT"),
            (200, &[origin, ("access-control-allow-methods", "put"), headers], "PUT"),
            (200, &[origin, methods], "content-type"),
        ] {
            let Preflight::Refused(said) = judged(status, headers).unwrap() else { panic!("allowed: {why}") };
            assert!(said.contains(why), "{said}");
        }
        for status in [408, 429, 500, 503] {
            let fault = judged(status, &[origin, methods, headers]).unwrap_err();
            assert!(fault.retryable && fault.to_string().contains(&status.to_string()), "{fault}");
        }
    }
}
