#![doc = include_str!("docs.md")]

mod config;
mod mailer;
mod tokens;

pub use config::GmailConfig;
pub use mailer::GmailMailer;
