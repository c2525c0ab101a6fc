//! Sends spans over plain HTTP. The exporter has a thread of its own; the connection lives on the
//! program's runtime.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{client::legacy, client::legacy::connect::HttpConnector, rt::TokioExecutor};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

/// The default of the OpenTelemetry exporters.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than any collector has to say.
const MAX_ANSWER: usize = 1 << 16;

/// A client on this runtime.
#[derive(Clone)]
pub(super) struct Client {
    runtime: Handle,
    inner: legacy::Client<HttpConnector, Full<Bytes>>,
}

impl Client {
    pub(super) fn new(runtime: Handle) -> Self {
        Self { runtime, inner: legacy::Client::builder(TokioExecutor::new()).build_http() }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.inner.clone();
        let exchange = async move {
            let (head, body) = client.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(head, body))
        };
        let sent = self.runtime.spawn(async move { tokio::time::timeout(PATIENCE, exchange).await });
        sent.await??
    }
}
