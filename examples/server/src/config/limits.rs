//! `[limits]`

use moodify_core::config::LimitsConfig;
use serde::Deserialize;

/// How much one caller may ask for; 0 is no limit. What is not set has the default of
/// [`LimitsConfig`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    login_failures_per_minute: Option<u32>,
    login_failures_in_a_row: Option<u32>,
    signup_per_minute: Option<u32>,
    requests_per_minute: Option<u32>,
}

impl Limits {
    /// The typed configuration.
    pub(crate) fn config(&self) -> LimitsConfig {
        let default = LimitsConfig::default();
        LimitsConfig {
            login_failures_per_minute: self
                .login_failures_per_minute
                .unwrap_or(default.login_failures_per_minute),
            login_failures_in_a_row: self.login_failures_in_a_row.unwrap_or(default.login_failures_in_a_row),
            signup_per_minute: self.signup_per_minute.unwrap_or(default.signup_per_minute),
            requests_per_minute: self.requests_per_minute.unwrap_or(default.requests_per_minute),
        }
    }
}
