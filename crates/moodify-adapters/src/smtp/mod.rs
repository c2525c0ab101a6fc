#![doc = include_str!("docs.md")]

mod config;
mod connector;
mod error;
mod exchange;
mod log_in;
mod mailer;

pub use config::{Encryption, SmtpConfig, SmtpUrlError};
pub use log_in::{AccessTokens, LogIn};
pub use mailer::SmtpMailer;
