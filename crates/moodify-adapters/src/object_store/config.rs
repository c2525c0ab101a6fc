//! What has to be known of a bucket or a container.

use std::time::Duration;

use url::Url;

/// Whose store it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Google Cloud Storage, `gs:`.
    #[cfg(feature = "gcs")]
    Gcs,
    /// Azure Blob Storage, `az:`.
    #[cfg(feature = "azure")]
    Azure,
}

/// A bucket or a container, and how to talk to the store that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectStoreConfig {
    /// Whose it is.
    pub provider: Provider,
    /// The name of the bucket, or of the container.
    pub bucket: String,
    /// Azure's storage account. `None`: what the environment says.
    pub account: Option<String>,
    /// The address of a store that is not the provider's own. Clients follow signed URLs there: it must be one
    /// that they reach.
    pub endpoint: Option<Url>,
    /// Stands before every key: empty, or ending in a slash.
    pub prefix: String,
    /// How long one request may take, with the bytes that it sends. Default: 30 s.
    pub timeout: Duration,
    /// How often a request is tried that fails for now. Default: 3.
    pub attempts: u32,
}

/// Why a URL names no bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectStoreUrlError {
    /// It cannot be read.
    #[error(
        "it is not `gs://bucket` or `az://container?account=…`, as far as this program is built with them"
    )]
    Malformed,
    /// Somebody wrote keys into it.
    #[error("credentials do not belong into it: they come from the environment or from the machine")]
    Credentials,
    /// An unknown option, or one that is there twice, or one for another store.
    #[error("its options are endpoint and prefix, and account with az:, each once")]
    Option,
    /// The endpoint is no address of a web site.
    #[error("endpoint is not an address such as https://storage.example.org")]
    Endpoint,
    /// No account of Azure is called so.
    #[error("account takes 3 to 24 lower-case letters and digits")]
    Account,
    /// A prefix that would have to be escaped somewhere.
    #[error("prefix takes letters, digits and - _ . / and begins with none of the last two")]
    Prefix,
}

impl ObjectStoreConfig {
    /// The defaults for a bucket.
    pub fn new(provider: Provider, bucket: impl Into<String>) -> Self {
        Self {
            provider,
            bucket: bucket.into(),
            account: None,
            endpoint: None,
            prefix: String::new(),
            timeout: Duration::from_secs(30),
            attempts: 3,
        }
    }

    /// What `gs://…` or `az://…` says; the module's documentation has the options.
    ///
    /// # Errors
    /// Says what is wrong without repeating any of it.
    pub fn from_url(url: &str) -> Result<Self, ObjectStoreUrlError> {
        use ObjectStoreUrlError as Error;
        let url = Url::parse(url).map_err(|_| Error::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::Credentials);
        }
        let provider = match url.scheme() {
            #[cfg(feature = "gcs")]
            "gs" => Provider::Gcs,
            #[cfg(feature = "azure")]
            "az" => Provider::Azure,
            _ => return Err(Error::Malformed),
        };
        let plain = url.port().is_none() && url.fragment().is_none() && matches!(url.path(), "" | "/");
        let bucket = url.host_str().filter(|name| plain && is_bucket(name));
        let mut config = Self::new(provider, bucket.ok_or(Error::Malformed)?);
        let mut seen = Vec::new();
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                _ if value.is_empty() || seen.contains(&name) => return Err(Error::Option),
                "endpoint" => config.endpoint = Some(endpoint(&value)?),
                "prefix" => config.prefix = prefix(&value)?,
                "account" if url.scheme() == "az" => config.account = Some(account(&value)?),
                _ => return Err(Error::Option),
            }
            seen.push(name);
        }
        Ok(config)
    }
}

/// As far as it matters for hosts and paths; the store knows the rest.
fn is_bucket(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    (3..=222).contains(&name.len()) && name.bytes().all(plain)
}

/// Of an emulator, the account may stand in the path.
fn endpoint(value: &str) -> Result<Url, ObjectStoreUrlError> {
    let url = Url::parse(value).map_err(|_| ObjectStoreUrlError::Endpoint)?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let is_site = matches!(url.scheme(), "http" | "https") && url.has_host();
    if plain && is_site && url.fragment().is_none() { Ok(url) } else { Err(ObjectStoreUrlError::Endpoint) }
}

fn account(value: &str) -> Result<String, ObjectStoreUrlError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_account = (3..=24).contains(&value.len()) && value.bytes().all(plain);
    if is_account { Ok(value.to_owned()) } else { Err(ObjectStoreUrlError::Account) }
}

fn prefix(value: &str) -> Result<String, ObjectStoreUrlError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./".contains(&b);
    let is_odd = value.split('/').any(|part| part.starts_with('.'));
    let folder = value.strip_suffix('/').unwrap_or(value);
    if value.starts_with('/') || is_odd || folder.contains("//") || !value.bytes().all(plain) {
        return Err(ObjectStoreUrlError::Prefix);
    }
    Ok(format!("{folder}/"))
}

#[cfg(all(test, feature = "azure", feature = "gcs"))]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_all_of_it() {
        let google = ObjectStoreConfig::new(Provider::Gcs, "my_music.example.org");
        assert_eq!(ObjectStoreConfig::from_url("gs://my_music.example.org").unwrap(), google);
        let url = "az://music?account=moodify&endpoint=http://127.0.0.1:10000/moodify&prefix=live/media";
        let expected = ObjectStoreConfig {
            account: Some("moodify".to_owned()),
            endpoint: Some("http://127.0.0.1:10000/moodify".parse().unwrap()),
            prefix: "live/media/".to_owned(),
            ..ObjectStoreConfig::new(Provider::Azure, "music")
        };
        assert_eq!(ObjectStoreConfig::from_url(url).unwrap(), expected);
        assert_eq!(ObjectStoreConfig::from_url("gs://music?prefix=a/").unwrap().prefix, "a/");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        use ObjectStoreUrlError::{Account, Credentials, Endpoint, Malformed, Option, Prefix};
        for (url, error) in [
            ("gs:music", Malformed),
            ("gs://", Malformed),
            ("gs://ab", Malformed),
            ("gs://Music", Malformed),
            ("gs://music/folder", Malformed),
            ("gs://music:9000", Malformed),
            ("az://music#x", Malformed),
            ("s3://music", Malformed),
            ("az://account:key@music", Credentials),
            ("az://music?account_key=x", Option),
            ("gs://music?account=moodify", Option),
            ("gs://music?prefix=a&prefix=b", Option),
            ("az://music?account=", Option),
            ("az://music?account=My-Account", Account),
            ("az://music?account=ab", Account),
            ("gs://music?endpoint=127.0.0.1:9000", Endpoint),
            ("gs://music?endpoint=ftp://127.0.0.1", Endpoint),
            ("gs://music?endpoint=http://key:secret@host", Endpoint),
            ("az://music?endpoint=http://host/?sig=x", Endpoint),
            ("gs://music?prefix=/a", Prefix),
            ("gs://music?prefix=../a", Prefix),
            ("gs://music?prefix=a//b", Prefix),
        ] {
            assert_eq!(ObjectStoreConfig::from_url(url).unwrap_err(), error, "{url}");
        }
    }
}
