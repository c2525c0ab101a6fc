//! Which part of an object a request asks for (RFC 9110, 14).

use http::{HeaderMap, header};
use moodify_core::port::ByteRange;

/// What is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it: nothing else was asked for, or nothing that we understand.
    Whole,
    /// One part.
    Part(ByteRange),
    /// A part that the object does not have.
    Unsatisfiable,
}

/// Reads `Range` and `If-Range` for an object of this length and tag. Several ranges at once are
/// answered with the whole object, which RFC 9110, 14.2 leaves to the server.
pub(super) fn wanted(headers: &HeaderMap, len: u64, etag: &str) -> Wanted {
    let mut values = headers.get_all(header::RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Wanted::Whole };
    // Strong comparison (RFC 9110, 13.1.5); a date never matches, since none is sent.
    let still_the_same = headers.get(header::IF_RANGE).is_none_or(|tag| tag.as_bytes() == etag.as_bytes());
    let spec = value.to_str().ok().and_then(|text| text.split_once('='));
    match spec {
        Some((unit, spec)) if still_the_same && unit.trim().eq_ignore_ascii_case("bytes") => {
            one(spec.trim(), len).unwrap_or(Wanted::Whole)
        }
        _ => Wanted::Whole,
    }
}

/// `None` if this is not exactly one well-formed range.
fn one(spec: &str, len: u64) -> Option<Wanted> {
    let (first, last) = spec.split_once('-')?;
    let range = match (position(first)?, position(last)?) {
        (None, None) => return None,
        (None, Some(suffix)) => len.saturating_sub(suffix)..len,
        (Some(first), None) => first..len,
        (Some(first), Some(last)) if first <= last => first..len.min(last.saturating_add(1)),
        (Some(_), Some(_)) => return None,
    };
    Some(if range.is_empty() { Wanted::Unsatisfiable } else { Wanted::Part(range) })
}

/// A position, or its absence; the outer `None` is for anything but digits. Numbers beyond all
/// objects are as good as the largest one.
fn position(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    text.bytes().all(|b| b.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn asked(range: &str, if_range: Option<&'static str>, len: u64) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
        if let Some(tag) = if_range {
            headers.insert(header::IF_RANGE, HeaderValue::from_static(tag));
        }
        wanted(&headers, len, "\"abc\"")
    }

    #[test]
    fn ranges() {
        use Wanted::{Part, Unsatisfiable, Whole};
        for (range, expected) in [
            ("bytes=0-", Part(0..100)),
            ("bytes=0-0", Part(0..1)),
            ("bytes=10-19", Part(10..20)),
            ("bytes=90-1000", Part(90..100)),
            ("bytes=0-99999999999999999999999", Part(0..100)),
            ("BYTES=99-", Part(99..100)),
            ("bytes=-5", Part(95..100)),
            ("bytes=-1000", Part(0..100)),
            ("bytes=100-", Unsatisfiable),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=20-10", Whole),
            ("bytes=-", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=0-1,5-6", Whole),
            ("items=0-1", Whole),
            ("bytes", Whole),
        ] {
            assert_eq!(asked(range, None, 100), expected, "{range}");
        }
        assert_eq!(asked("bytes=0-", None, 0), Unsatisfiable);
    }

    #[test]
    fn if_range_needs_the_same_object() {
        assert_eq!(asked("bytes=1-", Some("\"abc\""), 9), Wanted::Part(1..9));
        for other in ["\"x\"", "W/\"abc\"", "Sun, 22 Nov 2026 08:00:00 GMT"] {
            assert_eq!(asked("bytes=1-", Some(other), 9), Wanted::Whole, "{other}");
        }
    }
}
