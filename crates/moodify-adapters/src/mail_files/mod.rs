#![doc = include_str!("docs.md")]

mod eml;
mod mailer;

pub use eml::eml;
pub use mailer::FileMailer;
