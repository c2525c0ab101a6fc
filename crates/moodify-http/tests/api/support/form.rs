use axum::body::Body;
use http::Request;

const BOUNDARY: &str = "a-boundary-that-no-sample-holds";

/// A multipart form, built by hand so that it can be wrong.
#[derive(Clone, Default)]
pub(crate) struct Form(Vec<u8>);

impl Form {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        self.part(&format!("form-data; name=\"{name}\""), value.as_bytes())
    }

    pub(crate) fn file(self, name: &str, bytes: &[u8]) -> Self {
        self.part(&format!("form-data; name=\"{name}\"; filename=\"{name}.bin\""), bytes)
    }

    pub(crate) fn part(mut self, disposition: &str, bytes: &[u8]) -> Self {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n");
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(bytes);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// The body without its end.
    pub(crate) fn open(self) -> Vec<u8> {
        self.0
    }

    /// The whole body.
    pub(crate) fn body(mut self) -> Vec<u8> {
        self.0.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.0
    }

    /// An upload of this form.
    pub(crate) fn upload(self, token: &str) -> Request<Body> {
        Self::upload_of(token, Body::from(self.body()))
    }

    /// An upload of this body, whatever it is.
    pub(crate) fn upload_of(token: &str, body: Body) -> Request<Body> {
        Request::post("/v1/tracks")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .body(body)
            .unwrap()
    }
}
