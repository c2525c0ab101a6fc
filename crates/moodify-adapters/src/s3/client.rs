//! The SDK, told how patient to be, what time it is and who signs.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, IdentityCache, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedCredentialsProvider, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_async::time::TimeSource;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use moodify_core::port::{Clock, Unavailable};

use super::S3Config;
use super::credentials::Purse;
use super::error::S3Fault;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// How long to look for a region: off AWS, the machine's own service for that never answers.
const REGION: Duration = Duration::from_secs(5);

/// The longest wait between two tries of one request.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// What stores with an endpoint of their own are asked for that say nothing of regions.
const ANY_REGION: &str = "us-east-1";

/// The region and the credentials that the environment, a profile or a role gives.
pub(super) async fn surroundings(
    config: &S3Config,
    clock: &Arc<dyn Clock>,
) -> Result<(Region, SharedCredentialsProvider), Unavailable> {
    let surroundings =
        ProviderConfig::without_region().with_http_client(http()).with_time_source(Time(clock.clone()));
    let region = match (&config.region, &config.endpoint) {
        (Some(region), _) => region.clone(),
        (None, endpoint) => {
            let chain = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
                .or_else(ProfileFileRegionProvider::builder().configure(&surroundings).build())
                .or_else(ImdsRegionProvider::builder().configure(&surroundings).build());
            let found = tokio::time::timeout(REGION, chain.region()).await.ok().flatten();
            let found = found.map(|region| region.to_string());
            let any = endpoint.as_ref().map(|_| ANY_REGION.to_owned());
            found.or(any).ok_or_else(|| Unavailable::lasting(S3Fault::no_region()))?
        }
    };
    let region = Region::new(region);
    let chain = DefaultCredentialsChain::builder().configure(surroundings).region(region.clone());
    Ok((region, SharedCredentialsProvider::new(chain.build().await)))
}

/// A client for this bucket; nothing is asked yet.
pub(super) fn client(config: &S3Config, region: Region, purse: Purse, clock: Arc<dyn Clock>) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(config.timeout)
        .operation_timeout(config.patience());
    let retries = RetryConfig::standard().with_max_attempts(config.attempts).with_max_backoff(MAX_BACKOFF);
    // A body that stops on its way to us: no time-out of the request covers that.
    let stalled = StalledStreamProtectionConfig::enabled().grace_period(config.timeout);
    let mut sdk = Builder::new()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(region)
        .credentials_provider(purse)
        // The purse is one.
        .identity_cache(IdentityCache::no_cache())
        .http_client(http())
        .time_source(Time(clock))
        // It would hide that the URLs that we sign do not work.
        .disable_clock_skew_correction(true)
        .timeout_config(timeouts.build())
        .retry_config(retries)
        .stalled_stream_protection(stalled.build())
        .force_path_style(config.path_style)
        // Every body is signed with its SHA-256; a second sum is more than some stores understand.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if let Some(endpoint) = &config.endpoint {
        sdk = sdk.endpoint_url(endpoint.as_str().trim_end_matches('/'));
    }
    Client::from_conf(sdk.build())
}

fn http() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// The clock as the SDK wants it.
struct Time(Arc<dyn Clock>);

impl TimeSource for Time {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Time")
    }
}
