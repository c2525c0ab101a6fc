//! What has to be known of a bucket.

use std::time::Duration;

use url::Url;

/// A bucket, and how to talk to the store it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Config {
    /// Its name.
    pub bucket: String,
    /// Where it is. `None`: what the environment or the profile says; at an endpoint of one's own, where
    /// regions often mean nothing, `us-east-1` if they say nothing.
    pub region: Option<String>,
    /// The address of a store that is not AWS'. Clients follow signed URLs there: it must be one that they
    /// reach.
    pub endpoint: Option<Url>,
    /// Whether the bucket stands in the path of URLs instead of in their host name. Default: no.
    pub path_style: bool,
    /// How objects are encrypted at rest. `None`: as the bucket has it.
    pub encryption: Option<Encryption>,
    /// Stands before every key: empty, or ending in a slash.
    pub prefix: String,
    /// How long one request may take, with the bytes that it sends. Default: 30 s.
    pub timeout: Duration,
    /// How often a request is tried that fails for now. Default: 3.
    pub attempts: u32,
}

/// How objects are encrypted at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// With keys that the store looks after.
    Aes256,
    /// With a key of AWS KMS; `None` is the account's own one for S3.
    Kms {
        /// Its id or ARN.
        key: Option<String>,
    },
}

/// Why a URL names no bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum S3UrlError {
    /// It cannot be read.
    #[error("it is not `s3://bucket?region=…`")]
    Malformed,
    /// Somebody wrote keys into it.
    #[error("credentials do not belong into it: they come from the environment, a profile or a role")]
    Credentials,
    /// An unknown option, or one that is there twice.
    #[error("its options are region, endpoint, path_style, sse, kms_key and prefix, each once")]
    Option,
    /// The endpoint is no address of a web site.
    #[error("endpoint is not an address such as https://s3.example.org")]
    Endpoint,
    /// Not a truth value.
    #[error("path_style is true or false")]
    PathStyle,
    /// An unknown encryption, or a key for one that takes none.
    #[error("sse is AES256 or aws:kms, and only aws:kms takes a kms_key")]
    Encryption,
    /// A prefix that would have to be escaped somewhere.
    #[error("prefix takes letters, digits and - _ . / and begins with none of the last two")]
    Prefix,
}

impl S3Config {
    /// The defaults for a bucket.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            region: None,
            endpoint: None,
            path_style: false,
            encryption: None,
            prefix: String::new(),
            timeout: Duration::from_secs(30),
            attempts: 3,
        }
    }

    /// What `s3://…` says; the module's documentation has the options.
    ///
    /// # Errors
    /// Says what is wrong without repeating any of it.
    pub fn from_url(url: &str) -> Result<Self, S3UrlError> {
        let url = Url::parse(url).map_err(|_| S3UrlError::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(S3UrlError::Credentials);
        }
        let plain = url.scheme() == "s3" && url.port().is_none() && url.fragment().is_none();
        let bucket = url.host_str().filter(|name| plain && is_bucket(name) && matches!(url.path(), "" | "/"));
        let mut config = Self::new(bucket.ok_or(S3UrlError::Malformed)?);
        let (mut sse, mut key, mut seen) = (None, None, Vec::new());
        for (name, value) in url.query_pairs() {
            let value = value.into_owned();
            match name.as_ref() {
                _ if value.is_empty() || seen.contains(&name) => return Err(S3UrlError::Option),
                "region" => config.region = Some(value),
                "endpoint" => config.endpoint = Some(endpoint(&value)?),
                "path_style" => config.path_style = value.parse().map_err(|_| S3UrlError::PathStyle)?,
                "prefix" => config.prefix = prefix(&value)?,
                "sse" => sse = Some(value),
                "kms_key" => key = Some(value),
                _ => return Err(S3UrlError::Option),
            }
            seen.push(name);
        }
        config.encryption = match (sse.as_deref(), key) {
            (None, None) => None,
            (Some("AES256"), None) => Some(Encryption::Aes256),
            (Some("aws:kms"), key) => Some(Encryption::Kms { key }),
            _ => return Err(S3UrlError::Encryption),
        };
        Ok(config)
    }

    /// How long an operation may take with all its tries.
    pub(super) fn patience(&self) -> Duration {
        self.timeout.saturating_mul(self.attempts)
    }
}

/// As far as it matters for hosts and paths; the store knows the rest.
fn is_bucket(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    (3..=63).contains(&name.len()) && name.bytes().all(plain)
}

fn endpoint(value: &str) -> Result<Url, S3UrlError> {
    let url = Url::parse(value).map_err(|_| S3UrlError::Endpoint)?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let is_site = matches!(url.scheme(), "http" | "https") && url.has_host() && url.path() == "/";
    if plain && is_site && url.fragment().is_none() { Ok(url) } else { Err(S3UrlError::Endpoint) }
}

fn prefix(value: &str) -> Result<String, S3UrlError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./".contains(&b);
    let is_odd = value.split('/').any(|part| part.starts_with('.'));
    let folder = value.strip_suffix('/').unwrap_or(value);
    if value.starts_with('/') || is_odd || folder.contains("//") || !value.bytes().all(plain) {
        return Err(S3UrlError::Prefix);
    }
    Ok(format!("{folder}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_all_of_it() {
        assert_eq!(S3Config::from_url("s3://my-music").unwrap(), S3Config::new("my-music"));
        let url = "s3://music.example?region=eu-west-1&endpoint=http://127.0.0.1:9000&path_style=true\
                   &sse=aws:kms&kms_key=arn:aws:kms:eu-west-1:1:key/2&prefix=live/media";
        let expected = S3Config {
            region: Some("eu-west-1".to_owned()),
            endpoint: Some("http://127.0.0.1:9000".parse().unwrap()),
            path_style: true,
            encryption: Some(Encryption::Kms { key: Some("arn:aws:kms:eu-west-1:1:key/2".to_owned()) }),
            prefix: "live/media/".to_owned(),
            ..S3Config::new("music.example")
        };
        assert_eq!(S3Config::from_url(url).unwrap(), expected);
        let encrypted = |sse| S3Config::from_url(&format!("s3://music?sse={sse}")).unwrap().encryption;
        assert_eq!(encrypted("AES256"), Some(Encryption::Aes256));
        assert_eq!(encrypted("aws:kms"), Some(Encryption::Kms { key: None }));
        assert_eq!(S3Config::from_url("s3://music?prefix=a/").unwrap().prefix, "a/");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        use S3UrlError::{Credentials, Encryption, Endpoint, Malformed, Option, PathStyle, Prefix};
        for (url, error) in [
            ("s3:music", Malformed),
            ("s3://", Malformed),
            ("s3://Music_1", Malformed),
            ("s3://ab", Malformed),
            ("s3://music/folder", Malformed),
            ("s3://music:9000", Malformed),
            ("s3://music#x", Malformed),
            ("http://music", Malformed),
            ("s3://AKIA:secret@music", Credentials),
            ("s3://music?secret_key=x", Option),
            ("s3://music?region=a&region=b", Option),
            ("s3://music?region=", Option),
            ("s3://music?endpoint=127.0.0.1:9000", Endpoint),
            ("s3://music?endpoint=ftp://127.0.0.1", Endpoint),
            ("s3://music?endpoint=http://key:secret@host", Endpoint),
            ("s3://music?endpoint=http://host/path", Endpoint),
            ("s3://music?path_style=yes", PathStyle),
            ("s3://music?sse=none", Encryption),
            ("s3://music?kms_key=x", Encryption),
            ("s3://music?sse=AES256&kms_key=x", Encryption),
            ("s3://music?prefix=/a", Prefix),
            ("s3://music?prefix=../a", Prefix),
            ("s3://music?prefix=a//b", Prefix),
            ("s3://music?prefix=a%20b", Prefix),
        ] {
            assert_eq!(S3Config::from_url(url).unwrap_err(), error, "{url}");
        }
    }
}
