#![doc = include_str!("docs.md")]

mod mailer;
mod message;

pub use mailer::FileMailer;
pub use message::eml;
