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
/// The store cannot be asked.
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
    Ok(judge(head.status, &head.headers, origin, &names))
}

fn judge(status: StatusCode, headers: &HeaderMap, origin: &str, names: &[String]) -> Preflight {
    let refused = Preflight::Refused;
    if !status.is_success() {
        return refused(format!("the store answers {status}"));
    }
    // One value and no more: a browser takes no list, and no header that stands there twice.
    let mut origins = headers.get_all(ACCESS_CONTROL_ALLOW_ORIGIN).iter();
    if !matches!((origins.next(), origins.next()), (Some(one), None) if one == "*" || one == origin) {
        return refused("the store allows other origins only".to_owned());
    }
    if !lists(headers, ACCESS_CONTROL_ALLOW_METHODS, "PUT") {
        return refused("the store does not allow PUT".to_owned());
    }
    match names.iter().find(|name| !lists(headers, ACCESS_CONTROL_ALLOW_HEADERS, name)) {
        Some(name) => refused(format!("the store does not allow the header {name}")),
        None => Preflight::Allowed,
    }
}

/// Whether a header allows this, or everything: no cookies go along, so `*` is everything.
fn lists(headers: &HeaderMap, header: HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    let mut words = values.flat_map(|value| value.split(',')).map(str::trim);
    words.any(|word| word == "*" || word.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    const ORIGIN_OF_PAGES: &str = "https://app.example.org";

    fn judged(status: u16, headers: &[(&'static str, &'static str)]) -> Preflight {
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
        assert_eq!(judged(200, &[origin, methods, headers]), Preflight::Allowed);
        let all = [("access-control-allow-origin", "*"), methods, ("access-control-allow-headers", "*")];
        assert_eq!(judged(204, &all), Preflight::Allowed);
        let other = ("access-control-allow-origin", "https://app.example");
        let both = ("access-control-allow-origin", "https://app.example, https://app.example.org");
        for (status, headers, why) in [
            (403, &[origin, methods, headers][..], "403"),
            (200, &[methods, headers], "other origins"),
            (200, &[other, methods, headers], "other origins"),
            (200, &[origin, origin, methods, headers], "other origins"),
            (200, &[both, methods, headers], "other origins"),
            (200, &[origin, ("access-control-allow-methods", "GET"), headers], "PUT"),
            (200, &[origin, methods], "content-type"),
        ] {
            let Preflight::Refused(said) = judged(status, headers) else { panic!("allowed: {why}") };
            assert!(said.contains(why), "{said}");
        }
    }
}
