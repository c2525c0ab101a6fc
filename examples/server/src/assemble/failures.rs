//! What is said of a setting that does not work.

use std::error::Error;

use moodify_core::port::Unavailable;

use crate::{
    config::Address,
    failure::{Failure, one_line},
};

#[allow(dead_code, reason = "nothing is missing where every feature is built in")]
pub(super) fn not_built(setting: &str, address: &Address, feature: &str, instead: &str) -> Failure {
    Failure::new(
        format!(
            "{setting} is {address}, which needs the feature `{feature}`; this program is built without it"
        ),
        format!("build it with that feature, or set {setting} to {instead}"),
    )
}

pub(super) fn unknown(setting: &str, address: &Address, instead: &str) -> Failure {
    Failure::new(
        format!("{setting} is {address}, and there is no adapter for `{}:`", address.scheme()),
        format!("set {setting} to a URL such as {instead}"),
    )
}

pub(super) fn not_writable(setting: &str, address: &Address, error: &Unavailable) -> Failure {
    Failure::new(
        format!("{setting} at {address} cannot be used: {}", one_line(error)),
        format!("make it a place that this user may write to, or name another one with --{setting}"),
    )
}

#[cfg(feature = "smtp")]
pub(super) fn no_mail_server(address: &Address, error: &Unavailable) -> Failure {
    Failure::new(
        format!("mailer at {address} cannot be used: {}", one_line(error)),
        "correct smtp.ca_file, or leave it to the system's authorities",
    )
}

/// An adapter's error that ends in what to do, after its last semicolon; or else this.
pub(crate) fn with_advice(error: &dyn Error, otherwise: &str) -> Failure {
    let text = one_line(error);
    match text.rsplit_once("; ") {
        Some((what, fix)) => Failure::new(what, fix),
        None => Failure::new(text, otherwise),
    }
}
