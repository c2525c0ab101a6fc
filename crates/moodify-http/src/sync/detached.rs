use axum::extract::Request;
use http::{Extensions, HeaderValue, Uri};
use hyper::upgrade::OnUpgrade;

/// Copies what a socket keeps of its handshake for as long as it is open: the address and the headers. As
/// they come they are parts of the connection's first read buffer, and would keep all of its 8 KiB. What the
/// layers outside noted for those inside goes.
pub(crate) fn detached(mut request: Request) -> Request {
    if !request.uri().path().starts_with("/socket.io") {
        return request;
    }
    if let Ok(copy) = request.uri().to_string().parse::<Uri>() {
        *request.uri_mut() = copy;
    }
    for value in request.headers_mut().values_mut() {
        let is_sensitive = value.is_sensitive();
        if let Ok(copy) = HeaderValue::from_bytes(value.as_bytes()) {
            *value = copy;
            value.set_sensitive(is_sensitive);
        }
    }
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    *request.extensions_mut() = Extensions::new();
    if let Some(upgrade) = upgrade {
        request.extensions_mut().insert(upgrade);
    }
    request
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use bytes::Bytes;

    use super::*;

    fn request(buffer: &Bytes) -> Request {
        let uri = Uri::from_maybe_shared(buffer.slice(4..24)).unwrap();
        let value = HeaderValue::from_maybe_shared(buffer.slice(24..)).unwrap();
        Request::builder().uri(uri).header("cookie", value).body(Body::empty()).unwrap()
    }

    #[test]
    fn a_handshake_keeps_nothing_of_the_buffer_it_came_in() {
        let buffer = Bytes::from(b"GET /socket.io/?EIO=4&xya=b; c=d".to_vec());
        let as_it_came = request(&buffer);
        assert!(!buffer.is_unique());
        let detached = detached(as_it_came);
        assert!(buffer.is_unique());
        assert_eq!(detached.uri(), "/socket.io/?EIO=4&xy");
        assert_eq!(detached.headers()["cookie"], "a=b; c=d");
    }
}
