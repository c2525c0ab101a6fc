//! Azure Blob Storage.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use moodify_core::port::{Clock, SignedPut, SignedUrl};
use object_store::ObjectStore;
use object_store::azure::{AzureAuthorizer, AzureConfigKey, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::client::{HttpRequestBody, HttpService};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::signer::{Method, Signer, Url};

use super::ObjectStoreConfig;
use super::backend::{Backend, retries, unreadable};
use super::error::{Names, Refused};
use super::http::Http;

pub(super) const NAMES: Names = Names {
    store: "Azure Blob Storage",
    bucket: "container",
    sources: "set account in `media`, and AZURE_STORAGE_ACCOUNT_KEY, or see to the managed or workload identity of \
              this machine, and to the clock",
};

/// A container.
pub(super) struct Azure {
    store: MicrosoftAzure,
    account: String,
    /// The container's own address.
    container: Url,
    http: Http,
    attempts: u32,
    clock: Arc<dyn Clock>,
}

impl Azure {
    /// With the key of the account, or whatever the surroundings give.
    pub(super) fn open(
        config: &ObjectStoreConfig,
        key: Option<&str>,
        http: &Http,
        clock: Arc<dyn Clock>,
    ) -> object_store::Result<Self> {
        let mut builder = match key {
            Some(key) => MicrosoftAzureBuilder::new().with_access_key(key),
            None => MicrosoftAzureBuilder::from_env(),
        };
        if let Some(account) = &config.account {
            builder = builder.with_account(account);
        }
        let account = builder.get_config_value(&AzureConfigKey::AccountName).unwrap_or_default();
        let own = || format!("https://{account}.blob.core.windows.net");
        let endpoint = config.endpoint.as_ref().map_or_else(own, Url::to_string);
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        let mut container = Url::parse(&endpoint).map_err(|error| unreadable(NAMES.store, error))?;
        if let Ok(mut path) = container.path_segments_mut() {
            path.pop_if_empty().push(&config.bucket);
        }
        // The surroundings may speak of an emulator, which has an address of its own.
        let builder = builder.with_use_emulator(false).with_endpoint(endpoint);
        let builder = builder.with_container_name(&config.bucket).with_retry(retries(config));
        let store = builder.with_http_connector(http.clone()).build()?;
        Ok(Self { store, account, container, http: http.clone(), attempts: config.attempts, clock })
    }

    async fn sign(&self, method: Method, path: &Path, ttl: Duration) -> object_store::Result<SignedUrl> {
        let url = self.store.signed_url(method, path, ttl).await?;
        let end = url.query_pairs().find(|(name, _)| name == "se").map(|(_, end)| end.into_owned());
        let end = end.ok_or_else(|| unreadable(NAMES.store, "a signed URL without an end"))?;
        let expires_at = end.parse().map_err(|error: jiff::Error| unreadable(NAMES.store, error))?;
        Ok(SignedUrl { url, expires_at })
    }

    /// object_store removes blobs in batches only, which some identities may not and some stores cannot.
    async fn try_delete(&self, path: &Path) -> object_store::Result<()> {
        let (mut url, name): (Url, &str) = (self.container.clone(), path.as_ref());
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(name.split('/'));
        }
        let mut request = hyper::Request::delete(url.as_str())
            .body(HttpRequestBody::empty())
            .map_err(|error| unreadable(NAMES.store, error))?;
        let credential = self.store.credentials().get_credential().await?;
        AzureAuthorizer::new(&credential, &self.account).try_authorize(&mut request)?;
        let answer = self.http.call(request).await.map_err(|error| unreadable(NAMES.store, error))?;
        let status = answer.status().as_u16();
        if answer.status().is_success() {
            return Ok(());
        }
        let body = answer.into_body().bytes().await.map_err(|error| unreadable(NAMES.store, error))?;
        let refused = Refused { status, body: String::from_utf8_lossy(&body).into_owned() };
        match status {
            404 => Err(object_store::Error::NotFound { path: path.to_string(), source: Box::new(refused) }),
            _ => Err(unreadable(NAMES.store, refused)),
        }
    }
}

#[async_trait]
impl Backend for Azure {
    fn names(&self) -> &'static Names {
        &NAMES
    }

    fn objects(&self) -> &dyn ObjectStore {
        &self.store
    }

    async fn list_one(&self, prefix: Option<&str>) -> object_store::Result<()> {
        let one = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        self.store.list_paginated(prefix, one).await.map(drop)
    }

    async fn delete(&self, path: &Path) -> object_store::Result<()> {
        let mut wait = Duration::from_millis(100);
        for _ in 1..self.attempts {
            match self.try_delete(path).await {
                Err(error) if NAMES.unavailable(&error).retryable => {
                    tracing::debug!(%error, "a blob could not be removed; tried again in {wait:?}");
                }
                done => return done,
            }
            self.clock.sleep(wait).await;
            wait *= 2;
        }
        self.try_delete(path).await
    }

    async fn read_url(&self, path: &Path, _: &'static str, ttl: Duration) -> object_store::Result<SignedUrl> {
        self.sign(Method::GET, path, ttl).await
    }

    async fn write_url(
        &self,
        path: &Path,
        is: &'static str,
        _: u64,
        ttl: Duration,
    ) -> object_store::Result<SignedPut> {
        let url = self.sign(Method::PUT, path, ttl).await?;
        let headers = [("content-type", is), ("x-ms-blob-type", "BlockBlob")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(SignedPut { url, headers: headers.into() })
    }
}
