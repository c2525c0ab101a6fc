use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName};
use moodify_core::model::ClientNetwork;

use crate::app::App;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where the request comes from; `None` when whoever serves the router does not say
/// (`into_make_service_with_connect_info`).
pub(crate) struct Client(pub(crate) Option<ClientNetwork>);

impl FromRequestParts<App> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(client(&parts.extensions, &parts.headers, app.config.trusted_proxies)))
    }
}

/// Each trusted proxy appends the address that it was connected from, so the last one's word stands
/// at the right. What stands left of the words of all trusted proxies, anybody can have written.
pub(crate) fn client(
    extensions: &Extensions,
    headers: &HeaderMap,
    trusted_proxies: usize,
) -> Option<ClientNetwork> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    let lists = headers.get_all(X_FORWARDED_FOR).iter().map(|value| value.as_bytes());
    let said: Vec<&[u8]> = lists.flat_map(|list| list.split(|byte| *byte == b',')).collect();
    let trusted = said.get(said.len().saturating_sub(trusted_proxies)..).unwrap_or_default();
    let address = trusted.iter().find_map(|said| address(said)).unwrap_or_else(|| peer.ip());
    Some(address.into())
}

/// An address as proxies write it: some add the port.
fn address(said: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(said).ok()?.trim_matches([' ', '\t']);
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn seen(proxies: usize, said: &[&[u8]]) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 4711))));
        let mut headers = HeaderMap::new();
        for said in said {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(said).unwrap());
        }
        client(&extensions, &headers, proxies).unwrap().to_string()
    }

    #[test]
    fn without_proxies_nobody_is_believed() {
        let none: &[&[u8]] = &[];
        for said in [none, &[b"192.0.2.1"], &[b"192.0.2.1, 10.0.0.9"]] {
            assert_eq!(seen(0, said), "10.0.0.1");
        }
    }

    #[test]
    fn the_trusted_ones_are_counted_from_the_right() {
        assert_eq!(seen(1, &[]), "10.0.0.1");
        assert_eq!(seen(1, &[b"192.0.2.1"]), "192.0.2.1");
        assert_eq!(seen(1, &[b"6.6.6.6, 192.0.2.1"]), "192.0.2.1");
        assert_eq!(seen(2, &[b"6.6.6.6, 192.0.2.1,10.0.0.9"]), "192.0.2.1");
        assert_eq!(seen(2, &[b"192.0.2.1"]), "192.0.2.1", "past the outer proxy");
    }

    #[test]
    fn several_headers_are_one_list() {
        assert_eq!(seen(1, &[b"6.6.6.6", b"192.0.2.1"]), "192.0.2.1");
        assert_eq!(seen(2, &[b"6.6.6.6", b"192.0.2.1, 10.0.0.9"]), "192.0.2.1");
        assert_eq!(seen(2, &[b"6.6.6.6, 192.0.2.1", b"10.0.0.9"]), "192.0.2.1");
    }

    #[test]
    fn an_address_is_read_however_it_is_written() {
        for (said, network) in [
            (&b" 192.0.2.1\t"[..], "192.0.2.1"),
            (b"192.0.2.1:8080", "192.0.2.1"),
            (b"::ffff:192.0.2.1", "192.0.2.1"),
            (b"2001:db8::1", "2001:db8::/64"),
            (b"[2001:db8::1]", "2001:db8::/64"),
            (b"[2001:db8::1]:443", "2001:db8::/64"),
        ] {
            assert_eq!(seen(1, &[said]), network);
        }
    }

    #[test]
    fn what_is_no_address_is_passed_over() {
        for said in
            [&b"unknown"[..], b"", b",", b"\xff\xfe", b"192.0.2", b"_hidden", b"192.0.2.1 evil", b"[::1"]
        {
            assert_eq!(seen(1, &[&[b"6.6.6.6, ", said].concat()]), "10.0.0.1", "{said:?}");
        }
    }
}
