//! What handlers take from a request, checked: a handler never sees anything malformed.

mod bearer;
mod body;
mod client;
mod fields;
mod if_match;
mod json;
mod natural;
mod path;
mod program;
mod query;
mod upload;

pub(crate) use bearer::{Bearer, present, token};
pub(crate) use client::{Client, client};
pub(crate) use fields::{check, each, field};
pub(crate) use if_match::{IfMatch, IfMatchParam};
pub(crate) use json::{JsonBody, is_json, not_null};
pub(crate) use natural::Natural;
pub(crate) use path::PathId;
pub(crate) use program::Program;
pub(crate) use query::{PageParams, Params, page_size};
pub(crate) use upload::{UploadBody, multipart_fault, plain_body};
