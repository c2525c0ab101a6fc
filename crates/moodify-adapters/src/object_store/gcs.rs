//! Google Cloud Storage.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use moodify_core::port::{SignedPut, SignedUrl};
use object_store::gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::signer::{HeaderName, HeaderValue, Method, SignedUrlOptions, Signer, Url};
use object_store::{ObjectStore, ObjectStoreExt};

use super::ObjectStoreConfig;
use super::backend::{Backend, retries, unreadable};
use super::error::Names;
use super::http::Http;

pub(super) const NAMES: Names = Names {
    store: "Google Cloud Storage",
    bucket: "bucket",
    sources: "set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account, or see to that of this machine or \
              workload, and to the clock",
};

/// What the owner of a URL has to send with it: the store takes no fewer and no more bytes.
const LENGTH: &str = "x-goog-content-length-range";

/// A key that Google keeps signs nothing for longer than this: it is replaced.
const LONGEST_BY_GOOGLE: Duration = Duration::from_secs(12 * 3600);

/// A bucket.
pub(super) struct Gcs(GoogleCloudStorage);

impl Gcs {
    /// With the key file of a service account, as JSON, or whatever the surroundings give.
    pub(super) fn open(
        config: &ObjectStoreConfig,
        key: Option<&str>,
        http: &Http,
    ) -> object_store::Result<Self> {
        let mut builder = match key {
            Some(key) => GoogleCloudStorageBuilder::new().with_service_account_key(key),
            None => GoogleCloudStorageBuilder::from_env(),
        };
        if let Some(endpoint) = &config.endpoint {
            builder = builder.with_base_url(endpoint.as_str().trim_end_matches('/'));
        }
        let builder = builder.with_bucket_name(&config.bucket).with_retry(retries(config));
        builder.with_http_connector(http.clone()).build().map(Self)
    }

    async fn sign(
        &self,
        method: Method,
        path: &Path,
        ttl: Duration,
        options: &SignedUrlOptions,
    ) -> object_store::Result<SignedUrl> {
        let by_google = self.0.signing_credentials().get_credential().await?.private_key.is_none();
        let ttl = if by_google { ttl.min(LONGEST_BY_GOOGLE) } else { ttl };
        let url = self.0.signed_url_opts(method, path, ttl, options).await?;
        let expires_at = end(&url).map_err(|error| unreadable(NAMES.store, error))?;
        Ok(SignedUrl { url, expires_at })
    }
}

#[async_trait]
impl Backend for Gcs {
    fn names(&self) -> &'static Names {
        &NAMES
    }

    fn objects(&self) -> &dyn ObjectStore {
        &self.0
    }

    async fn list_one(&self, prefix: Option<&str>) -> object_store::Result<()> {
        let one = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        self.0.list_paginated(prefix, one).await.map(drop)
    }

    async fn delete(&self, path: &Path) -> object_store::Result<()> {
        self.0.delete(path).await
    }

    async fn read_url(
        &self,
        path: &Path,
        is: &'static str,
        ttl: Duration,
    ) -> object_store::Result<SignedUrl> {
        let options = SignedUrlOptions::new().with_query([("response-content-type", is)]);
        self.sign(Method::GET, path, ttl, &options).await
    }

    async fn write_url(
        &self,
        path: &Path,
        is: &'static str,
        len: u64,
        ttl: Duration,
    ) -> object_store::Result<SignedPut> {
        let exactly = format!("{len},{len}");
        let value = HeaderValue::from_str(&exactly).map_err(|error| unreadable(NAMES.store, error))?;
        let options = SignedUrlOptions::new()
            .with_signed_header(HeaderName::from_static("content-type"), HeaderValue::from_static(is))
            .with_signed_header(HeaderName::from_static(LENGTH), value);
        let url = self.sign(Method::PUT, path, ttl, &options).await?;
        let headers = vec![("content-type".to_owned(), is.to_owned()), (LENGTH.to_owned(), exactly)];
        Ok(SignedPut { url, headers })
    }
}

/// When a URL ends, by what it says itself.
fn end(url: &Url) -> Result<Timestamp, Box<dyn std::error::Error + Send + Sync>> {
    let said = |name: &str| {
        let found = url.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned());
        found.ok_or_else(|| format!("a signed URL without {name}"))
    };
    let begin = DateTime::strptime("%Y%m%dT%H%M%SZ", said("X-Goog-Date")?)?;
    let begin = begin.to_zoned(TimeZone::UTC)?.timestamp();
    Ok(begin.checked_add(SignedDuration::from_secs(said("X-Goog-Expires")?.parse()?))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_when_it_ends() {
        let url = "https://storage.googleapis.com/b/k?X-Goog-Date=20261123T120000Z&X-Goog-Expires=3600";
        assert_eq!(end(&url.parse().unwrap()).unwrap(), "2026-11-23T13:00:00Z".parse().unwrap());
        for url in ["https://h/?X-Goog-Expires=1", "https://h/?X-Goog-Date=today&X-Goog-Expires=1"] {
            assert!(end(&url.parse().unwrap()).is_err(), "{url}");
        }
    }
}
