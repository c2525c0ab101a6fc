#![doc = include_str!("docs.md")]

mod mailer;

pub use crate::message::eml;
pub use mailer::FileMailer;
